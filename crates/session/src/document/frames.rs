//! What the server's frames say, for the session beneath and for the replica.

use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::message::{self, RejectCode, ServerMessage, WireEntry, read_server};
use patchcast_protocol::patch::Patch;
use serde_json::value::RawValue;

use super::host::{Others, Refusal};
use super::session::{DocumentSession, Entry, Fate};
use crate::Time;
use crate::input::{Arrived, Input, Own, Received, Welcome};

impl DocumentSession {
    pub(super) fn handle_frame(&mut self, now: Time, text: &str) {
        let message = match read_server::<Box<RawValue>>(text) {
            Ok(message) => message,
            Err(malformed) => return self.unreadable(now, malformed.to_string()),
        };
        let received = match message {
            // Of a later server.
            None | Some(ServerMessage::Pong) => Received::Pong,
            Some(ServerMessage::Welcome(welcome)) => self.welcome(welcome),
            Some(ServerMessage::Reset { code, reason }) => {
                let reason = reason.into();
                Received::Reset { code, reason }
            }
            Some(ServerMessage::Snapshot { seq, state }) => return self.take_state(now, seq, &state),
            Some(ServerMessage::Entries { .. }) if self.session.awaits_state => {
                return self.unreadable(now, "entries before the state that was announced".into());
            }
            Some(ServerMessage::Entries { after, entries }) => {
                let entries: Option<Vec<_>> = entries.into_iter().map(|entry| self.arrived(entry)).collect();
                match entries {
                    Some(entries) => Received::Entries { after, entries },
                    None => return self.unreadable(now, "an entry is none of a document".into()),
                }
            }
            Some(ServerMessage::Ack(ack)) => Received::Ack(ack),
            Some(ServerMessage::Made(ack, made)) => {
                let Some(edit) = read_patches(&made.patches) else {
                    return self.unreadable(now, "what was made is no list of patches".into());
                };
                let (outcome, conflicts) = (made.outcome, made.conflicts);
                let made = Some(edit);
                self.fates.insert(
                    ack.id,
                    Fate {
                        outcome,
                        conflicts,
                        made,
                    },
                );
                Received::Ack(ack)
            }
            Some(ServerMessage::Reject(reject)) => {
                self.reject(now, reject);
                Received::Pong
            }
            Some(ServerMessage::Check { seq, hash }) => {
                if self.session.is_joined() && !self.has_diverged && self.replica.check(seq, hash).is_some() {
                    self.diverge(now);
                }
                Received::Pong
            }
            Some(ServerMessage::Presence(change)) => Received::Presence(change),
            Some(ServerMessage::Error { code, reason }) => {
                let reason = reason.into();
                Received::Error { code, reason }
            }
        };
        self.session.handle_input(now, Input::Received(received));
    }

    fn welcome(&mut self, welcome: message::Welcome) -> Received<Entry, Others> {
        self.client = Some(welcome.client);
        self.last_op = welcome.last_op;
        self.announced = welcome.snapshot;
        self.session.awaits_state = welcome.snapshot.is_some();
        if welcome.snapshot.is_none() && self.replica.position().is_none() {
            self.replica.begin_history();
        }
        Received::Welcome(Welcome {
            epoch: welcome.epoch,
            head: welcome.head,
            last_op: welcome.last_op,
            durability: welcome.durability,
            max_message: welcome.max_message,
        })
    }

    fn take_state(&mut self, now: Time, seq: Seq, state: &RawValue) {
        if !self.session.is_joined() || self.announced.take() != Some(seq) {
            return self.unreadable(now, "a state that was not announced".into());
        }
        let begun = serde_json::from_str(state.get()).map_err(|error| error.to_string());
        match begun.and_then(|state| self.replica.begin_with(state).map_err(|error| error.to_string())) {
            Ok(()) => {
                self.seen = seq;
                self.session.take_state(now, seq);
            }
            Err(reason) => self.unreadable(now, reason),
        }
    }

    fn arrived(&mut self, entry: WireEntry<Box<RawValue>>) -> Option<Arrived<Entry>> {
        let (outcome, conflicts) = entry.made?;
        let made = read_patches(&entry.data)?;
        let own = (Some(entry.client) == self.client).then_some(entry.id);
        if let Some(id) = own.filter(|id| self.session.has_op(*id)) {
            let made = None;
            self.fates.insert(
                id,
                Fate {
                    outcome,
                    conflicts,
                    made,
                },
            );
        }
        Some(Arrived {
            own: own.map(|id| Own { id, time: entry.time }),
            entry: Entry { own, made },
        })
    }

    fn reject(&mut self, now: Time, reject: message::Reject) {
        let message::Reject {
            id,
            code,
            reason,
            path,
            after,
        } = reject;
        if !self.session.is_joined() || !self.session.has_op(id) {
            return;
        }
        if code == RejectCode::BaseForgotten && self.replica.shows(id) {
            // The room cannot merge it any more, and this client can: it joins again, and sends the op from where it is then.
            return self.session.fault(now, "too far behind for the room");
        }
        let reason = reason.into();
        let refusal = Refusal { code, reason, path };
        if !self.replica.knows(id) {
            return self.refuse(id, refusal);
        }
        self.refusals.insert(id, refusal);
        let rejected = self.replica.rejected(id, after);
        self.hold_to(now, rejected);
    }

    fn unreadable(&mut self, now: Time, reason: String) {
        self.session.handle_input(now, Input::Unreadable(reason.into()));
    }
}

fn read_patches(text: &RawValue) -> Option<Edit> {
    let patches: Vec<Patch> = serde_json::from_str(text.get()).ok()?;
    Edit::of_written(&patches).ok()
}
