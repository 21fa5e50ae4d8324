//! What the app of every client witnesses, whatever its room holds: it believes nothing that the log does not bear out.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Epoch, Seq};
use patchcast_protocol::message::PresenceChange;
use patchcast_protocol::room::RoomId;
use patchcast_session::{Closure, Phase};
use serde_json::value::RawValue;

use crate::ledger::{Fate, OpKey};
use crate::world::World;

/// What one life of a client knows, but for what is in its room.
#[derive(Clone)]
pub struct Witness {
    /// Where it lives.
    pub world: Rc<World>,
    /// What the simulator calls it.
    pub name: String,
    /// Where it is.
    pub room: RoomId,
    /// Who the client is.
    pub author: Author,
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

impl Witness {
    /// Somebody who has seen nothing.
    pub fn new(world: Rc<World>, name: String, room: RoomId, author: Author) -> Witness {
        Witness {
            world,
            name,
            room,
            author,
            presence: BTreeMap::new(),
            shows: None,
            phase: Phase::Connecting,
            contested: false,
            replaceable: false,
            forgetful: false,
        }
    }

    /// Goes on for an earlier life of the same client.
    pub fn follow(&mut self, earlier: &Witness) {
        self.forgetful = earlier.forgetful;
        self.replaceable = earlier.replaceable;
    }

    /// The connection is in another phase. If it was lost, or a first attempt has failed, there was a reason.
    pub fn phase(&mut self, phase: Phase, closure: Option<&Closure>) {
        self.phase = phase;
        let Some(closure) = closure else { return };
        let justified = match closure.code {
            // It broke, its end was not told, somebody fell silent or froze, the server shut down.
            1005 | 1006 => true,
            code if code == CloseCode::GoingAway.number() => true,
            code if code == CloseCode::IdleTimeout.number() => true,
            code if code == CloseCode::HelloTimeout.number() => true,
            code if code == CloseCode::StorageFailed.number() => self.world.disk.errors() > 0,
            code if code == CloseCode::Replaced.number() => self.replaceable,
            // It comes back at once, and merges what it has with a state of the room.
            code if code == CloseCode::MalformedMessage.number() => {
                let keeps_little = self.world.setup.documents.retain.is_some();
                keeps_little && closure.reason == "too far behind for the room"
            }
            _ => false,
        };
        if !justified {
            self.fail(format_args!(
                "the connection is closed for no reason: {closure:?}"
            ));
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

    /// An op was rejected, and rightly so. `by_another`: it may be that of another life that was not.
    pub fn rejected(&self, key: OpKey, by_another: bool) {
        let mut ledger = self.world.ledger();
        match ledger.fate(key) {
            Some(Fate::Ordered { .. }) => {}
            _ if by_another => ledger.settle(key, Fate::Unknown),
            _ => ledger.settle(key, Fate::Rejected),
        }
    }

    /// An entry that somebody is told of: it must be durable before. `None` when it is not, or was in a log that is lost.
    pub fn durable(&self, epoch: Epoch, seq: Seq) -> Option<NewEntry> {
        let disk = &self.world.disk;
        match disk.durable(&self.room, seq) {
            Some((now, entry)) => (now == epoch).then_some(entry),
            None => {
                if disk.epoch(&self.room) == Some(epoch) {
                    self.fail(format_args!("{seq} is told of, and is not durable"));
                }
                None
            }
        }
    }

    /// Notes that a rule does not hold.
    pub fn fail(&self, what: fmt::Arguments<'_>) {
        self.world.fail(format_args!("{}: {what}", self.name));
    }
}
