//! What several messages are made of, and needs more than its type says to be read.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, de};

use crate::Malformed;
use crate::ids::{Author, Epoch, StateHash};
use crate::limits::MAX_SAFE_INTEGER;
use crate::path::{Path, PathSegment};

/// What tells messages apart.
#[derive(Deserialize)]
pub(super) struct Tag<'a> {
    #[serde(rename = "type", borrow)]
    pub name: Cow<'a, str>,
    /// Those of an op, which is one of a document then.
    #[serde(default)]
    pub patches: Option<IgnoredAny>,
}

impl Tag<'_> {
    pub fn of(text: &str) -> Result<Tag<'_>, Malformed> {
        let Object(tag) = serde_json::from_str(text)?;
        Ok(tag)
    }
}

/// A struct that is read from an object and from nothing else: by itself serde takes an array of the members in their
/// order, too.
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

pub(super) fn safe_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        number @ 0..=MAX_SAFE_INTEGER => Ok(number),
        number => Err(de::Error::custom(format!(
            "{number} is above {MAX_SAFE_INTEGER}, the largest integer of JavaScript"
        ))),
    }
}

pub(super) fn op_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match safe_integer(deserializer)? {
        0 => Err(de::Error::custom("the id of an op is at least 1")),
        id => Ok(id),
    }
}

pub(super) fn some_op_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    op_id(deserializer).map(Some)
}

pub(super) fn epoch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Epoch, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Epoch::parse(&text).ok_or_else(|| de::Error::custom("an epoch is 16 hexadecimal digits in lower case"))
}

pub(super) fn author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Author, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Author::parse(&text).ok_or_else(|| de::Error::custom("a client's id is 16 characters of base64url"))
}

pub(super) fn some_author<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Author>, D::Error> {
    author(deserializer).map(Some)
}

pub(super) fn state_hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StateHash, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    StateHash::parse(&text).ok_or_else(|| de::Error::custom("a hash is 16 hexadecimal digits in lower case"))
}

/// A member that may be left out, and that may be `null`, which `Option` by itself takes for one that is left out.
pub(super) fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The path of a patch that was refused, which may hold what no path may.
pub(super) fn path_of_anything<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Path>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Segment {
        Index(u64),
        Key(String),
    }

    let segments = Option::<Vec<Segment>>::deserialize(deserializer)?;
    let read = |segment| match segment {
        Segment::Index(index) => PathSegment::Index(index),
        Segment::Key(key) => PathSegment::Key(key),
    };
    Ok(segments.map(|segments| segments.into_iter().map(read).collect()))
}
