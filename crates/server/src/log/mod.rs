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
use patchcast_protocol::ids::Seq;
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
/// - **Honest**: every error but [`AppendError::InDoubt`] means that none of the batch is in the log or ever will be.
pub trait Log: Send + Sync + 'static {
    /// The end of the log as of now. It never moves back.
    fn head(&self) -> Head;

    /// Appends `entries` right after `expected_head` and returns the new head; appending no entries returns
    /// the present one.
    ///
    /// A lost race is [`AppendError::Conflict`]: read what lies after the expected head, then try again.
    fn append(
        &self,
        expected_head: Seq,
        entries: Arc<[NewEntry]>,
    ) -> BoxFuture<'_, Result<Head, AppendError>>;

    /// The entries that follow `after`, in order, without a gap: as many as fit `max_bytes` of payload, but at
    /// least one if there is any. Empty means that `after` is the head.
    ///
    /// Asking for what lies after a position beyond the head is [`ReadError::Ahead`], never a wait.
    fn read(&self, after: Seq, max_bytes: usize) -> BoxFuture<'_, Result<Entries, ReadError>>;

    /// Resolves as soon as the head lies beyond `seen`, be it that it does already.
    fn changed(&self, seen: Seq) -> BoxFuture<'_, ()>;
}

/// Why a batch was not appended.
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
    /// What was read is not what was written. Nothing of it is passed on.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// The store did not answer, or answered with an error.
    #[error("reading the log failed: {0}")]
    Failed(String),
}
