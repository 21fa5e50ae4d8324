//! One connection's way from what its client's ops are made on to the head of the log, kept from one op to the next.
//!
//! It grows when its client sends something, never otherwise. What it has taken in of a turn that was not stored is forgotten with that.

use patchcast_protocol::edit::Edit;
use patchcast_protocol::entry::Entries;
use patchcast_protocol::ids::{Author, OpId, Seq};

use super::answer::Fault;
use super::past::{FoldError, Past, Recent};
use super::record::Context;
use super::way::{Carried, Steps, Way, forgotten};

/// One connection's bridge.
#[derive(Debug)]
pub struct Bridge {
    author: Author,
    way: Way,
    /// What it was when all that was made was stored, if anything was made since.
    settled: Option<Box<Way>>,
}

/// Why the head is not reached.
#[derive(Debug)]
pub enum Gap {
    /// The entries after this position are needed.
    Missing(Seq),
    /// It cannot be.
    Fault(Fault),
}

impl Bridge {
    /// The bridge of a connection that has sent nothing yet.
    pub fn new(author: Author) -> Bridge {
        Bridge {
            author,
            way: Way::new(),
            settled: None,
        }
    }

    /// Whose it is.
    pub fn author(&self) -> Author {
        self.author
    }

    /// Takes in entries that [`Answer::Missing`](super::Answer::Missing) has asked for.
    pub fn supply(&mut self, entries: &Entries) -> Result<(), FoldError> {
        for entry in entries.iter() {
            // An own entry may show that it has to begin earlier; then other entries are asked for.
            if entry.seq != self.way.upto().next() {
                break;
            }
            self.way.take(self.author, &Past::read(&entry)?)?;
        }
        Ok(())
    }

    /// An op that was refused without anybody knowing what it does. No later op that was made upon it can be made.
    pub fn lose(&mut self, id: OpId) {
        self.way.lose(id);
        if let Some(settled) = &mut self.settled {
            settled.lose(id);
        }
    }

    /// What was made is stored.
    pub fn settle(&mut self) {
        self.settled = None;
    }

    /// What was made since it was last stored has been taken back.
    pub fn roll_back(&mut self) {
        if let Some(settled) = self.settled.take() {
            self.way = *settled;
        }
    }

    /// To be called before anything is made, so that it can be taken back.
    pub(super) fn remember(&mut self) {
        if self.settled.is_none() {
            self.settled = Some(Box::new(self.way.clone()));
        }
    }

    /// Leads from a context to the head.
    pub(super) fn reach(&mut self, context: Context, recent: &Recent, head: Seq) -> Result<(), Gap> {
        self.way.seek(context)?;
        loop {
            self.way.check_length(head)?;
            let upto = self.way.upto();
            if upto == head {
                return Ok(self.way.arrive(context)?);
            }
            for entry in recent.after(upto, head).ok_or(Gap::Missing(upto))? {
                // An own entry may show that it has to begin earlier.
                if entry.seq == self.way.upto().next() {
                    self.way.take(self.author, entry)?;
                }
            }
        }
    }

    /// The way from the context that was reached last to the head.
    pub(super) fn way(&self) -> &Way {
        &self.way
    }

    /// Carries an op of that context to the head.
    pub(super) fn carry(&self, sent: &Edit) -> Carried {
        self.way.carry(self.author, sent)
    }

    /// The op that was carried is made, as this entry.
    pub(super) fn accept(&mut self, steps: Steps, context: Context, id: OpId, seq: Seq) {
        self.way.add_own(steps, self.way.since(context), id, seq);
    }

    /// The op that was carried is not made, and `inverse` takes it back. It weighs about so many bytes.
    pub(super) fn take_back(&mut self, steps: Steps, id: OpId, inverse: Edit, bytes: usize) {
        self.way.add_refused(steps, id, inverse, bytes);
    }

    /// The op is not made, and cannot be taken back.
    pub(super) fn lose_for_now(&mut self, id: OpId) {
        self.way.lose(id);
    }

    /// Entries that are needed are not kept any more.
    pub(super) fn give_up(&mut self) {
        self.way.give_up();
    }
}

impl From<Fault> for Gap {
    fn from(fault: Fault) -> Self {
        Gap::Fault(fault)
    }
}

impl From<FoldError> for Gap {
    fn from(error: FoldError) -> Self {
        Gap::Fault(forgotten(error.to_string()))
    }
}
