//! What the server says to a client of a document, held to what is stored; and what is made of it where a rule is broken on purpose.

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Epoch, OpId, Position, Seq, Timestamp};
use patchcast_protocol::message::{
    Ack, Change, ClientMessage, Made, Outcome, ServerMessage, WireConflict, WireEntry, read_client,
    read_server, write_as_sent, write_client, write_made,
};
use patchcast_protocol::value::state_hash;
use patchcast_server::document::record;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::mutation::Mutation;
use crate::witness::Witness;

/// One connection's wire, from the welcome on.
pub struct Wire {
    /// Of which log the numbers are.
    pub epoch: Epoch,
}

impl Wire {
    /// Looks at a message before the session does. The op that it acknowledges, if it does that.
    pub fn inspect(&mut self, text: &str, witness: &Witness) -> Option<OpId> {
        let message = match read_server::<Box<RawValue>>(text) {
            Ok(message) => message,
            Err(malformed) => {
                witness.fail(format_args!("the server sent {text}: {malformed}"));
                return None;
            }
        };
        match message {
            Some(ServerMessage::Welcome(welcome)) => {
                self.epoch = welcome.epoch;
                if welcome.client != witness.author {
                    witness.fail(format_args!("it is welcomed as {}", welcome.client));
                }
            }
            Some(ServerMessage::Snapshot { seq, state }) => {
                let position = self.at(seq);
                match witness.world.document_at(&witness.room, position) {
                    Ok(known) if known.to_string() == state.get() => {}
                    Ok(known) => witness.fail(format_args!(
                        "the state at {seq} is told as {}, and is {}",
                        state.get(),
                        known
                    )),
                    Err(what) => witness.fail(format_args!("{what}")),
                }
            }
            Some(ServerMessage::Check { seq, hash }) => {
                match witness.world.document_at(&witness.room, self.at(seq)) {
                    Ok(known) if state_hash(&known) == hash => {}
                    Ok(_) => witness.fail(format_args!("the check at {seq} is of another state")),
                    Err(what) => witness.fail(format_args!("{what}")),
                }
            }
            Some(ServerMessage::Entries { after, entries }) => {
                let mut seq = after;
                for entry in entries {
                    seq = seq.next();
                    self.entry(seq, entry, witness);
                }
            }
            Some(ServerMessage::Ack(ack)) => {
                self.ack(ack, None, witness);
                return Some(ack.id);
            }
            Some(ServerMessage::Made(ack, made)) => {
                self.ack(ack, Some(made), witness);
                return Some(ack.id);
            }
            Some(ServerMessage::Error { code, reason }) => {
                witness.fail(format_args!("the server found fault: {code:?}, {reason}"));
            }
            None
            | Some(
                ServerMessage::Reset { .. }
                | ServerMessage::Reject(_)
                | ServerMessage::Presence(_)
                | ServerMessage::Pong,
            ) => {}
        }
        None
    }

    fn entry(&self, seq: Seq, told: WireEntry<Box<RawValue>>, witness: &Witness) {
        let Some(stored) = witness.durable(self.epoch, seq) else {
            return;
        };
        let (outcome, conflicts) = told.made.unwrap_or((Outcome::AsSent, Vec::new()));
        let same = (told.client, told.id, told.time) == (stored.author, stored.op, stored.time)
            && says(&stored, outcome, conflicts, told.data);
        if !same {
            let stored = String::from_utf8_lossy(&stored.payload);
            witness.fail(format_args!("{seq} is told as another one than {stored}"));
        }
    }

    fn ack(&self, ack: Ack, made: Option<Made<Box<RawValue>>>, witness: &Witness) {
        let Some(stored) = witness.durable(self.epoch, ack.seq) else {
            return;
        };
        // Of an entry that is not kept any more, the server knows nothing but that it was there.
        let is_forgotten = ack.time == Timestamp::default() && made.is_none();
        let same = (stored.author, stored.op) == (witness.author, ack.id)
            && (stored.time == ack.time || is_forgotten)
            && match made {
                Some(made) => says(&stored, made.outcome, made.conflicts, made.patches),
                None => record::is_as_sent(&stored.payload) || is_forgotten,
            };
        if !same {
            let stored = String::from_utf8_lossy(&stored.payload);
            witness.fail(format_args!(
                "{} is acknowledged as {}, and that is {stored}",
                ack.id, ack.seq
            ));
        }
    }

    fn at(&self, seq: Seq) -> Position {
        let epoch = self.epoch;
        Position { epoch, seq }
    }
}

/// Whether an entry is just this.
fn says(stored: &NewEntry, outcome: Outcome, conflicts: Vec<WireConflict>, patches: Box<RawValue>) -> bool {
    // There may be no more to tell than that.
    let bare = record::is_as_sent(&stored.payload) && outcome == Outcome::AsSent && conflicts.is_empty();
    let written = match bare {
        true => write_as_sent(&patches),
        false => write_made(&Made {
            outcome,
            conflicts,
            patches,
        }),
    };
    written.as_bytes() == record::public(&stored.payload)
}

/// What a message of the server's is when a rule is broken on purpose.
pub fn tamper(mutation: Mutation, text: String) -> String {
    let mut message: Value = serde_json::from_str(&text).unwrap_or_default();
    match (mutation, message["type"].as_str()) {
        (Mutation::AckOfAnother, Some("ack")) => {
            let seq = message["seq"].as_u64().unwrap_or_default();
            message["seq"] = json!(seq.saturating_sub(1).max(1));
        }
        (Mutation::GoneUntold, Some("presence")) => message["gone"] = json!([]),
        _ => return text,
    }
    message.to_string()
}

/// An op as it is written, if the text is one.
pub fn read_change(text: &str) -> Option<Change<Box<RawValue>>> {
    match read_client(text) {
        Ok(ClientMessage::Change(change)) => Some(Change {
            id: change.id,
            base: change.base,
            upon: change.upon,
            strict: change.strict,
            reset: change.reset,
            patches: change.patches.to_owned(),
        }),
        _ => None,
    }
}

/// The text of an op.
pub fn write_change(change: Change<Box<RawValue>>) -> String {
    write_client(&ClientMessage::Change(change))
}

/// The op of an entry that a room begins with.
pub const BEGINNING: OpId = OpId::NONE;
