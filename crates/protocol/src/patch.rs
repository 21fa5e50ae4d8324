//! A patch: what one change of a value looks like as JSON. Immer's format, and `move`.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::MAX_SAFE_INTEGER;
use crate::opaque::Opaque;
use crate::path::Path;

/// One change, in the format of Immer's `produceWithPatches`.
///
/// What Immer writes comes back the same, number for number and in the same order. Members that are not of its format are not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Where: object keys and array indexes from the root. Empty means the root itself.
    pub path: Path,
    /// What is done there.
    pub op: Op,
}

/// What a patch does at its path.
///
/// A value of `None` is JavaScript's `undefined`, which JSON leaves out; it stays left out, and is not the same as `null`.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A new key of an object, or an insertion before an index of an array.
    Add(Option<Value>),
    /// Another value for a key, an index, an array's `length` or the root.
    Replace(Option<Value>),
    /// A key or an index that goes.
    Remove,
    /// An item of an array that changes its place: it is taken from the index `from`, and then stands at the index that ends the path.
    ///
    /// `{"op": "move", "path": ["items", 4], "from": 0}`. It is between clients of documents only: Immer does not know it.
    Move {
        /// Where the item was, before it was taken out.
        from: u64,
    },
}

impl Patch {
    /// `op` at `path`.
    pub fn new(path: Path, op: Op) -> Patch {
        Patch { path, op }
    }
}

impl Op {
    /// What its name is on the wire.
    pub fn name(&self) -> OpName {
        match self {
            Op::Add(_) => OpName::Add,
            Op::Replace(_) => OpName::Replace,
            Op::Remove => OpName::Remove,
            Op::Move { .. } => OpName::Move,
        }
    }
}

/// The name of an operation on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are what the operations are called")]
pub enum OpName {
    Add,
    Replace,
    Remove,
    Move,
}

impl OpName {
    /// What Immer knows, and with it the patch dialect.
    pub const OF_IMMER: &[&str] = &["add", "replace", "remove"];
    const ALL: &[&str] = &["add", "replace", "remove", "move"];

    /// The operation of this name.
    pub fn parse(name: &str) -> Option<OpName> {
        match name {
            "add" => Some(OpName::Add),
            "replace" => Some(OpName::Replace),
            "remove" => Some(OpName::Remove),
            "move" => Some(OpName::Move),
            _ => None,
        }
    }
}

impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut patch = serializer.serialize_map(None)?;
        patch.serialize_entry("op", &self.op.name())?;
        patch.serialize_entry("path", &self.path)?;
        match &self.op {
            Op::Add(Some(value)) | Op::Replace(Some(value)) => patch.serialize_entry("value", value)?,
            Op::Add(None) | Op::Replace(None) | Op::Remove => {}
            Op::Move { from } => patch.serialize_entry("from", from)?,
        }
        patch.end()
    }
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PatchVisitor)
    }
}

struct PatchVisitor;

impl<'de> Visitor<'de> for PatchVisitor {
    type Value = Patch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Patch, A::Error> {
        let (mut op, mut path, mut value, mut from) = (None, None, None, None);
        while let Some(member) = members.next_key::<Member>()? {
            match member {
                Member::Op => once(&mut op, "op", members.next_value::<OpName>()?)?,
                Member::Path => once(&mut path, "path", members.next_value::<Path>()?)?,
                Member::Value => once(&mut value, "value", members.next_value::<Value>()?)?,
                Member::From => once(&mut from, "from", members.next_value::<Value>()?)?,
                Member::Unknown => {
                    members.next_value::<Opaque>()?;
                }
            }
        }
        let op = match op.ok_or_else(|| de::Error::missing_field("op"))? {
            OpName::Add => Op::Add(value),
            OpName::Replace => Op::Replace(value),
            OpName::Remove => Op::Remove,
            OpName::Move => Op::Move {
                from: from
                    .as_ref()
                    .and_then(index)
                    .ok_or_else(|| de::Error::custom(MOVE_WITHOUT_FROM))?,
            },
        };
        let path = path.ok_or_else(|| de::Error::missing_field("path"))?;
        Ok(Patch { path, op })
    }
}

/// What a reader of something else is told.
pub(crate) const EXPECTED: &str = "a patch: an object with `op` and `path`";

/// Why a `move` cannot be read.
pub(crate) const MOVE_WITHOUT_FROM: &str = "a `move` needs `from`, the index that it takes from";

/// The index that a value is, as a number of JavaScript: 1.0 is 1.
pub(crate) fn index(value: &Value) -> Option<u64> {
    let number = value.as_f64()?;
    let is_index = number.fract() == 0.0 && (0.0..=MAX_SAFE_INTEGER as f64).contains(&number);
    is_index.then_some(number as u64)
}

/// Puts `found` into its place; a second one is an error, because readers would disagree on which counts.
pub(crate) fn once<T, E: de::Error>(place: &mut Option<T>, name: &'static str, found: T) -> Result<(), E> {
    match place.replace(found) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// The name of a patch's member.
pub(crate) enum Member {
    Op,
    Path,
    Value,
    From,
    Unknown,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "op" => Member::Op,
            "path" => Member::Path,
            "value" => Member::Value,
            "from" => Member::From,
            _ => Member::Unknown,
        })
    }
}

// Written out, because a derived one calls `null` in this place a syntax error.
impl<'de> Deserialize<'de> for OpName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OpNameVisitor)
    }
}

struct OpNameVisitor;

impl Visitor<'_> for OpNameVisitor {
    type Value = OpName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an operation")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<OpName, E> {
        OpName::parse(name).ok_or_else(|| E::unknown_variant(name, OpName::ALL))
    }
}
