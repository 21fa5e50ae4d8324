//! The message of the patch dialect: a JSON array of Immer patches.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Malformed;
use crate::opaque::Opaque;
use crate::patch::{EXPECTED, Member, OpName, once};
use crate::path::OpaqueSegment;

/// How many patches the text of a message holds, once every one of them was found to be a patch.
///
/// Nothing is built and nothing is changed: others are to receive just the sender's bytes.
pub fn check_message(text: &str) -> Result<usize, Malformed> {
    let PatchCount(patches) = serde_json::from_str(text)?;
    Ok(patches)
}

/// What `message`, which [`check_message`] accepted, adds to a history: the text of its patches without the
/// brackets around them. Empty when there are none.
pub fn inner(message: &[u8]) -> &[u8] {
    let inner = message.trim_ascii();
    inner
        .get(1..inner.len().saturating_sub(1))
        .unwrap_or_default()
        .trim_ascii()
}

/// Bytes that `message` adds to the history array, its separating comma included.
pub fn history_weight(message: &[u8]) -> u64 {
    match inner(message).len() as u64 {
        0 => 0,
        len => len + 1,
    }
}

/// Bytes of the history message, whose parts have this weight in all.
pub fn history_len(weight: u64) -> u64 {
    // Every part but the first is preceded by a comma; the brackets take two.
    weight.saturating_sub(1) + 2
}

struct PatchCount(usize);

impl<'de> Deserialize<'de> for PatchCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = PatchCount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of patches")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PatchCount, A::Error> {
        let mut count = 0;
        while list.next_element::<CheckedPatch>()?.is_some() {
            count += 1;
        }
        Ok(PatchCount(count))
    }
}

/// A patch that is checked like a [`Patch`](crate::patch::Patch) but not kept.
struct CheckedPatch;

impl<'de> Deserialize<'de> for CheckedPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PatchVisitor)
    }
}

struct PatchVisitor;

impl<'de> Visitor<'de> for PatchVisitor {
    type Value = CheckedPatch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<CheckedPatch, A::Error> {
        let (mut op, mut path, mut value) = (None, None, None);
        while let Some(member) = members.next_key::<Member>()? {
            match member {
                Member::Op => once(&mut op, "op", immers_op(members.next_value()?)?)?,
                Member::Path => once(&mut path, "path", members.next_value::<CheckedPath>()?)?,
                Member::Value => once(&mut value, "value", members.next_value::<Opaque>()?)?,
                Member::From | Member::Unknown => {
                    members.next_value::<Opaque>()?;
                }
            }
        }
        op.ok_or_else(|| de::Error::missing_field("op"))?;
        path.ok_or_else(|| de::Error::missing_field("path"))?;
        Ok(CheckedPatch)
    }
}

/// Plain Immer clients would not understand another one.
fn immers_op<E: de::Error>(op: OpName) -> Result<OpName, E> {
    match op {
        OpName::Add | OpName::Replace | OpName::Remove => Ok(op),
        OpName::Move => Err(E::unknown_variant("move", OpName::OF_IMMER)),
    }
}

struct CheckedPath;

impl<'de> Deserialize<'de> for CheckedPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PathVisitor)
    }
}

struct PathVisitor;

impl<'de> Visitor<'de> for PathVisitor {
    type Value = CheckedPath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path: an array of strings and indexes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut segments: A) -> Result<CheckedPath, A::Error> {
        while segments.next_element::<OpaqueSegment>()?.is_some() {}
        Ok(CheckedPath)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::Patch;

    #[test]
    fn a_move_is_for_documents_and_no_patch_of_immer() {
        let text = r#"[{"op":"move","path":["a",1],"from":0}]"#;
        assert_eq!(
            serde_json::from_str::<Vec<Patch>>(text)
                .map(|list| list.len())
                .ok(),
            Some(1)
        );
        let reason = check_message(text).expect_err("a move").to_string();
        assert!(reason.contains("unknown variant `move`"), "{reason}");
    }

    #[test]
    fn the_inner_text_is_what_stands_between_the_brackets() {
        assert_eq!(inner(b"[1,2]"), b"1,2");
        assert_eq!(inner(b" [ 1 ] \n"), b"1");
        assert_eq!(inner(b"[ ]"), b"");
    }

    #[test]
    fn the_length_of_a_history_follows_from_the_weights_of_its_messages() {
        let messages: [&[u8]; 4] = [b"[]", b"[1,2]", b" [ 3 ] ", b"[ ]"];
        let weight = messages.iter().map(|message| history_weight(message)).sum();
        assert_eq!(history_len(weight), "[1,2,3]".len() as u64);
        assert_eq!(history_len(0), "[]".len() as u64);
    }
}
