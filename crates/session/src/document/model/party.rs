//! A client of the model: a replica, what its host keeps, and a connection that may break.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use patchcast_protocol::apply::Document;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{Epoch, OpId, Position, Seq};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::value::same;
use serde_json::Value;

use super::server::{Bridge, Change, Context, Server};
use crate::document::{Made, Prepared, Replica, Told, What};

const EPOCH: Epoch = Epoch(1);

pub struct Party {
    pub author: usize,
    pub replica: Replica,
    /// What an app holds that only hears of changes.
    pub mirror: Document,
    last_id: OpId,
    /// Not settled, as the session has it.
    unsettled: BTreeSet<OpId>,
    pub fates: BTreeMap<OpId, Fate>,
    pub link: Option<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stored,
    Rejected,
}

pub struct Link {
    pub up: VecDeque<Change>,
    pub down: VecDeque<Down>,
    pub bridge: Bridge,
    /// The head and the last op of the welcome, and whether the client has come as far.
    welcome: Option<(Seq, OpId)>,
    is_live: bool,
    seq: Seq,
    sent: BTreeSet<OpId>,
}

#[derive(Clone, Debug)]
pub enum Down {
    Welcome {
        head: Seq,
        last_op: OpId,
        begin: Begin,
    },
    Entry {
        own: Option<OpId>,
        patches: Vec<Patch>,
    },
    /// `seq` says which, when it was one before.
    Ack {
        id: OpId,
        known: Option<Seq>,
        made: Option<Vec<Patch>>,
    },
    Reject {
        id: OpId,
        after: Seq,
    },
}

#[derive(Clone, Debug)]
pub enum Begin {
    After(Seq),
    Snapshot(Seq, Value),
}

impl Party {
    pub fn new(author: usize, initial: Value) -> Party {
        let replica = Replica::new(initial).unwrap();
        Party {
            author,
            mirror: Document::restored(replica.value().clone(), usize::MAX).unwrap(),
            replica,
            last_id: OpId::NONE,
            unsettled: BTreeSet::new(),
            fates: BTreeMap::new(),
            link: None,
        }
    }

    pub fn connect(&mut self, server: &Server, snapshot: Option<(Seq, Value)>) {
        let last_op = server.last_op(self.author);
        let head = server.head();
        let since = self
            .replica
            .position()
            .map_or(Seq::START, |position| position.seq);
        let (begin, from) = match snapshot {
            Some((seq, state)) => (Begin::Snapshot(seq, state), seq),
            None => (Begin::After(since), since),
        };
        let mut down = VecDeque::from([Down::Welcome { head, last_op, begin }]);
        for entry in &server.log[from.0 as usize..] {
            let own = (entry.author == self.author).then_some(entry.id);
            let patches = entry.made.patches();
            down.push_back(Down::Entry { own, patches });
        }
        self.link = Some(Link {
            up: VecDeque::new(),
            down,
            bridge: Bridge::new(self.author),
            welcome: None,
            is_live: false,
            seq: Seq::START,
            sent: BTreeSet::new(),
        });
    }

    pub fn cut(&mut self) -> Result<(), String> {
        if self.link.take().is_some() {
            self.replica.disconnected().map_err(|error| error.to_string())?;
        }
        self.hear()
    }

    /// The page is loaded again; what was kept is all that there is of the life before.
    pub fn reload(&mut self, keeps_value: bool, initial: Value) -> Result<(), String> {
        self.cut()?;
        let left = self.replica.leave(keeps_value);
        self.replica = Replica::restored(initial, 1 << 20, left).map_err(|error| error.to_string())?;
        self.mirror = Document::restored(self.replica.value().clone(), usize::MAX).unwrap();
        self.hear()
    }

    pub fn commit(&mut self, prepared: Prepared) -> Result<(), String> {
        self.last_id = self.last_id.next();
        self.unsettled.insert(self.last_id);
        self.replica.commit(self.last_id, prepared);
        self.hear()?;
        self.send();
        Ok(())
    }

    /// Takes the message at `index`.
    pub fn receive(&mut self, index: usize) -> Result<(), String> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let Some(message) = link.down.remove(index) else {
            return Ok(());
        };
        let replica = &mut self.replica;
        let handled = match message {
            Down::Welcome { head, last_op, begin } => {
                link.welcome = Some((head, last_op));
                match begin {
                    Begin::After(seq) => {
                        link.seq = seq;
                        match replica.position() {
                            Some(_) => {}
                            None => replica.begin_history(),
                        }
                        Ok(())
                    }
                    Begin::Snapshot(seq, state) => {
                        link.seq = seq;
                        replica.begin_with(state)
                    }
                }
            }
            Down::Entry { own, patches } => {
                link.seq = link.seq.next();
                if let Some(id) = own.filter(|id| self.unsettled.remove(id)) {
                    self.fates.insert(id, Fate::Stored);
                }
                let made = Edit::of_written(&patches).map_err(|error| error.to_string())?;
                replica.entry(link.seq, own, made)
            }
            Down::Ack { id, known, made } => {
                if self.unsettled.remove(&id) {
                    self.fates.insert(id, Fate::Stored);
                }
                if known.is_some_and(|seq| seq <= link.seq) {
                    replica.settled(id);
                    Ok(())
                } else {
                    link.seq = link.seq.next();
                    let made = match made {
                        None => Made::AsSent,
                        Some(patches) => {
                            Made::Otherwise(Edit::of_written(&patches).map_err(|error| error.to_string())?)
                        }
                    };
                    replica.acknowledged(link.seq, id, made)
                }
            }
            Down::Reject { id, after } => replica.rejected(id, Some(after)),
        };
        handled.map_err(|error| error.to_string())?;
        self.hear()?;
        self.catch_up()?;
        self.send();
        Ok(())
    }

    fn catch_up(&mut self) -> Result<(), String> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let Some((head, last_op)) = link.welcome else {
            return Ok(());
        };
        if !link.is_live && link.seq >= head {
            link.is_live = true;
            let (epoch, seq) = (EPOCH, link.seq);
            let position = Position { epoch, seq };
            self.replica
                .caught_up(position, last_op)
                .map_err(|error| error.to_string())?;
            self.hear()?;
        }
        Ok(())
    }

    fn send(&mut self) {
        let Some(link) = self.link.as_mut().filter(|link| link.is_live) else {
            return;
        };
        for id in &self.unsettled {
            if link.sent.contains(id) || self.replica.must_wait(*id) {
                continue;
            }
            let Some(content) = self.replica.content(*id) else {
                continue;
            };
            link.sent.insert(*id);
            link.up.push_back(Change {
                id: *id,
                context: Context {
                    base: content.sent.base.seq,
                    upon: content.sent.upon,
                },
                patches: content.sent.edit.patches(),
                strict: content.strict,
                reset: content.reset,
            });
        }
    }

    /// Takes what the replica tells, and holds the mirror to it.
    fn hear(&mut self) -> Result<(), String> {
        let mut has_told = false;
        while let Some(told) = self.replica.poll_told() {
            has_told = true;
            match told {
                Told::Changed(change) => match change.what {
                    What::Edit(edit) => {
                        self.mirror
                            .apply(&edit.patches())
                            .map_err(|error| error.to_string())?;
                    }
                    What::Order(orders) => {
                        let mut value = self.mirror.value().clone();
                        for order in orders {
                            super::sort_keys(&mut value, &order);
                        }
                        self.mirror = Document::restored(value, usize::MAX).unwrap();
                    }
                },
                Told::Refused(id) | Told::Lost(id) => {
                    if !self.unsettled.remove(&id) && self.fates.get(&id) != Some(&Fate::Rejected) {
                        return Err(format!("{id} was rejected, and is {:?}", self.fates.get(&id)));
                    }
                    self.fates.insert(id, Fate::Rejected);
                }
            }
        }
        if !has_told {
            return Ok(());
        }
        let (mirror, view) = (self.mirror.value().to_string(), self.replica.value().to_string());
        if mirror != view {
            return Err(format!(
                "client {} shows {view}, and was told {mirror}",
                self.author
            ));
        }
        let mut made = Document::restored(self.replica.confirmed().clone(), usize::MAX).unwrap();
        for op in self.replica.chain.iter() {
            made.replay(op.edit.clone()).map_err(|error| error.to_string())?;
        }
        if !same(made.value(), self.replica.value()) {
            return Err(format!(
                "client {} shows {view}, not {}",
                self.author,
                made.value()
            ));
        }
        Ok(())
    }

    pub fn is_quiet(&self, server: &Server) -> bool {
        self.unsettled.is_empty()
            && self.link.as_ref().is_some_and(|link| {
                link.is_live && link.up.is_empty() && link.down.is_empty() && link.seq == server.head()
            })
    }

    pub fn ops(&self) -> u64 {
        self.last_id.0
    }
}
