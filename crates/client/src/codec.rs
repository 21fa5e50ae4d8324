//! Between the text of frames and what the session knows of messages.

use std::sync::Arc;

use patchcast_protocol::ids::Author;
use patchcast_protocol::message::{
    self, ClientMessage, PresenceChange, ServerMessage, WireEntry, read_server, write_client,
};
use patchcast_session::{Arrived, Own, Reason, Received, Session, Welcome};
use serde_json::value::RawValue;

/// The data of an op: shared between the session, which keeps it, and a message.
pub(crate) type Data = Arc<RawValue>;
pub(crate) type Arrival = WireEntry<Box<RawValue>>;
pub(crate) type Others = PresenceChange<Box<RawValue>>;

pub(crate) type NativeSession = Session<Data, Arrival, Others>;
pub(crate) type Input = patchcast_session::Input<Data, Arrival, Others>;
pub(crate) type Output = patchcast_session::Output<Data, Arrival, Others>;
pub(crate) type SessionEvent = patchcast_session::Event<Data, Arrival, Others>;

/// Knows which client it is, as soon as the server has said it.
#[derive(Debug, Default)]
pub(crate) struct Codec {
    client: Option<Author>,
}

/// A message for the session, and what of it is the app's alone.
pub(crate) struct Decoded {
    pub(crate) input: Input,
    pub(crate) welcome: Option<message::Welcome>,
}

impl Codec {
    pub(crate) fn client(&self) -> Option<Author> {
        self.client
    }

    pub(crate) fn encode(&self, message: &ClientMessage<Data>) -> String {
        write_client(message)
    }

    pub(crate) fn decode(&mut self, text: &str) -> Decoded {
        let mut welcomed = None;
        let received = match read_server::<Box<RawValue>>(text) {
            Err(malformed) => {
                let reason = Reason::Owned(malformed.to_string());
                return Decoded {
                    input: Input::Unreadable(reason),
                    welcome: None,
                };
            }
            // A message of a later minor version, or of a document, which is none of ours.
            Ok(
                None
                | Some(ServerMessage::Snapshot { .. } | ServerMessage::Made(..) | ServerMessage::Check { .. }),
            ) => Received::Pong,
            Ok(Some(ServerMessage::Welcome(welcome))) => {
                self.client = Some(welcome.client);
                let received = Welcome {
                    epoch: welcome.epoch,
                    head: welcome.head,
                    last_op: welcome.last_op,
                    durability: welcome.durability,
                    max_message: welcome.max_message,
                };
                welcomed = Some(welcome);
                Received::Welcome(received)
            }
            Ok(Some(ServerMessage::Reset { code, reason })) => {
                let reason = reason.into();
                Received::Reset { code, reason }
            }
            Ok(Some(ServerMessage::Entries { after, entries })) => {
                let entries = entries.into_iter().map(|entry| self.arrived(entry)).collect();
                Received::Entries { after, entries }
            }
            Ok(Some(ServerMessage::Ack(ack))) => Received::Ack(ack),
            Ok(Some(ServerMessage::Reject(reject))) => Received::Reject {
                id: reject.id,
                code: reject.code,
                reason: reject.reason.into(),
            },
            Ok(Some(ServerMessage::Presence(change))) => Received::Presence(change),
            Ok(Some(ServerMessage::Pong)) => Received::Pong,
            Ok(Some(ServerMessage::Error { code, reason })) => {
                let reason = reason.into();
                Received::Error { code, reason }
            }
        };
        Decoded {
            input: Input::Received(received),
            welcome: welcomed,
        }
    }

    fn arrived(&self, entry: Arrival) -> Arrived<Arrival> {
        let own = (Some(entry.client) == self.client).then_some(Own {
            id: entry.id,
            time: entry.time,
        });
        Arrived { own, entry }
    }
}
