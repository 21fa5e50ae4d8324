//! From what a client means to the text of a frame.

use std::ops::Deref;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{ClientMessage, RoomKind};
use crate::ids::Position;
use crate::limits::SESSION_VERSION;

/// The text of what a client sends.
pub fn write_client<D: Deref<Target = RawValue>>(message: &ClientMessage<D>) -> String {
    let text = match message {
        ClientMessage::Hello(hello) => ClientText::Hello {
            version: SESSION_VERSION,
            secret: hello.secret.as_str(),
            since: hello.since.map(PositionText::from),
            presence: hello.presence,
            kind: match hello.kind {
                RoomKind::Stream => None,
                RoomKind::Document { .. } => Some("document"),
            },
            initial: match &hello.kind {
                RoomKind::Document { initial } => initial.as_deref(),
                RoomKind::Stream => None,
            },
        },
        ClientMessage::Op { id, data } => ClientText::Op { id: id.0, data },
        ClientMessage::Change(change) => ClientText::Change {
            id: change.id.0,
            base: change.base.0,
            upon: (change.upon != change.id).then_some(change.upon.0),
            strict: change.strict,
            reset: change.reset,
            patches: &change.patches,
        },
        ClientMessage::Presence { data } => ClientText::Presence { data },
        ClientMessage::Ping => ClientText::Ping,
        ClientMessage::Diverged { seq, hash } => ClientText::Diverged {
            seq: seq.0,
            hash: hash.to_string(),
        },
    };
    serde_json::to_string(&text).expect("numbers, strings and raw JSON have a JSON form")
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientText<'a> {
    Hello {
        version: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'static str>,
        secret: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<PositionText>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        presence: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        initial: Option<&'a RawValue>,
    },
    Op {
        id: u64,
        data: &'a RawValue,
    },
    #[serde(rename = "op")]
    Change {
        id: u64,
        base: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        upon: Option<u64>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        reset: bool,
        patches: &'a RawValue,
    },
    Presence {
        data: &'a RawValue,
    },
    Ping,
    Diverged {
        seq: u64,
        hash: String,
    },
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

#[cfg(test)]
mod tests {
    use super::super::{Change, Hello, read_client};
    use super::*;
    use crate::ids::{Epoch, OpId, Secret, Seq, StateHash};

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("it is JSON")
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
            kind: RoomKind::Document {
                initial: Some(raw(r#"{"a":1}"#)),
            },
        };
        let change = Change {
            id: OpId(9),
            base: Seq(4),
            upon: OpId(7),
            strict: true,
            reset: true,
            patches: raw("[]"),
        };
        for message in [
            ClientMessage::Hello(Hello {
                kind: RoomKind::Stream,
                ..hello.clone()
            }),
            ClientMessage::Hello(hello),
            ClientMessage::Change(Change {
                upon: change.id,
                strict: false,
                reset: false,
                ..change.clone()
            }),
            ClientMessage::Change(change),
            ClientMessage::Diverged {
                seq: Seq(9),
                hash: StateHash([0, 1, 2, 3, 4, 5, 6, 0xff]),
            },
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
}
