//! Immer's patch: what one change of a state looks like as JSON.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One change, in the format of Immer's `produceWithPatches`.
///
/// What Immer writes comes back the same: number for number, members in their order, members that Immer
/// does not know included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// What is done at `path`.
    pub op: Op,
    /// Where: object keys and array indexes from the root. Empty means the root itself.
    pub path: Vec<PathSegment>,
    /// The new value. `None` is JavaScript's `undefined`, which JSON leaves out; it stays left out, and is
    /// not the same as `null`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub value: Option<Value>,
    /// Members that Immer does not define.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The operations that Immer emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// A new key of an object, or an insertion before an index of an array.
    Add,
    /// Another value for a key, an index, an array's `length` or the root.
    Replace,
    /// A key or an index that goes.
    Remove,
}

// Written out, because a derived one calls `null` in this place a syntax error.
impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OpVisitor)
    }
}

struct OpVisitor;

impl Visitor<'_> for OpVisitor {
    type Value = Op;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an operation")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Op, E> {
        match name {
            "add" => Ok(Op::Add),
            "replace" => Ok(Op::Replace),
            "remove" => Ok(Op::Remove),
            _ => Err(E::unknown_variant(name, &["add", "replace", "remove"])),
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PathSegment {
    /// An index of an array, or an object's key that looks like one: 0 to 2^53 - 1.
    Index(u64),
    /// A key of an object, or an array's `length`.
    Key(String),
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

/// The largest integer up to which every integer is a double of its own (`Number.MAX_SAFE_INTEGER`).
const MAX_INDEX: u64 = (1 << 53) - 1;

impl<K, F: Fn(&str) -> K> Visitor<'_> for SegmentVisitor<F> {
    type Value = Segment<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an index (0 to 2^53 - 1) in the path")
    }

    fn visit_u64<E: de::Error>(self, index: u64) -> Result<Self::Value, E> {
        if index > MAX_INDEX {
            return Err(E::invalid_value(de::Unexpected::Unsigned(index), &self));
        }
        Ok(Segment::Index(index))
    }

    fn visit_f64<E: de::Error>(self, index: f64) -> Result<Self::Value, E> {
        // JavaScript knows one kind of number: 1.0 and 1e0 are the index 1.
        if index.fract() != 0.0 || !(0.0..=MAX_INDEX as f64).contains(&index) {
            return Err(E::invalid_value(de::Unexpected::Float(index), &self));
        }
        Ok(Segment::Index(index as u64))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        // Immer throws on it (error 19), and a receiver that is not Immer would change every object it has.
        if key == "__proto__" {
            return Err(E::custom("`__proto__` is not allowed in a path"));
        }
        Ok(Segment::Key((self.keep)(key)))
    }
}

/// Reads a member that is there, be it `null`, as `Some`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
