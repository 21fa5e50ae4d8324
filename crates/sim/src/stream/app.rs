//! The app of one life of a client of a stream: the entries that it has, and the ops that it waits for.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchcast_protocol::ids::{Author, Epoch, OpId, Position, Seq, Timestamp};
use patchcast_protocol::message::{Ack, RejectCode, WireEntry};
use patchcast_session::{OpState, Rejection};
use serde_json::value::RawValue;

use super::outbox::Data;
use crate::ledger::{Fate, OpKey};
use crate::server::LIMITS;
use crate::witness::Witness;

/// What an entry says, for comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Who wrote it.
    pub author: Author,
    /// Its author's number for it.
    pub id: OpId,
    /// Its data as JSON.
    pub data: Rc<str>,
}

/// What one life of a client knows.
#[derive(Clone)]
pub struct App {
    /// What it knows of everything else.
    pub witness: Witness,
    echo: bool,
    /// The room's entries, from the first.
    pub view: Vec<Seen>,
    /// Of which log they are.
    epoch: Epoch,
    /// The entries of logs that were lost, which a database may still hold.
    former: BTreeMap<u64, Vec<Seen>>,
    /// Own ops that are not settled.
    pub waiting: BTreeMap<OpId, Waiting>,
}

/// An own op that is not settled.
#[derive(Clone)]
pub struct Waiting {
    /// What the simulator calls it.
    pub key: OpKey,
    data: Data,
    /// Whether the app shows it already, so that it must not come as an entry.
    shown: bool,
}

impl App {
    /// An app that has nothing.
    pub fn new(witness: Witness, echo: bool) -> App {
        App {
            witness,
            echo,
            view: Vec::new(),
            epoch: Epoch::default(),
            former: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// What the app has that is begun after `earlier`, when the database has everything up to `position`.
    pub fn follow(&mut self, mut earlier: App, position: Option<Position>) {
        let Some(Position { epoch, seq }) = position else {
            return;
        };
        earlier.former.insert(earlier.epoch.0, earlier.view);
        self.view = earlier.former.remove(&epoch.0).unwrap_or_default();
        self.view.truncate(seq.0 as usize);
        self.former = earlier.former;
        self.epoch = epoch;
    }

    /// An op was submitted, by this life or an earlier one.
    pub fn submitted(&mut self, id: OpId, key: OpKey, data: Data, by: By) {
        let shown = by == By::This && !self.echo;
        self.waiting.insert(id, Waiting { key, data, shown });
    }

    /// An entry was delivered.
    pub fn entry(&mut self, seq: Seq, entry: &WireEntry<Box<RawValue>>, own: bool, position: Position) {
        let seen = Seen {
            author: entry.client,
            id: entry.id,
            data: entry.data.get().into(),
        };
        if own != (entry.client == self.witness.author) {
            self.fail(format_args!("{seq} of {} is told with own = {own}", entry.client));
        }
        self.next(seq, seen, entry.time, position);
    }

    /// An own op was delivered in its place.
    pub fn own_entry(&mut self, seq: Seq, id: OpId, time: Timestamp, data: &RawValue, position: Position) {
        let seen = Seen {
            author: self.witness.author,
            id,
            data: data.get().into(),
        };
        self.next(seq, seen, time, position);
    }

    /// An op has got further.
    pub fn op(&mut self, id: OpId, state: &OpState, position: Position) {
        if *state == OpState::Sent {
            return;
        }
        let Some(waiting) = self.waiting.remove(&id) else {
            return self.fail(format_args!("{id} is settled, which did not wait: {state:?}"));
        };
        match state {
            OpState::Sent => {}
            OpState::Ordered(ack) => self.ordered(*ack, &waiting, position),
            OpState::Rejected(rejection) => {
                let fate = self.witness.world.ledger().fate(waiting.key);
                let justified = match rejection {
                    Rejection::TooLarge => waiting.data.get().len() + 50 > LIMITS.max_message,
                    // The life that has taken the outbox over has sent this op, or one after it.
                    Rejection::Refused { code, .. } if self.witness.contested => *code != RejectCode::BadData,
                    Rejection::Refused { code, .. } => match code {
                        RejectCode::IdReused => self.witness.forgetful,
                        // It was in a log that is lost, and the client's database had not noted that.
                        RejectCode::IdPassed => {
                            matches!(fate, Some(Fate::Ordered { epoch, .. }) if epoch != position.epoch)
                        }
                        _ => false,
                    },
                };
                if !justified {
                    self.fail(format_args!("{id} is rejected for no reason: {rejection:?}"));
                }
                self.witness.rejected(waiting.key, self.witness.contested);
            }
        }
    }

    /// Everything is to be forgotten.
    pub fn reset(&mut self) {
        if self.witness.world.logs_lost() == 0 {
            self.fail(format_args!("a reset, although no log was lost"));
        }
        let view = std::mem::take(&mut self.view);
        self.former.insert(self.epoch.0, view);
        for waiting in self.waiting.values_mut() {
            waiting.shown = false;
        }
    }

    /// Whether the app has the whole log, and nothing else.
    pub fn faults(&self) -> Vec<String> {
        let log = self.witness.world.disk.entries(&self.witness.room);
        let same = self.view.len() == log.len()
            && self.view.iter().zip(&log).all(|(seen, entry)| {
                seen.author == entry.author && seen.id == entry.op && seen.data.as_bytes() == entry.payload
            });
        if same {
            return Vec::new();
        }
        vec![format!(
            "has {} of {} entries, or others",
            self.view.len(),
            log.len()
        )]
    }

    fn ordered(&mut self, ack: Ack, waiting: &Waiting, position: Position) {
        let seen = Seen {
            author: self.witness.author,
            id: ack.id,
            data: waiting.data.get().into(),
        };
        self.check(ack.seq, &seen, ack.time, position);
        let epoch = position.epoch;
        self.witness
            .world
            .ledger()
            .settle(waiting.key, Fate::Ordered { epoch, seq: ack.seq });
        let has = self.view.len() as u64;
        if ack.seq.0 == has + 1 {
            // What the app does not show comes as an entry.
            if waiting.shown {
                self.epoch = epoch;
                self.view.push(seen);
            }
        } else if ack.seq.0 > has {
            self.fail(format_args!(
                "{} is acknowledged as {}, and the app has {has}",
                ack.id, ack.seq
            ));
        } else if self.view[ack.seq.0 as usize - 1] != seen {
            self.fail(format_args!(
                "{} is acknowledged as {}, which is another",
                ack.id, ack.seq
            ));
        }
    }

    fn next(&mut self, seq: Seq, seen: Seen, time: Timestamp, position: Position) {
        let has = self.view.len() as u64;
        if seq.0 != has + 1 {
            return self.fail(format_args!("{seq} is delivered after entry {has}"));
        }
        let shown = |waiting: &Waiting| waiting.shown;
        if seen.author == self.witness.author && self.waiting.get(&seen.id).is_some_and(shown) {
            self.fail(format_args!(
                "{seq} is delivered, which the app has submitted itself"
            ));
        }
        self.check(seq, &seen, time, position);
        self.epoch = position.epoch;
        self.view.push(seen);
    }

    /// What is told of an entry is what is stored.
    fn check(&mut self, seq: Seq, seen: &Seen, time: Timestamp, position: Position) {
        let Some(entry) = self.witness.durable(position.epoch, seq) else {
            return;
        };
        let same = entry.author == seen.author
            && entry.op == seen.id
            && entry.time == time
            && entry.payload == seen.data.as_bytes();
        if !same {
            self.fail(format_args!("{seq} is told as {seen:?}, and is {entry:?}"));
        }
    }

    fn fail(&self, what: std::fmt::Arguments<'_>) {
        self.witness.fail(what);
    }
}

/// Which life of a client submitted an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The one that tells of it.
    This,
    /// One before.
    Earlier,
}
