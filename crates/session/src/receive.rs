//! What comes from the server: the welcome, and the room's log as entries and acks, without a gap.

use patchcast_protocol::ids::Seq;
use patchcast_protocol::message::Ack;

use crate::pending::Owner;
use crate::session::{Session, State};
use crate::{Arrived, Event, OpState, Received, Rejection, Time, Welcome};

impl<D: Clone, P, X> Session<D, P, X> {
    pub(crate) fn handle_received(&mut self, now: Time, received: Received<P, X>) {
        match &mut self.state {
            State::Greeting { .. } => self.handle_greeted(now, received),
            State::Joined(joined) => {
                joined.heartbeat.heard(now);
                self.handle_stream(now, received);
            }
            // Of a connection that is no more, or not yet.
            State::Offline { .. } | State::Connecting { .. } | State::Closed => {}
        }
    }

    fn handle_greeted(&mut self, now: Time, received: Received<P, X>) {
        match received {
            Received::Welcome(welcome) => match self.disagreement(&welcome) {
                None => self.join(now, welcome),
                Some(reason) => self.fault(now, reason),
            },
            Received::Reset { code, reason } => {
                self.position.seq = Seq::START;
                self.pending.leave_to_room();
                self.tell(Event::Reset { code, reason });
            }
            Received::Error { code, reason } => self.tell(Event::Error { code, reason }),
            Received::Pong => {}
            Received::Entries { .. } | Received::Ack(_) | Received::Reject { .. } | Received::Presence(_) => {
                self.fault(now, "a message before the welcome");
            }
        }
    }

    /// A server that does not have our position says so before its welcome.
    fn disagreement(&self, welcome: &Welcome) -> Option<&'static str> {
        if self.position.seq == Seq::START {
            None
        } else if self.position.epoch != welcome.epoch {
            Some("another epoch without a reset")
        } else if self.position.seq > welcome.head {
            Some("a head before the position, without a reset")
        } else {
            None
        }
    }

    fn handle_stream(&mut self, now: Time, received: Received<P, X>) {
        match received {
            Received::Entries { after, entries } => self.handle_entries(now, after, entries),
            Received::Ack(ack) => self.handle_ack(now, ack),
            Received::Reject { id, code, reason } => {
                if self.pending.remove(id).is_some() {
                    self.reject(id, Rejection::Refused { code, reason });
                }
            }
            Received::Presence(change) => self.tell(Event::Presence(change)),
            Received::Pong => {}
            Received::Error { code, reason } => self.tell(Event::Error { code, reason }),
            Received::Welcome(_) | Received::Reset { .. } => self.fault(now, "a second welcome"),
        }
    }

    fn handle_entries(&mut self, now: Time, after: Seq, entries: Vec<Arrived<P>>) {
        let mut seq = after;
        for arrived in entries {
            seq = Seq(seq.0.saturating_add(1));
            match self.place(seq) {
                Place::Next => self.take_entry(seq, arrived),
                // Sent twice. An op that it settles was settled by an earlier life, which the app has heard of.
                Place::Seen => _ = self.settle_arrived(seq, &arrived),
                Place::Gap => return self.fault(now, "a gap in the entries"),
            }
        }
        self.catch_up(now);
    }

    fn take_entry(&mut self, seq: Seq, arrived: Arrived<P>) {
        self.position.seq = seq;
        let wanted = match self.settle_arrived(seq, &arrived) {
            // Mine, and the app has it since it submitted it.
            Some(Owner::App) => false,
            Some(Owner::Room) | None => true,
        };
        if wanted {
            let event = Event::Entry {
                seq,
                own: arrived.own.is_some(),
                history: self.welcome().is_some_and(|welcome| seq <= welcome.head),
                entry: arrived.entry,
            };
            self.tell(event);
        }
    }

    fn handle_ack(&mut self, now: Time, ack: Ack) {
        match self.place(ack.seq) {
            Place::Next => match self.pending.remove(ack.id) {
                Some((op, owner)) => {
                    self.position.seq = ack.seq;
                    self.settle(ack);
                    if owner == Owner::Room {
                        let (seq, id, time) = (ack.seq, ack.id, ack.time);
                        let data = op.data;
                        self.tell(Event::OwnEntry { seq, id, time, data });
                    }
                    self.catch_up(now);
                }
                // Its content is not here. After a reconnect it comes as an entry.
                None => self.fault(now, "an ack of an op that does not wait"),
            },
            // The answer to an op that was sent again. Its entry was shown in its place.
            Place::Seen => {
                if self.pending.remove(ack.id).is_some() {
                    self.settle(ack);
                }
            }
            Place::Gap => self.fault(now, "a gap before an ack"),
        }
    }

    fn place(&self, seq: Seq) -> Place {
        if seq <= self.position.seq {
            Place::Seen
        } else if seq.0 - self.position.seq.0 == 1 {
            Place::Next
        } else {
            Place::Gap
        }
    }

    /// Who has the op that has come as an entry, when it was waited for.
    fn settle_arrived(&mut self, seq: Seq, arrived: &Arrived<P>) -> Option<Owner> {
        let own = arrived.own?;
        let (_, owner) = self.pending.remove(own.id)?;
        let durability = self.welcome()?.durability;
        self.settle(Ack {
            id: own.id,
            seq,
            time: own.time,
            durability,
        });
        Some(owner)
    }

    fn settle(&mut self, ack: Ack) {
        let state = OpState::Ordered(ack);
        self.tell(Event::Op { id: ack.id, state });
    }

    fn welcome(&self) -> Option<&Welcome> {
        match &self.state {
            State::Joined(joined) => Some(&joined.welcome),
            _ => None,
        }
    }
}

/// Where an entry lies, seen from the position. That an op must be transformed comes with documents.
enum Place {
    Next,
    Seen,
    Gap,
}
