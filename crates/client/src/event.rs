//! What an app is told.

use std::sync::Arc;

use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::message::{ErrorCode, PresenceChange, ResetCode, Welcome};
use patchcast_session::{Closure, Reason, Restored};
use serde_json::value::RawValue;

/// What a client leaves to its next life, which is begun with it and with the same secret.
pub type Left = Restored<Arc<RawValue>>;

/// What happened to the room or to the connection, in order.
#[derive(Debug)]
pub enum Event {
    /// An attempt to connect begins.
    Connecting,
    /// The server has let the client in; what the room had by then follows.
    Welcomed(Welcome),
    /// All that the room had at the welcome has come.
    Live,
    /// The next entry.
    Entry(Entry),
    /// There is no connection; the next attempt follows.
    Offline(Closure),
    /// Forget all entries: they come again, from the first.
    Reset {
        /// What was wrong with the position.
        code: ResetCode,
        /// The same in words.
        reason: Reason,
    },
    /// What the others show has changed. The client itself is among them.
    Presence(PresenceChange<Box<RawValue>>),
    /// The connection was lost: nobody is known to be there.
    PresenceLost,
    /// The server found fault with a message of this client.
    Error {
        /// Which.
        code: ErrorCode,
        /// The same in words.
        reason: Reason,
    },
    /// The server has closed it for good. The last event.
    Closed(Closure),
}

/// An entry of the room.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number: the one after the last.
    pub seq: Seq,
    /// Who wrote it.
    pub client: Author,
    /// Its author's number for it.
    pub id: OpId,
    /// When the server accepted it.
    pub time: Timestamp,
    /// What was written.
    pub data: Box<RawValue>,
    /// Whether this client wrote it.
    pub own: bool,
    /// Whether it was in the room before this connection joined.
    pub history: bool,
}
