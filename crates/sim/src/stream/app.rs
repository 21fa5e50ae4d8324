//! The app of one life of a client, as a witness: it believes nothing that the log does not bear out.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::ids::{Author, Epoch, OpId, Position, Seq, Timestamp};
use patchcast_protocol::message::{Ack, PresenceChange, RejectCode, WireEntry};
use patchcast_protocol::room::RoomId;
use patchcast_session::{Closure, OpState, Phase, Rejection};
use serde_json::value::RawValue;

use crate::ledger::{Fate, OpKey};
use crate::outbox::Data;
use crate::server::LIMITS;
use crate::world::World;

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
    world: Rc<World>,
    name: String,
    room: RoomId,
    /// Who the client is.
    pub author: Author,
    echo: bool,
    /// The room's entries, from the first.
    pub view: Vec<Seen>,
    /// Of which log they are.
    epoch: Epoch,
    /// The entries of logs that were lost, which a database may still hold.
    former: BTreeMap<u64, Vec<Seen>>,
    /// Own ops that are not settled.
    pub waiting: BTreeMap<OpId, Waiting>,
    /// Who shows what, the client itself included.
    pub presence: BTreeMap<Author, String>,
    /// What the client shows.
    pub shows: Option<String>,
    /// How the connection stands.
    pub phase: Phase,
    /// Another life has taken over what this one had kept, and goes on with it.
    pub contested: bool,
    /// There is another life of the same client, or was one a moment ago.
    pub replaceable: bool,
    /// Which ids earlier lives have used is not known to it.
    pub forgetful: bool,
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
    /// An app that has the room's first entries, and ops that an earlier life has left.
    pub fn new(world: Rc<World>, name: String, room: RoomId, author: Author, echo: bool) -> App {
        App {
            world,
            name,
            room,
            author,
            echo,
            view: Vec::new(),
            epoch: Epoch::default(),
            former: BTreeMap::new(),
            waiting: BTreeMap::new(),
            presence: BTreeMap::new(),
            shows: None,
            phase: Phase::Connecting,
            contested: false,
            replaceable: false,
            forgetful: false,
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
        if own != (entry.client == self.author) {
            self.fail(format_args!("{seq} of {} is told with own = {own}", entry.client));
        }
        self.next(seq, seen, entry.time, position);
    }

    /// An own op was delivered in its place.
    pub fn own_entry(&mut self, seq: Seq, id: OpId, time: Timestamp, data: &RawValue, position: Position) {
        let seen = Seen {
            author: self.author,
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
                let fate = self.world.ledger().fate(waiting.key);
                let justified = match rejection {
                    Rejection::TooLarge => waiting.data.get().len() + 50 > LIMITS.max_message,
                    // The life that has taken the outbox over has sent this op, or one after it.
                    Rejection::Refused { code, .. } if self.contested => *code != RejectCode::BadData,
                    Rejection::Refused { code, .. } => match code {
                        RejectCode::IdReused => self.forgetful,
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
                match fate {
                    Some(Fate::Ordered { .. }) => {}
                    _ if self.contested => self.world.ledger().settle(waiting.key, Fate::Unknown),
                    _ => self.world.ledger().settle(waiting.key, Fate::Rejected),
                }
            }
        }
    }

    /// The connection was lost, or a first attempt has failed: for a reason that there was.
    pub fn lost(&self, closure: &Closure) {
        let justified = match closure.code {
            // It broke, its end was not told, somebody fell silent or froze, the server shut down.
            1005 | 1006 => true,
            code if code == CloseCode::GoingAway.number() => true,
            code if code == CloseCode::IdleTimeout.number() => true,
            code if code == CloseCode::HelloTimeout.number() => true,
            code if code == CloseCode::StorageFailed.number() => self.world.disk.errors() > 0,
            code if code == CloseCode::Replaced.number() => self.replaceable,
            _ => false,
        };
        if !justified {
            self.fail(format_args!(
                "the connection is closed for no reason: {closure:?}"
            ));
        }
    }

    /// Everything is to be forgotten.
    pub fn reset(&mut self) {
        if self.world.logs_lost() == 0 {
            self.fail(format_args!("a reset, although no log was lost"));
        }
        let view = std::mem::take(&mut self.view);
        self.former.insert(self.epoch.0, view);
        for waiting in self.waiting.values_mut() {
            waiting.shown = false;
        }
    }

    /// The others' presence has changed.
    pub fn presence(&mut self, change: &PresenceChange<Box<RawValue>>) {
        if change.all {
            self.presence.clear();
        }
        for present in &change.present {
            let shown = present.data.get().to_owned();
            self.presence.insert(present.client, shown);
        }
        for gone in &change.gone {
            self.presence.remove(gone);
        }
    }

    fn ordered(&mut self, ack: Ack, waiting: &Waiting, position: Position) {
        let seen = Seen {
            author: self.author,
            id: ack.id,
            data: waiting.data.get().into(),
        };
        self.check(ack.seq, &seen, ack.time, position);
        let epoch = position.epoch;
        self.world
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
        if seen.author == self.author && self.waiting.get(&seen.id).is_some_and(shown) {
            self.fail(format_args!(
                "{seq} is delivered, which the app has submitted itself"
            ));
        }
        self.check(seq, &seen, time, position);
        self.epoch = position.epoch;
        self.view.push(seen);
    }

    /// An entry must be durable before anybody hears of it.
    fn check(&mut self, seq: Seq, seen: &Seen, time: Timestamp, position: Position) {
        match self.world.disk.durable(&self.room, seq) {
            // The log that it was in is lost.
            Some((epoch, _)) if epoch != position.epoch => {}
            None if self.world.disk.epoch(&self.room) != Some(position.epoch) => {}
            None => self.fail(format_args!("{seq} is told of, and is not durable")),
            Some((_, entry)) => {
                let same = entry.author == seen.author
                    && entry.op == seen.id
                    && entry.time == time
                    && entry.payload == seen.data.as_bytes();
                if !same {
                    self.fail(format_args!("{seq} is told as {seen:?}, and is {entry:?}"));
                }
            }
        }
    }

    fn fail(&self, what: std::fmt::Arguments<'_>) {
        self.world.fail(format_args!("{}: {what}", self.name));
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
