//! Where a patch applies: the way from the root of a value to one of its places.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_SAFE_INTEGER;

/// Object keys and array indexes from the root, which is the empty path.
pub type Path = Vec<PathSegment>;

/// One step of a path. Whether it names a key or an index is for the container to say that it is a step in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PathSegment {
    /// An index of an array, or an object's key that looks like one: 0 to 2^53 - 1.
    Index(u64),
    /// A key of an object, an array's `length`, or an index that is written as text.
    Key(String),
}

/// The key that no path may hold. Setting it changes an object's prototype in JavaScript, be it every object's.
pub const RESERVED_KEY: &str = "__proto__";

impl PathSegment {
    /// What it names in an object.
    pub fn key(&self) -> Cow<'_, str> {
        match self {
            PathSegment::Index(index) => Cow::Owned(index.to_string()),
            PathSegment::Key(key) => Cow::Borrowed(key),
        }
    }

    /// What it names in an array, whatever the array's length: `"1"` is 1 there, while `"01"`, `"-"` and `"length"` are no indexes. An index
    /// that no array of this machine can have is the largest number there is.
    pub fn index(&self) -> Option<usize> {
        let index = match self {
            PathSegment::Index(index) => *index,
            PathSegment::Key(key) => {
                let digits = key.bytes().all(|byte| byte.is_ascii_digit());
                let plain = digits && (key == "0" || !key.starts_with('0'));
                let index = plain.then(|| key.parse().ok()).flatten();
                index.filter(|index| *index <= MAX_SAFE_INTEGER)?
            }
        };
        Some(usize::try_from(index).unwrap_or(usize::MAX))
    }
}

impl From<&str> for PathSegment {
    fn from(key: &str) -> Self {
        PathSegment::Key(key.to_owned())
    }
}

impl From<String> for PathSegment {
    fn from(key: String) -> Self {
        PathSegment::Key(key)
    }
}

impl From<usize> for PathSegment {
    fn from(index: usize) -> Self {
        PathSegment::Index(index as u64)
    }
}

impl<'de> Deserialize<'de> for PathSegment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(SegmentVisitor {
                keep: |key: &str| key.to_owned(),
            })
            .map(|segment| match segment {
                Segment::Index(index) => PathSegment::Index(index),
                Segment::Key(key) => PathSegment::Key(key),
            })
    }
}

/// A path segment that is checked like a [`PathSegment`] but not kept.
pub(crate) struct OpaqueSegment;

impl<'de> Deserialize<'de> for OpaqueSegment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(SegmentVisitor { keep: |_: &str| () })
            .map(|_| OpaqueSegment)
    }
}

enum Segment<K> {
    Index(u64),
    Key(K),
}

struct SegmentVisitor<F> {
    keep: F,
}

impl<K, F: Fn(&str) -> K> Visitor<'_> for SegmentVisitor<F> {
    type Value = Segment<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an index (0 to 2^53 - 1) in the path")
    }

    fn visit_u64<E: de::Error>(self, index: u64) -> Result<Self::Value, E> {
        if index > MAX_SAFE_INTEGER {
            return Err(E::invalid_value(de::Unexpected::Unsigned(index), &self));
        }
        Ok(Segment::Index(index))
    }

    fn visit_f64<E: de::Error>(self, index: f64) -> Result<Self::Value, E> {
        // JavaScript knows one kind of number: 1.0 and 1e0 are the index 1.
        if index.fract() != 0.0 || !(0.0..=MAX_SAFE_INTEGER as f64).contains(&index) {
            return Err(E::invalid_value(de::Unexpected::Float(index), &self));
        }
        Ok(Segment::Index(index as u64))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        // Immer throws on it (error 19), and a receiver that is not Immer would change every object it has.
        if key == RESERVED_KEY {
            return Err(E::custom("`__proto__` is not allowed in a path"));
        }
        Ok(Segment::Key((self.keep)(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_one_that_javascript_would_print_so() {
        for (key, index) in [("0", Some(0)), ("10", Some(10)), ("00", None), ("01", None)] {
            assert_eq!(PathSegment::from(key).index(), index, "{key}");
        }
        for key in [
            "",
            "-",
            "-1",
            "1.5",
            "+1",
            " 1",
            "length",
            "99999999999999999999999",
        ] {
            assert_eq!(PathSegment::from(key).index(), None, "{key:?}");
        }
    }
}
