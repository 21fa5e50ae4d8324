//! Why something was refused, by names that do not change.

use serde::{Deserialize, Serialize};

use crate::close::CloseCode;

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
    /// Patches in a stream, or data in a document.
    WrongKind,
    /// The patches are no list of patches, hold what `JSON.stringify` cannot make, or are nested too deeply.
    BadPatches,
    /// The patches do not apply to the state that they are said to be made on.
    DoesNotApply,
    /// The document would be larger than its owner allows.
    TooLarge,
    /// The document would be deeper than [`MAX_DOCUMENT_DEPTH`](crate::limits::MAX_DOCUMENT_DEPTH).
    TooDeep,
    /// The entry that the patches are made on does not exist yet.
    BaseAhead,
    /// What has come after the entry that the patches are made on is not kept any more.
    BaseForgotten,
    /// The op is strict, and others have changed the same places.
    Conflict,
    /// The op replaces the whole document, and does not say that it means to.
    ResetNeeded,
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
    /// The state that a hello brings for a new document is none that a document can have.
    BadInitial,
}

impl ErrorCode {
    /// How the connection is closed over it; `None` when it is not.
    pub const fn closes(self) -> Option<CloseCode> {
        match self {
            ErrorCode::Malformed
            | ErrorCode::UnknownType
            | ErrorCode::HelloExpected
            | ErrorCode::HelloRepeated
            | ErrorCode::BadInitial => Some(CloseCode::MalformedMessage),
            ErrorCode::HelloTimeout => Some(CloseCode::HelloTimeout),
            ErrorCode::UnsupportedVersion | ErrorCode::UnsupportedKind => Some(CloseCode::Unsupported),
            ErrorCode::NotYourId => Some(CloseCode::NotYourId),
            ErrorCode::BadPresence => None,
        }
    }
}
