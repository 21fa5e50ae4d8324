//! The messages of the sessions dialect (`patchcast.v1`), which `docs/protocol.md` describes for writers of clients.
//!
//! `D` is the data of an op or of a presence: borrowed raw JSON on the server, whatever suits it on a client.

mod codes;
mod document;
mod fields;
mod pieces;
mod read_client;
mod read_server;
mod write_client;
mod write_server;

use serde::{Deserialize, Serialize};

use crate::ids::{Author, Epoch, OpId, Position, Secret, Seq, StateHash, Timestamp};
use crate::path::Path;

pub use codes::{ErrorCode, RejectCode, ResetCode};
pub use document::{Change, Made, Outcome, WireConflict};
pub use pieces::{
    finish_entries, push_ack, push_check, push_entry, push_entry_separator, push_made_ack, push_made_entry,
    push_snapshot, start_entries,
};
pub use read_client::{Refusal, read_client};
pub use read_server::read_server;
pub use write_client::write_client;
pub use write_server::{write_as_sent, write_made, write_server};

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<D> {
    /// The first message, and only the first.
    Hello(Hello<D>),
    /// Asks for an entry of a stream.
    Op {
        /// Above all ids that the client has used before.
        id: OpId,
        /// The entry.
        data: D,
    },
    /// Replaces what the others see of the client; the JSON value `null` takes it away.
    Presence {
        /// At most [`MAX_PRESENCE_BYTES`](crate::limits::MAX_PRESENCE_BYTES).
        data: D,
    },
    /// Asks for an entry of a document.
    Change(Change<D>),
    /// Asks for a [`ServerMessage::Pong`].
    Ping,
    /// Tells that the client has another state than the [`ServerMessage::Check`] says.
    Diverged {
        /// After which entry.
        seq: Seq,
        /// Of the state that the client has there.
        hash: StateHash,
    },
}

/// Who comes, and from where it wants to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello<D> {
    /// Proves who the client is.
    pub secret: Secret,
    /// The last position of which the client has everything; `None` for the beginning.
    pub since: Option<Position>,
    /// Whether the client wants to be told of the others' presence.
    pub presence: bool,
    /// What kind of room it means.
    pub kind: RoomKind<D>,
}

/// What a room holds. A stream and a document of the same name are two rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomKind<D> {
    /// Any JSON values.
    Stream,
    /// One JSON value, and its changes.
    Document {
        /// What the document is when this client is the first to come.
        initial: Option<D>,
    },
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage<D> {
    /// The answer to `hello`. Entries follow, up to `head` and beyond.
    Welcome(Welcome),
    /// Before the welcome: the position that the client asked for is not in this log. Everything comes again from the start.
    Reset {
        /// What was wrong with the position.
        code: ResetCode,
        /// The same in words.
        reason: String,
    },
    /// Consecutive entries; the first is the one after `after`.
    Entries {
        /// The position before the first.
        after: Seq,
        /// At least one.
        entries: Vec<WireEntry<D>>,
    },
    /// The state of a document. The entries after it follow.
    Snapshot {
        /// As of which entry.
        seq: Seq,
        /// The whole of it.
        state: D,
    },
    /// Stands in the place of the client's own entry. In a document, its patches are just those that were sent.
    Ack(Ack),
    /// Stands in the place of the client's own entry in a document, and tells what was made.
    Made(Ack, Made<D>),
    /// An op that did not become an entry and never will under its id.
    Reject(Reject),
    /// What state a document has behind an entry, in its place among them.
    Check {
        /// Behind which.
        seq: Seq,
        /// Of the state there.
        hash: StateHash,
    },
    /// What has changed of the others' presence.
    Presence(PresenceChange<D>),
    /// The answer to a ping.
    Pong,
    /// What was wrong with a message that is no op. Unless the code says otherwise, the connection is closed.
    Error {
        /// What kind of mistake.
        code: ErrorCode,
        /// The same in words.
        reason: String,
    },
}

/// What a client is told when it has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The client's id: the `client` of its entries.
    pub client: Author,
    /// Of which log the numbers of entries are.
    pub epoch: Epoch,
    /// The newest entry as of now. A client that has come this far sends again what was not acknowledged.
    pub head: Seq,
    /// The last op of this client in the log; 0 when there is none.
    pub last_op: OpId,
    /// What entries have survived when they are acknowledged.
    pub durability: Durability,
    /// Bytes of the largest message that the server takes.
    pub max_message: u64,
    /// Milliseconds of silence after which the server closes the connection.
    pub idle_timeout: u64,
    /// The state as of this entry comes in a [`ServerMessage::Snapshot`], and the entries after it, whatever position the client has named.
    pub snapshot: Option<Seq>,
}

/// What an entry survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// A power cut.
    Fsync,
    /// A crash of the server, but not of its machine.
    Os,
    /// Nothing: entries are kept as long as the server runs.
    Memory,
}

/// An entry as clients see it; its number follows from its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireEntry<D> {
    /// Who wrote it.
    pub client: Author,
    /// Its author's number for it.
    pub id: OpId,
    /// When the server accepted it.
    pub time: Timestamp,
    /// What was written: a stream's data, or the patches that were made of a document.
    pub data: D,
    /// In a document, what became of what its author has sent, as in [`Made`]. `None` in a stream.
    pub made: Option<(Outcome, Vec<WireConflict>)>,
}

/// An op has become an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Which op.
    pub id: OpId,
    /// Which entry.
    pub seq: Seq,
    /// When the server accepted it.
    pub time: Timestamp,
    /// What it has survived by now.
    pub durability: Durability,
}

/// An op that did not become an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Which.
    pub id: OpId,
    /// Why.
    pub code: RejectCode,
    /// The same in words.
    pub reason: String,
    /// In a document, the place where it does not apply or conflicts.
    pub path: Option<Path>,
    /// In a document, the newest entry when it was refused: it takes effect for a client that has come so far.
    pub after: Option<Seq>,
}

/// Who is there, and what has changed of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceChange<D> {
    /// Whether whoever is not listed is not there. Else they are as they were.
    pub all: bool,
    /// Who has come, or shows something else than before.
    pub present: Vec<Present<D>>,
    /// Who has gone.
    pub gone: Vec<Author>,
}

/// One client's presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present<D> {
    /// Whose.
    pub client: Author,
    /// What it shows.
    pub data: D,
}
