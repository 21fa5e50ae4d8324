//! Entries of the log that ops are carried over: those in memory, and those that are read for an op that is older.

use std::collections::VecDeque;
use std::rc::Rc;

use patchcast_protocol::apply::ApplyError;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::entry::{ENTRY_BYTES, Entry};
use patchcast_protocol::ids::{Author, OpId, Seq, StateHash};
use thiserror::Error;

use super::record::{self, Origin, Unreadable};
use crate::limits::RECENT_BYTES;

/// What cannot be folded. The log holds what this program has not written, or has lost what it relies on.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The snapshot is not readable.
    #[error("the snapshot as of {seq} is none of a document: {reason}")]
    Snapshot {
        /// As of which entry.
        seq: Seq,
        /// What is wrong with it.
        reason: String,
    },
    /// The snapshot is not what was stored.
    #[error(
        "the snapshot as of {seq} does not reproduce: it has the hash {found}, and was stored with {stored}"
    )]
    Hash {
        /// As of which entry.
        seq: Seq,
        /// The hash that was stored.
        stored: StateHash,
        /// The hash that its state has.
        found: StateHash,
    },
    /// An entry is not readable.
    #[error("{seq} is none of a document: {reason}")]
    Entry {
        /// Which.
        seq: Seq,
        /// What is wrong with it.
        reason: Unreadable,
    },
    /// An entry does not apply to what those before it have left.
    #[error("{seq} does not apply to the document before it: {error}")]
    DoesNotApply {
        /// Which.
        seq: Seq,
        /// Why not.
        error: ApplyError,
    },
    /// An entry is not the next one.
    #[error("{seq} does not follow {after}")]
    OutOfOrder {
        /// Which.
        seq: Seq,
        /// The one before.
        after: Seq,
    },
}

/// An entry, as much as ops need of it.
#[derive(Debug)]
pub struct Past {
    pub seq: Seq,
    pub author: Author,
    pub id: OpId,
    /// What was made.
    pub made: Rc<Edit>,
    /// Its line that is for the server alone.
    private: Box<[u8]>,
    payload: usize,
}

impl Past {
    /// Reads an entry of the log.
    pub fn read(entry: &Entry<'_>) -> Result<Past, FoldError> {
        let patches = record::patches(entry.payload).and_then(|patches| Ok(Edit::of_written(&patches)?));
        let made = patches.map_err(|reason| FoldError::Entry {
            seq: entry.seq,
            reason,
        })?;
        Ok(Past::new(entry, Rc::new(made)))
    }

    /// An entry of which it is known what was made.
    pub fn new(entry: &Entry<'_>, made: Rc<Edit>) -> Past {
        Past {
            seq: entry.seq,
            author: entry.author,
            id: entry.op,
            made,
            private: record::private(entry.payload).into(),
            payload: entry.payload.len(),
        }
    }

    /// How it came to be what it is.
    pub fn origin(&self) -> Result<Origin, FoldError> {
        Origin::read(&self.private).map_err(|reason| FoldError::Entry {
            seq: self.seq,
            reason,
        })
    }

    /// What it takes, about.
    pub fn bytes(&self) -> usize {
        self.payload + ENTRY_BYTES
    }
}

/// The newest entries, up to the head.
#[derive(Debug)]
pub struct Recent {
    entries: VecDeque<Rc<Past>>,
    bytes: usize,
    /// How many there may be.
    most: usize,
}

impl Recent {
    /// None yet, and never more than so many.
    pub fn of(most: usize) -> Recent {
        Recent {
            entries: VecDeque::new(),
            bytes: 0,
            most,
        }
    }

    /// Adds the next entry.
    pub fn push(&mut self, entry: Past) {
        self.bytes += entry.bytes();
        self.entries.push_back(Rc::new(entry));
    }

    /// Forgets the oldest entries when there are too many. All of them must be stored: only then can they be read again.
    pub fn forget(&mut self) {
        while self.entries.len() > self.most || self.bytes > RECENT_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
        }
    }

    /// Takes the newest entry back.
    pub fn pop(&mut self) {
        if let Some(newest) = self.entries.pop_back() {
            self.bytes -= newest.bytes();
        }
    }

    /// The entries after a position up to the head; `None` when the first of them is not in memory any more.
    pub fn after(&self, position: Seq, head: Seq) -> Option<impl Iterator<Item = &Rc<Past>>> {
        let wanted = usize::try_from(head.since(position)).unwrap_or(usize::MAX);
        let older = self.entries.len().checked_sub(wanted)?;
        Some(self.entries.range(older..))
    }
}
