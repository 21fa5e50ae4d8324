//! What the log keeps of a document: its entries' payloads, and its snapshots.
//!
//! A payload is two lines of JSON. The first is public, and goes on the wire as it is: what was made, and what became of what was sent. The
//! second is for the server alone: in which context the op was made, and what was sent, if something else was made of it.

use std::fmt;

use patchcast_protocol::apply::ApplyError;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{OpId, Seq, StateHash};
use patchcast_protocol::message::{Change, Made, Outcome, WireConflict, write_as_sent, write_made};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::value::state_hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The line of a payload that goes on the wire: an object, as [`write_made`] writes it.
pub fn public(payload: &[u8]) -> &[u8] {
    lines(payload).0
}

/// Whether the op was made as it was sent, so that its author is told no more than that.
pub fn is_as_sent(payload: &[u8]) -> bool {
    payload.starts_with(br#"{"patches""#)
}

/// The hash of the op as it was sent; `None` when the payload has none, which is then none of a document.
pub fn sent_hash(payload: &[u8]) -> Option<SentHash> {
    #[derive(Deserialize)]
    struct Sent {
        sent: Box<str>,
    }

    let Sent { sent } = serde_json::from_slice(private(payload)).ok()?;
    StateHash::parse(&sent).map(|StateHash(bytes)| SentHash(bytes))
}

/// Tells an op that is sent again from another one under the same id: the first 8 bytes of the SHA-256 of all that it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentHash([u8; 8]);

impl SentHash {
    /// The hash of an op as it was sent.
    pub fn of(change: &Change<Box<RawValue>>) -> SentHash {
        let (base, upon) = (change.base.0, change.upon.0);
        let (strict, reset) = (change.strict, change.reset);
        let mut hash = Sha256::new();
        hash.update(format!("{base} {upon} {strict} {reset} "));
        hash.update(change.patches.get());
        SentHash(*hash.finalize().first_chunk().expect("SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for SentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        StateHash(self.0).fmt(f)
    }
}

/// Why a payload is none of a document.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Not JSON of the right shape.
    #[error(transparent)]
    Shape(#[from] serde_json::Error),
    /// The patches are not such as a server writes.
    #[error(transparent)]
    Patches(#[from] ApplyError),
}

/// The state that an op was made on: the document behind the entry `base`, and its author's own ops from `upon` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub base: Seq,
    pub upon: OpId,
}

/// How an op came to be what it is: the line of a payload for the server alone.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    base: u64,
    upon: u64,
    /// Where its author had no op under way, at last before it: the context of the op that came then. The entries after it tell that of all
    /// ops since. Left out when it is this op's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<(u64, u64)>,
    sent: String,
    /// Whether it was made upon an op that was refused: so the log does not tell what it was made on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
    /// What was sent, if something else was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<Vec<Patch>>,
}

impl Origin {
    /// That of an op of which the log tells all.
    pub fn new(context: Context, since: Context, hash: SentHash) -> Origin {
        Origin {
            base: context.base.0,
            upon: context.upon.0,
            since: (since != context).then_some((since.base.0, since.upon.0)),
            sent: hash.to_string(),
            refused: false,
            op: None,
        }
    }

    /// The same of an op that was made upon a refused one.
    pub fn upon_refused(self, refused: bool) -> Origin {
        Origin { refused, ..self }
    }

    /// Reads what [`private`] gives.
    pub fn read(line: &[u8]) -> Result<Origin, Unreadable> {
        Ok(serde_json::from_slice(line)?)
    }

    pub fn context(&self) -> Context {
        Context {
            base: Seq(self.base),
            upon: OpId(self.upon),
        }
    }

    pub fn since(&self) -> Context {
        match self.since {
            Some((base, upon)) => Context {
                base: Seq(base),
                upon: OpId(upon),
            },
            None => self.context(),
        }
    }

    /// Whether the log does not tell what the op was made on.
    pub fn is_upon_refused(&self) -> bool {
        self.refused
    }

    /// What was sent; `None` if just that was made.
    pub fn sent(&self) -> Result<Option<Edit>, Unreadable> {
        let edit = |patches: &Vec<Patch>| Edit::of_written(patches);
        Ok(self.op.as_ref().map(edit).transpose()?)
    }
}

/// A payload: of an op that came to be what it is by `origin`.
pub(super) fn write(mut origin: Origin, op: &Carried<'_>) -> Vec<u8> {
    let Carried {
        patches,
        sent,
        made,
        conflicts,
    } = *op;
    let outcome = Outcome::of(sent, made);
    let written = made.patches();
    let raw = to_raw_value(&written).expect("patches have a JSON form");
    // A client may have no more than its own patches to go by, and they say the same only of the state that it has made them on.
    let public = if outcome == Outcome::AsSent && conflicts.is_empty() && written == patches {
        write_as_sent(&raw)
    } else {
        write_made(&Made {
            outcome,
            conflicts: conflicts.to_vec(),
            patches: raw,
        })
    };
    origin.op = (outcome != Outcome::AsSent).then(|| sent.patches());
    let mut payload = public.into_bytes();
    payload.push(b'\n');
    serde_json::to_writer(&mut payload, &origin).expect("it has a JSON form, and memory takes all");
    payload
}

/// What was sent, and what of it was made.
#[derive(Clone, Copy)]
pub(super) struct Carried<'a> {
    pub patches: &'a [Patch],
    pub sent: &'a Edit,
    pub made: &'a Edit,
    pub conflicts: &'a [WireConflict],
}

/// The patches that were made.
pub(super) fn patches(payload: &[u8]) -> Result<Vec<Patch>, Unreadable> {
    #[derive(Deserialize)]
    struct Public {
        patches: Vec<Patch>,
    }

    let Public { patches } = serde_json::from_slice(public(payload))?;
    Ok(patches)
}

/// The line of a payload for the server alone, which [`Origin::read`] reads.
pub(super) fn private(payload: &[u8]) -> &[u8] {
    lines(payload).1
}

/// A snapshot: the state, and the hash that it has to reproduce.
pub(super) fn write_snapshot(state: &Value) -> Vec<u8> {
    let mut snapshot = format!(r#"{{"hash":"{}","state":"#, state_hash(state)).into_bytes();
    serde_json::to_writer(&mut snapshot, state).expect("a value's keys are strings, and memory takes all");
    snapshot.push(b'}');
    snapshot
}

/// The state of a snapshot, and the hash that it was stored with.
pub(super) fn read_snapshot(snapshot: &[u8]) -> Result<(Value, Option<StateHash>), serde_json::Error> {
    #[derive(Deserialize)]
    struct Snapshot {
        hash: Box<str>,
        state: Value,
    }

    let Snapshot { hash, state } = serde_json::from_slice(snapshot)?;
    Ok((state, StateHash::parse(&hash)))
}

/// Neither line has a line break in it: all that is written here is JSON without white space.
fn lines(payload: &[u8]) -> (&[u8], &[u8]) {
    let end = payload.iter().position(|byte| *byte == b'\n');
    match end {
        Some(end) => (&payload[..end], &payload[end + 1..]),
        None => (payload, &[]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(base: u64, upon: u64, patches: &str) -> Change<Box<RawValue>> {
        Change {
            id: OpId(9),
            base: Seq(base),
            upon: OpId(upon),
            strict: false,
            reset: false,
            patches: RawValue::from_string(patches.to_owned()).unwrap(),
        }
    }

    /// Of these patches, what was sent is what they do, and `made` was made.
    fn payload(origin: Origin, patches: Value, made: Value) -> Vec<u8> {
        let [patches, made] =
            [patches, made].map(|patches| serde_json::from_value::<Vec<Patch>>(patches).unwrap());
        let op = Carried {
            patches: &patches,
            sent: &Edit::of(&json!({}), &patches).unwrap(),
            made: &Edit::of_written(&made).unwrap(),
            conflicts: &[],
        };
        write(origin, &op)
    }

    fn context(base: u64, upon: u64) -> Context {
        Context {
            base: Seq(base),
            upon: OpId(upon),
        }
    }

    #[test]
    fn an_op_as_sent_is_kept_once_and_another_one_beside_what_was_made() {
        let hash = SentHash::of(&change(4, 9, "[]"));
        let sent = json!([{ "op": "add", "path": ["a\n"], "value": "\n" }]);
        let origin = || Origin::new(context(4, 9), context(4, 9), hash);
        let as_sent = payload(origin(), sent.clone(), sent.clone());
        let text = String::from_utf8(as_sent.clone()).unwrap();
        let expected = format!(
            r#"{{"patches":[{{"op":"add","path":["a\n"],"value":"\n"}}]}}
{{"base":4,"upon":9,"sent":"{hash}"}}"#
        );
        assert_eq!(text, expected);
        assert!(is_as_sent(&as_sent));
        assert_eq!(sent_hash(&as_sent), Some(hash));

        let origin = origin().upon_refused(true);
        let absorbed = payload(origin, sent.clone(), json!([]));
        assert_eq!(public(&absorbed), br#"{"outcome":"absorbed","patches":[]}"#);
        assert!(!is_as_sent(&absorbed));
        assert_eq!(sent_hash(&absorbed), Some(hash));
        assert_eq!(patches(&absorbed).unwrap(), []);
        let read = Origin::read(private(&absorbed)).unwrap();
        assert_eq!((read.context(), read.since()), (context(4, 9), context(4, 9)));
        assert!(read.is_upon_refused());
        assert_eq!(json!(read.sent().unwrap().unwrap().patches()), sent);
    }

    #[test]
    fn patches_that_do_the_same_as_those_that_were_made_are_not_told_to_be_them() {
        let hash = SentHash::of(&change(4, 9, "[]"));
        let origin = Origin::new(context(4, 9), context(2, 7), hash);
        let set = |value: u64| json!({ "op": "add", "path": ["a"], "value": value });
        let twice = payload(origin, json!([set(1), set(2)]), json!([set(2)]));
        assert!(public(&twice).starts_with(br#"{"outcome":"as-sent""#));
        assert!(!is_as_sent(&twice));
        let read = Origin::read(private(&twice)).unwrap();
        assert_eq!((read.since(), read.sent().unwrap()), (context(2, 7), None));
    }

    #[test]
    fn whatever_an_op_says_counts_for_its_hash() {
        let one = change(1, 12, "[]");
        let others = [
            change(11, 2, "[]"),
            change(1, 12, "[ ]"),
            Change {
                strict: true,
                ..one.clone()
            },
            Change {
                reset: true,
                ..one.clone()
            },
        ];
        assert_eq!(SentHash::of(&one), SentHash::of(&one.clone()));
        for other in others {
            assert_ne!(SentHash::of(&one), SentHash::of(&other), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_payload_of_a_document_is_said_to_be_none() {
        for payload in [
            &b""[..],
            b"{}",
            b"{}\n{}",
            br#"{"patches":[{"op":"add","path":["l",0.5]}]}"#,
        ] {
            assert!(patches(payload).is_err());
            assert_eq!(sent_hash(payload), None);
        }
    }
}
