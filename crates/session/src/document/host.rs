//! What hosts give a document's session, and what they get from it.

use std::sync::Arc;

use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::message::{
    Ack, ErrorCode, Outcome, PresenceChange, RejectCode, ResetCode, WireConflict,
};
use patchcast_protocol::path::Path;
use serde_json::value::RawValue;

use super::change::Change;
use super::restoring::RestoredReplica;
use crate::input::Reason;
use crate::output::{Closure, Phase, Rejection};
use crate::{Config, Time};

/// JSON as it goes on the wire.
pub type Data = Arc<RawValue>;

/// What the others show has changed.
pub type Others = PresenceChange<Box<RawValue>>;

/// With what a document's session begins.
#[derive(Clone, Debug)]
pub struct DocumentConfig {
    /// What is not about documents. `echo` has no effect.
    pub session: Config,
    /// What the document is if nobody was there before; what the view shows until the room's value is known. Without one, that is `null`.
    pub initial: Option<serde_json::Value>,
    /// To how many bytes of JSON own updates may make the document grow.
    pub max_document: usize,
}

/// What an earlier life of the client (the same secret) left. The default is a client without a past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoredDocument {
    /// The last id that was given to an op.
    pub last_id: OpId,
    /// The document and its ops.
    pub replica: RestoredReplica,
}

/// Something has happened.
#[derive(Clone, Debug)]
pub enum DocumentInput<'a> {
    /// The answer to [`DocumentOutput::Connect`]: the WebSocket is open, and the server chose `patchcast.v1`.
    Connected,
    /// A text frame came.
    Frame(&'a str),
    /// A frame came that is no message, for this reason.
    Unreadable(Reason),
    /// The WebSocket was closed or has broken, or there never was one. Not the answer to [`DocumentOutput::Disconnect`].
    Disconnected {
        /// The close frame's code; 1006 where none came.
        code: u16,
        /// The close frame's reason, or what is known of the cause.
        reason: Reason,
    },
    /// The time of the last [`DocumentOutput::WakeAt`] has come. Coming early, late or for nothing is harmless.
    Woken,
    /// The machine has a network again.
    Online,
    /// What the app shows of itself to the others; `null` takes it away.
    Presence(Data),
    /// The app wants no more. Ops that are not settled stay with whoever keeps them.
    Close,
}

/// To be carried out in the order in which [`poll_output`](super::DocumentSession::poll_output) gives them.
#[derive(Clone, Debug)]
#[must_use]
pub enum DocumentOutput {
    /// Open a WebSocket with the subprotocol `patchcast.v1`. There is none at this time.
    Connect,
    /// Let go of the WebSocket: close it with this code and reason, wait for nothing, and tell nothing more of it.
    Disconnect {
        /// One that browsers allow a page to send.
        code: u16,
        /// At most 123 bytes.
        reason: &'static str,
    },
    /// Send this as a text frame.
    Send {
        /// The frame.
        text: String,
        /// The op that it is. Whoever keeps ops for a next life has to have kept what [`leave`](super::DocumentSession::leave) gives now before it is sent.
        op: Option<OpId>,
    },
    /// Say [`DocumentInput::Woken`] at this time. There is one timer: this replaces the time before.
    WakeAt(Time),
    /// Tell the app.
    Event(DocumentEvent),
}

/// What has become of the connection, the document and the ops.
#[derive(Clone, Debug)]
pub enum DocumentEvent {
    /// The connection is in another phase. From the first [`Phase::Live`] on, what is confirmed is the room's.
    Phase(Phase, Option<Closure>),
    /// The view has changed, by an own update too. Changes come in order, and each is made on what the one before has left.
    Changed(Change),
    /// An op has got further. After `Ordered` and `Rejected` it is settled, and nothing more comes of it.
    Op {
        /// Which.
        id: OpId,
        /// How far.
        state: DocumentOpState,
    },
    /// The log is another one, or has not what this client has. What it has is kept, and merged with what the room has.
    Reset {
        /// What was wrong with the position.
        code: ResetCode,
        /// The same in words.
        reason: Reason,
    },
    /// What was confirmed was not what the room has: a mistake of somebody's. A state of the room will take its place, and nothing pending is lost.
    Diverged {
        /// After which entry it was noticed.
        seq: Seq,
    },
    /// What the others show has changed.
    Presence(Others),
    /// The connection was lost, and with it the knowledge of who is there: nobody, until the next change.
    PresenceLost,
    /// The server found fault with a message.
    Error {
        /// Which.
        code: ErrorCode,
        /// The same in words.
        reason: Reason,
    },
}

/// How far an op has got. Until the first of these it is queued.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentOpState {
    /// Handed to the WebSocket. Comes again when the op is sent again.
    Sent,
    /// It is an entry.
    Ordered {
        /// Which, and what it has survived.
        ack: Ack,
        /// What became of it.
        outcome: Outcome,
        /// Where it met what others have done.
        conflicts: Vec<WireConflict>,
    },
    /// It is none, and never will be under its id. The view is without it.
    Rejected(Refusal),
}

/// Why an op is not an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Why. [`RejectCode::Conflict`] is for a strict op to be tried again on the view as it is now.
    pub code: RejectCode,
    /// The same in words.
    pub reason: Reason,
    /// Where in the document, if it was about a place.
    pub path: Option<Path>,
}

impl Refusal {
    /// Of a strict op that others were faster with before it was sent.
    pub(super) fn overruled(path: Path) -> Refusal {
        Refusal {
            code: RejectCode::Conflict,
            reason: "others have changed it before it was sent".into(),
            path: (!path.is_empty()).then_some(path),
        }
    }

    /// Of an op of which nobody can tell any more what it was made on.
    pub(super) fn unknown() -> Refusal {
        Refusal {
            code: RejectCode::BaseForgotten,
            reason: "what it was made on is not known any more".into(),
            path: None,
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let (code, reason) = match rejection {
            Rejection::TooLarge => (
                RejectCode::TooLarge,
                "the op is larger than the server takes".into(),
            ),
            Rejection::Refused { code, reason } => (code, reason),
        };
        Refusal {
            code,
            reason,
            path: None,
        }
    }
}
