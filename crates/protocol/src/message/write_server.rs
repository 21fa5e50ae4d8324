//! From what a server means to the text of a frame. What it sends often is written [piece by piece](super::pieces).

use std::ops::Deref;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Ack, Durability, ErrorCode, Made, Outcome, PresenceChange, RejectCode, ResetCode, ServerMessage,
    WireConflict, WireEntry,
};
use crate::limits::SESSION_VERSION;
use crate::path::Path;

/// The text of what the server sends.
pub fn write_server<D: Deref<Target = RawValue>>(message: &ServerMessage<D>) -> String {
    json(&match message {
        ServerMessage::Welcome(welcome) => ServerText::Welcome {
            version: SESSION_VERSION,
            client: welcome.client.to_string(),
            epoch: welcome.epoch.to_string(),
            head: welcome.head.0,
            last_op: welcome.last_op.0,
            durability: welcome.durability,
            max_message: welcome.max_message,
            idle_timeout: welcome.idle_timeout,
            snapshot: welcome.snapshot.map(|seq| seq.0),
        },
        ServerMessage::Reset { code, reason } => ServerText::Reset { code: *code, reason },
        ServerMessage::Entries { after, entries } => ServerText::Entries {
            after: after.0,
            entries: entries.iter().map(EntryText::of).collect(),
        },
        ServerMessage::Snapshot { seq, state } => ServerText::Snapshot { seq: seq.0, state },
        ServerMessage::Ack(ack) => ack_text(ack, MadeText::default()),
        ServerMessage::Made(ack, made) => {
            ack_text(ack, MadeText::of(made.outcome, &made.conflicts, &made.patches))
        }
        ServerMessage::Reject(reject) => ServerText::Reject {
            id: reject.id.0,
            code: reject.code,
            reason: &reject.reason,
            path: reject.path.as_ref(),
            after: reject.after.map(|seq| seq.0),
        },
        ServerMessage::Check { seq, hash } => ServerText::Check {
            seq: seq.0,
            hash: hash.to_string(),
        },
        ServerMessage::Presence(change) => presence_text(change),
        ServerMessage::Pong => ServerText::Pong,
        ServerMessage::Error { code, reason } => ServerText::Error { code: *code, reason },
    })
}

/// What was made of a document's op that was made just as it was sent: an object, whose members are those that an entry has of it. It begins
/// with `{"patches"`.
pub fn write_as_sent(patches: &RawValue) -> String {
    json(&MadeText::as_sent(patches))
}

/// What was made of any other op, and what is to be told of it: an object, whose members are those that an entry and an ack have of it. It
/// begins with `{"outcome"`.
pub fn write_made<D: Deref<Target = RawValue>>(made: &Made<D>) -> String {
    json(&MadeText::of(made.outcome, &made.conflicts, &made.patches))
}

fn ack_text<'a>(ack: &Ack, made: MadeText<'a>) -> ServerText<'a> {
    ServerText::Ack {
        id: ack.id.0,
        seq: ack.seq.0,
        time: ack.time.0,
        durability: ack.durability,
        made,
    }
}

fn presence_text<D: Deref<Target = RawValue>>(change: &PresenceChange<D>) -> ServerText<'_> {
    ServerText::Presence {
        all: change.all,
        present: change
            .present
            .iter()
            .map(|present| PresentText {
                client: present.client.to_string(),
                data: &present.data,
            })
            .collect(),
        gone: change.gone.iter().map(ToString::to_string).collect(),
    }
}

fn json(text: &impl Serialize) -> String {
    serde_json::to_string(text).expect("numbers, strings and raw JSON have a JSON form")
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerText<'a> {
    Welcome {
        version: u32,
        client: String,
        epoch: String,
        head: u64,
        last_op: u64,
        durability: Durability,
        max_message: u64,
        idle_timeout: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot: Option<u64>,
    },
    Reset {
        code: ResetCode,
        reason: &'a str,
    },
    Entries {
        after: u64,
        entries: Vec<EntryText<'a>>,
    },
    Snapshot {
        seq: u64,
        state: &'a RawValue,
    },
    Ack {
        id: u64,
        seq: u64,
        time: u64,
        durability: Durability,
        #[serde(flatten)]
        made: MadeText<'a>,
    },
    Reject {
        id: u64,
        code: RejectCode,
        reason: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a Path>,
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    Check {
        seq: u64,
        hash: String,
    },
    Presence {
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        all: bool,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        present: Vec<PresentText<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        gone: Vec<String>,
    },
    Pong,
    Error {
        code: ErrorCode,
        reason: &'a str,
    },
}

#[derive(Serialize)]
struct EntryText<'a> {
    client: String,
    id: u64,
    time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(flatten)]
    made: MadeText<'a>,
}

impl<'a> EntryText<'a> {
    fn of<D: Deref<Target = RawValue>>(entry: &'a WireEntry<D>) -> EntryText<'a> {
        let (data, made) = match &entry.made {
            None => (Some(&*entry.data), MadeText::default()),
            Some((Outcome::AsSent, conflicts)) if conflicts.is_empty() => {
                (None, MadeText::as_sent(&entry.data))
            }
            Some((outcome, conflicts)) => (None, MadeText::of(*outcome, conflicts, &entry.data)),
        };
        EntryText {
            client: entry.client.to_string(),
            id: entry.id.0,
            time: entry.time.0,
            data,
            made,
        }
    }
}

/// Empty of an op that was made just as it was sent, to whoever has sent it.
#[derive(Default, Serialize)]
struct MadeText<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<ConflictText<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<&'a RawValue>,
}

impl<'a> MadeText<'a> {
    fn as_sent(patches: &'a RawValue) -> MadeText<'a> {
        MadeText {
            patches: Some(patches),
            ..MadeText::default()
        }
    }

    fn of(outcome: Outcome, conflicts: &'a [WireConflict], patches: &'a RawValue) -> MadeText<'a> {
        MadeText {
            outcome: Some(outcome),
            conflicts: conflicts.iter().map(ConflictText::of).collect(),
            patches: Some(patches),
        }
    }
}

#[derive(Serialize)]
struct ConflictText<'a> {
    path: &'a Path,
    lost: bool,
    seq: u64,
    client: String,
}

impl<'a> ConflictText<'a> {
    fn of(conflict: &'a WireConflict) -> ConflictText<'a> {
        ConflictText {
            path: &conflict.path,
            lost: conflict.lost,
            seq: conflict.seq.0,
            client: conflict.client.to_string(),
        }
    }
}

#[derive(Serialize)]
struct PresentText<'a> {
    client: String,
    data: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use super::super::{Present, Reject, Welcome, read_server};
    use super::*;
    use crate::ids::{Author, Epoch, OpId, Seq};

    const ANN: Author = Author([7; 12]);

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("it is JSON")
    }

    fn round_trip(message: ServerMessage<Box<RawValue>>) {
        let text = write_server(&message);
        let read = read_server::<Box<RawValue>>(&text).expect("it was written by us");
        assert_eq!(write_server(&read.expect("it is of this version")), text);
    }

    #[test]
    fn what_the_server_writes_a_client_reads() {
        round_trip(ServerMessage::Welcome(Welcome {
            client: ANN,
            epoch: Epoch(9),
            head: Seq(3),
            last_op: OpId(2),
            durability: Durability::Fsync,
            max_message: 10,
            idle_timeout: 60_000,
            snapshot: Some(Seq(2)),
        }));
        round_trip(ServerMessage::Reset {
            code: ResetCode::Ahead,
            reason: "r".into(),
        });
        round_trip(ServerMessage::Reject(Reject {
            id: OpId(1),
            code: RejectCode::DoesNotApply,
            reason: "r".into(),
            path: Some(vec!["__proto__".into(), 3.into()]),
            after: Some(Seq(9)),
        }));
        round_trip(ServerMessage::Presence(PresenceChange {
            all: true,
            present: vec![Present {
                client: ANN,
                data: raw("{}"),
            }],
            gone: vec![ANN],
        }));
        round_trip(ServerMessage::Pong);
        round_trip(ServerMessage::Error {
            code: ErrorCode::BadPresence,
            reason: "r".into(),
        });
    }

    #[test]
    fn what_became_of_an_op_begins_with_what_tells_it_from_one_that_was_made_as_sent() {
        assert_eq!(write_as_sent(&raw("[]")), r#"{"patches":[]}"#);
        let made = Made {
            outcome: Outcome::AsSent,
            conflicts: Vec::new(),
            patches: raw("[]"),
        };
        assert_eq!(write_made(&made), r#"{"outcome":"as-sent","patches":[]}"#);
    }
}
