//! The log: the only place where a room's entries are kept.
//!
//! [`Store`] and [`Log`] are the seam behind which one process, or later many machines, keep what was
//! accepted. Nothing outside this folder knows how.

mod memory;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message;
use patchcast_protocol::room::RoomId;
use thiserror::Error;

pub use memory::MemoryStore;
pub use sqlite::{Durability, OpenError, SqliteStore, StartupCheck};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The logs of all rooms.
pub trait Store: Send + Sync + 'static {
    /// The log of a room, which is empty when nobody has written to the room yet. Opening leaves no trace: a
    /// room begins to exist with its first entry. Two openings of one room see each other's appends.
    fn open(&self, room: &RoomId) -> BoxFuture<'_, Result<Arc<dyn Log>, ReadError>>;

    /// What entries have survived when their append returns.
    fn durability(&self) -> message::Durability;

    /// Whether the last append was stored, so whether the next one can be expected to be.
    fn is_writable(&self) -> bool;

    /// Resolves when the store can go on no longer and the process should end. The default is never.
    fn failed(&self) -> BoxFuture<'_, String> {
        Box::pin(std::future::pending())
    }
}

/// One room's entries, numbered from 1 without a gap, in one order for everybody, for good.
///
/// - **Atomic**: a batch is appended whole or not at all, and no other entry lies within it.
/// - **Durable**: when `append` has returned `Ok`, its entries survive what the store was configured to
///   survive. Only then does `head`, `read` or `changed` show them.
/// - **One log, one epoch**: a number that was ever given to an entry stands for that entry as long as the epoch is the same,
///   through crashes of the server and of its machine. A log that may have lost entries goes on under another epoch.
/// - **Ops are known for good**: an entry with an [`OpId`] is found by it as soon as its append has returned, through every
///   opening and after every restart. [`OpId::NONE`] is no op.
/// - **Forgetting takes from the front**: entries may be dropped up to the snapshot that stands for them ([`save`](Log::save)), never the
///   newest one. Numbers, head and epoch are as before, and so are the ops.
/// - **Honest**: every error but [`AppendError::InDoubt`] means that none of the batch, or nothing of the snapshot, is in the log or ever
///   will be.
pub trait Log: Send + Sync + 'static {
    /// Which log this is: drawn at random when the log begins, and the same for every opening.
    ///
    /// A room that has no entries yet has the epoch that its first append will store. When nobody holds such a room any more, it is
    /// forgotten: there is no entry whose number it could give a wrong meaning to.
    fn epoch(&self) -> Epoch;

    /// The end of the log as of now. It never moves back.
    fn head(&self) -> Head;

    /// Appends `entries` right after `expected_head` and returns the new head; appending no entries returns
    /// the present one.
    ///
    /// A lost race is [`AppendError::Conflict`]: read what lies after the expected head, then try again.
    ///
    /// That an author's ids increase is the room's to keep; ids are at most
    /// [`MAX_SAFE_INTEGER`](patchcast_protocol::limits::MAX_SAFE_INTEGER). What a log holds already as an op, or would hold twice, is
    /// [`AppendError::Refused`].
    fn append(
        &self,
        expected_head: Seq,
        entries: Arc<[NewEntry]>,
    ) -> BoxFuture<'_, Result<Head, AppendError>>;

    /// The entries that follow `after`, in order, without a gap: as many as fit `max_bytes` (see [`Entries::fits`]), but
    /// at least one if there is any. Empty means that `after` is the head.
    ///
    /// Asking for what lies after a position beyond the head is [`ReadError::Ahead`], never a wait; for entries that are no longer kept
    /// it is [`ReadError::Forgotten`].
    fn read(&self, after: Seq, max_bytes: usize) -> BoxFuture<'_, Result<Entries, ReadError>>;

    /// The oldest entry that is kept; in an empty log the one that will be the first. It never moves back, and it is never beyond the head
    /// but in an empty log.
    fn first(&self) -> Seq;

    /// The newest snapshot; `None` when none was ever saved.
    fn snapshot(&self) -> BoxFuture<'_, Result<Option<Snapshot>, ReadError>>;

    /// Keeps a snapshot in place of the one before, as durable as an entry when it returns. One of an older entry than that of the snapshot
    /// which is there is passed over without an error, together with what it would forget.
    ///
    /// With `forget`, entries up to that one may be dropped: not those after the snapshot's, nor the newest, nor all that could be, because a
    /// store drops only whole pieces of what was appended together.
    ///
    /// A snapshot of no entry, or of one beyond the head, is [`AppendError::Refused`].
    fn save(&self, snapshot: Snapshot, forget: Option<Seq>) -> BoxFuture<'_, Result<(), AppendError>>;

    /// The op of `author` with the highest id up to `at_most`, and its entry; `None` when there is no such op. An op whose entry is
    /// forgotten is known like any other.
    fn last_op(&self, author: Author, at_most: OpId) -> BoxFuture<'_, Result<LastOp, ReadError>>;

    /// Resolves as soon as the head lies beyond `seen`, be it that it does already.
    fn changed(&self, seen: Seq) -> BoxFuture<'_, ()>;
}

/// What a room's entries have come to, so that nobody need read them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that is in it.
    pub seq: Seq,
    /// What the room's dialect makes of it. The log does not look into it.
    pub state: Arc<[u8]>,
}

impl Snapshot {
    /// Whether a log with this head may keep it.
    pub fn check(&self, head: Seq) -> Result<(), AppendError> {
        match self.seq {
            seq if Seq::START < seq && seq <= head => Ok(()),
            seq => Err(AppendError::Refused(format!(
                "a snapshot of {seq}, and the head is {head}"
            ))),
        }
    }
}

/// An op that is in the log, and which entry it is.
pub type LastOp = Option<(OpId, Seq)>;

/// A new log's epoch.
fn new_epoch() -> Epoch {
    Epoch(rand::random())
}

/// Why a batch was not appended, or a snapshot not saved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// Somebody else appended first. Read on from the expected head and try again.
    #[error("the log's head is {head}, not the expected one", head = .0.seq)]
    Conflict(Head),
    /// The store could not take it, a full disk for example. Nothing was kept; a later try may succeed.
    #[error("not stored: {0}")]
    Refused(String),
    /// Storing failed half-way, and only opening the store again can tell whether the batch is in it. The
    /// process should end: [`Store::failed`] resolves as well.
    #[error("storing failed half-way: {0}")]
    InDoubt(String),
}

/// Why entries could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The position lies beyond the end: it is of another log.
    #[error("the position lies beyond the log's head, {head}", head = .0.seq)]
    Ahead(Head),
    /// What follows the position is no longer kept. The snapshot stands for it.
    #[error("what lies before {first} is no longer kept")]
    Forgotten {
        /// The oldest entry that is.
        first: Seq,
    },
    /// What was read is not what was written. Nothing of it is passed on.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The store did not answer, or answered with an error.
    #[error("reading the log failed: {0}")]
    Failed(String),
}
