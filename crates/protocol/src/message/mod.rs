//! The messages of the sessions dialect (`patchcast.v1`), which `docs/protocol.md` describes for writers of clients.
//!
//! `D` is the data of an op or of a presence: borrowed raw JSON on the server, whatever suits it on a client.

mod read;
mod write;

use serde::{Deserialize, Serialize};

use crate::ids::{Author, Epoch, OpId, Position, Secret, Seq, Timestamp};

pub use read::{Refusal, read_client, read_server};
pub use write::{
    finish_entries, push_ack, push_entry, push_entry_separator, start_entries, write_client, write_server,
};

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<D> {
    /// The first message, and only the first.
    Hello(Hello),
    /// Asks for an entry.
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
    /// Asks for a [`ServerMessage::Pong`].
    Ping,
}

/// Who comes, and from where it wants to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Proves who the client is.
    pub secret: Secret,
    /// The last position of which the client has everything; `None` for the beginning.
    pub since: Option<Position>,
    /// Whether the client wants to be told of the others' presence.
    pub presence: bool,
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
    /// Stands in the place of the client's own entry.
    Ack(Ack),
    /// An op that did not become an entry and never will under its id.
    Reject {
        /// Which.
        id: OpId,
        /// Why.
        code: RejectCode,
        /// The same in words.
        reason: String,
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
    /// What was written.
    pub data: D,
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

/// Why a client must forget the entries that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetCode {
    /// The position is of another log.
    OtherEpoch,
    /// The position lies beyond the log's end.
    Ahead,
    /// The entries after the position are not kept any more.
    Forgotten,
}

/// Why an op did not become an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The data is not what `JSON.stringify` can make, or nested too deeply.
    BadData,
    /// The id is the one of another op of this client.
    IdReused,
    /// A later op of this client is in the log, and this one is not.
    IdPassed,
}

/// What was wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, or not an object with these members.
    Malformed,
    /// A `type` that the server does not know.
    UnknownType,
    /// The first message was no `hello`.
    HelloExpected,
    /// A second `hello`.
    HelloRepeated,
    /// The first message did not come in time.
    HelloTimeout,
    /// A version that the server does not speak; the reason names those that it does.
    UnsupportedVersion,
    /// A kind of room that the server does not have.
    UnsupportedKind,
    /// The client named an id that is not its secret's.
    NotYourId,
    /// A presence above its size limit, or whose data is bad. The connection stays, and the presence as it was.
    BadPresence,
}

impl ErrorCode {
    /// How the connection is closed over it; `None` when it is not.
    pub const fn closes(self) -> Option<crate::close::CloseCode> {
        use crate::close::CloseCode;
        match self {
            ErrorCode::Malformed
            | ErrorCode::UnknownType
            | ErrorCode::HelloExpected
            | ErrorCode::HelloRepeated => Some(CloseCode::MalformedMessage),
            ErrorCode::HelloTimeout => Some(CloseCode::HelloTimeout),
            ErrorCode::UnsupportedVersion | ErrorCode::UnsupportedKind => Some(CloseCode::Unsupported),
            ErrorCode::NotYourId => Some(CloseCode::NotYourId),
            ErrorCode::BadPresence => None,
        }
    }
}
