//! From a message to the text of a frame.
//!
//! What the server sends often is written piece by piece into the bytes that go to the sockets; the rest through serde.

use std::io::Write;
use std::ops::Deref;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Ack, ClientMessage, Durability, ErrorCode, PresenceChange, RejectCode, ResetCode, ServerMessage,
};
use crate::entry::Entry;
use crate::ids::{Position, Seq};
use crate::limits::SESSION_VERSION;

/// Begins the text of an `entries` message.
pub fn start_entries(out: &mut Vec<u8>, after: Seq) {
    push(
        out,
        format_args!(r#"{{"type":"entries","after":{},"entries":["#, after.0),
    );
}

/// Adds the comma between two entries.
pub fn push_entry_separator(out: &mut Vec<u8>) {
    out.push(b',');
}

/// Adds an entry, whose payload is JSON.
pub fn push_entry(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let (client, id, time) = (entry.author, entry.op.0, entry.time.0);
    push(
        out,
        format_args!(r#"{{"client":"{client}","id":{id},"time":{time},"data":"#),
    );
    out.extend_from_slice(entry.payload);
    out.push(b'}');
}

/// Ends the text of an `entries` message.
pub fn finish_entries(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

/// Writes the text of an `ack` message.
pub fn push_ack(out: &mut Vec<u8>, ack: &Ack) {
    let (id, seq, time, durability) = (ack.id.0, ack.seq.0, ack.time.0, ack.durability.name());
    push(
        out,
        format_args!(r#"{{"type":"ack","id":{id},"seq":{seq},"time":{time},"durability":"{durability}"}}"#),
    );
}

/// The text of what a client sends.
pub fn write_client<D: Deref<Target = RawValue>>(message: &ClientMessage<D>) -> String {
    json(&match message {
        ClientMessage::Hello(hello) => ClientText::Hello {
            version: SESSION_VERSION,
            secret: hello.secret.as_str(),
            since: hello.since.map(PositionText::from),
            presence: hello.presence,
        },
        ClientMessage::Op { id, data } => ClientText::Op { id: id.0, data },
        ClientMessage::Presence { data } => ClientText::Presence { data },
        ClientMessage::Ping => ClientText::Ping,
    })
}

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
        },
        ServerMessage::Reset { code, reason } => ServerText::Reset { code: *code, reason },
        ServerMessage::Entries { after, entries } => ServerText::Entries {
            after: after.0,
            entries: entries
                .iter()
                .map(|entry| EntryText {
                    client: entry.client.to_string(),
                    id: entry.id.0,
                    time: entry.time.0,
                    data: &entry.data,
                })
                .collect(),
        },
        ServerMessage::Ack(ack) => ServerText::Ack {
            id: ack.id.0,
            seq: ack.seq.0,
            time: ack.time.0,
            durability: ack.durability,
        },
        ServerMessage::Reject { id, code, reason } => ServerText::Reject {
            id: id.0,
            code: *code,
            reason,
        },
        ServerMessage::Presence(change) => presence_text(change),
        ServerMessage::Pong => ServerText::Pong,
        ServerMessage::Error { code, reason } => ServerText::Error { code: *code, reason },
    })
}

impl Durability {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Durability::Fsync => "fsync",
            Durability::Os => "os",
            Durability::Memory => "memory",
        }
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

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes all that is written");
}

fn json(text: &impl Serialize) -> String {
    serde_json::to_string(text).expect("numbers, strings and raw JSON have a JSON form")
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientText<'a> {
    Hello {
        version: u32,
        secret: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<PositionText>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        presence: bool,
    },
    Op {
        id: u64,
        data: &'a RawValue,
    },
    Presence {
        data: &'a RawValue,
    },
    Ping,
}

#[derive(Serialize)]
struct PositionText {
    epoch: String,
    seq: u64,
}

impl From<Position> for PositionText {
    fn from(position: Position) -> Self {
        PositionText {
            epoch: position.epoch.to_string(),
            seq: position.seq.0,
        }
    }
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
    },
    Reset {
        code: ResetCode,
        reason: &'a str,
    },
    Entries {
        after: u64,
        entries: Vec<EntryText<'a>>,
    },
    Ack {
        id: u64,
        seq: u64,
        time: u64,
        durability: Durability,
    },
    Reject {
        id: u64,
        code: RejectCode,
        reason: &'a str,
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
    data: &'a RawValue,
}

#[derive(Serialize)]
struct PresentText<'a> {
    client: String,
    data: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use super::super::{Hello, Welcome, WireEntry, read_client, read_server};
    use super::*;
    use crate::ids::{Author, Epoch, OpId, Secret, Timestamp};

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
        }));
        round_trip(ServerMessage::Reset {
            code: ResetCode::Ahead,
            reason: "r".into(),
        });
        round_trip(ServerMessage::Reject {
            id: OpId(1),
            code: RejectCode::IdPassed,
            reason: "r".into(),
        });
        round_trip(ServerMessage::Presence(PresenceChange {
            all: true,
            present: vec![super::super::Present {
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
    fn what_a_client_writes_the_server_reads() {
        let hello = Hello {
            secret: Secret::parse(&"s".repeat(22)).expect("long enough"),
            since: Some(Position {
                epoch: Epoch(9),
                seq: Seq(3),
            }),
            presence: true,
        };
        for message in [
            ClientMessage::Hello(hello),
            ClientMessage::Op {
                id: OpId(1),
                data: raw("[1]"),
            },
            ClientMessage::Presence { data: raw("null") },
            ClientMessage::Ping,
        ] {
            let text = write_client(&message);
            assert_eq!(
                write_client(&read_client(&text).expect("it was written by us")),
                text
            );
        }
    }

    #[test]
    fn what_is_written_piece_by_piece_is_what_serde_writes() {
        let entry = Entry {
            seq: Seq(5),
            author: ANN,
            op: OpId(8),
            time: Timestamp(99),
            payload: br#"{"a":1}"#,
        };
        let mut out = Vec::new();
        start_entries(&mut out, Seq(4));
        push_entry(&mut out, &entry);
        push_entry_separator(&mut out);
        push_entry(&mut out, &entry);
        finish_entries(&mut out);
        let wire = WireEntry {
            client: ANN,
            id: OpId(8),
            time: Timestamp(99),
            data: raw(r#"{"a":1}"#),
        };
        let whole = ServerMessage::Entries {
            after: Seq(4),
            entries: vec![wire.clone(), wire],
        };
        assert_eq!(String::from_utf8_lossy(&out), write_server(&whole));
        out.clear();
        let ack = Ack {
            id: OpId(8),
            seq: Seq(5),
            time: Timestamp(99),
            durability: Durability::Os,
        };
        push_ack(&mut out, &ack);
        assert_eq!(
            String::from_utf8_lossy(&out),
            write_server(&ServerMessage::<Box<RawValue>>::Ack(ack))
        );
    }
}
