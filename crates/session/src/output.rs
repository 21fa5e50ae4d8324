//! What the session wants done, and what it has to tell.

use patchcast_protocol::ids::{OpId, Seq, Timestamp};
use patchcast_protocol::message::{Ack, ClientMessage, ErrorCode, RejectCode, ResetCode};
use thiserror::Error;

use crate::Time;
use crate::input::Reason;

/// To be carried out in the order in which [`poll_output`](crate::Session::poll_output) gives them.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Output<D, P = D, X = P> {
    /// Open a WebSocket with the subprotocol `patchcast.v1`. There is none at this time.
    Connect,
    /// Let go of the WebSocket, open or not: close it with this code and reason, wait for nothing, and tell nothing more of it.
    Disconnect {
        /// One that browsers allow a page to send.
        code: u16,
        /// At most 123 bytes.
        reason: &'static str,
    },
    /// Send this as a text frame, written without spaces.
    Send(ClientMessage<D>),
    /// Say [`Input::Woken`](crate::Input::Woken) at this time. There is one timer: this replaces the time before.
    WakeAt(Time),
    /// Tell the app.
    Event(Event<D, P, X>),
}

/// What has become of the connection, the room and the ops.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<D, P = D, X = P> {
    /// The connection is in another phase. Why it was lost stands with [`Phase::Offline`] and [`Phase::Closed`].
    Phase(Phase, Option<Closure>),
    /// The next entry of the room. What this life of the client has itself submitted does not come (but see
    /// [`Config::echo`](crate::Config::echo)).
    Entry {
        /// Its number: the one after the last.
        seq: Seq,
        /// The entry.
        entry: P,
        /// Whether this client wrote it, in an earlier life or before a reset.
        own: bool,
        /// Whether it was in the room before this connection joined.
        history: bool,
    },
    /// The next entry of the room is an own op that was just acknowledged, and that the app does not have: an earlier life submitted
    /// it, or a reset came after it (or [`Config::echo`](crate::Config::echo)).
    OwnEntry {
        /// Its number: the one after the last.
        seq: Seq,
        /// Which op.
        id: OpId,
        /// When the server accepted it.
        time: Timestamp,
        /// What was submitted.
        data: D,
    },
    /// An op has got further. After `Ordered` and `Rejected` it is settled, and nothing more comes of it.
    Op {
        /// Which.
        id: OpId,
        /// How far.
        state: OpState,
    },
    /// Forget all entries: they come again, from the first. Ops that wait are kept, and delivered in their places.
    Reset {
        /// What was wrong with the position.
        code: ResetCode,
        /// The same in words.
        reason: Reason,
    },
    /// What the others show has changed.
    Presence(X),
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

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is none, and the backoff runs.
    Offline {
        /// When it ends.
        retry_at: Time,
    },
    /// An attempt is under way.
    Connecting,
    /// The hello is sent, and the room is not caught up with yet.
    Joining,
    /// All that the room had at the time of the welcome is here. Ops are sent as they are submitted.
    Live,
    /// Over, for good.
    Closed,
}

/// Why a connection was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The close code, from whichever side; 1006 where none came.
    pub code: u16,
    /// In words; may be empty.
    pub reason: Reason,
}

/// How far an op has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpState {
    /// Handed to the WebSocket. Comes again when the op is sent again.
    Sent,
    /// It is an entry.
    Ordered(Ack),
    /// It is none, and never will be under its id.
    Rejected(Rejection),
}

/// Why an op is not an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Its message is above the server's limit, so it was not sent.
    TooLarge,
    /// The server said so.
    Refused {
        /// Why.
        code: RejectCode,
        /// The same in words.
        reason: Reason,
    },
}

/// Why an op was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// [`Config::pending_limit`](crate::Config::pending_limit) ops wait: submit again once some are settled.
    #[error("too many ops wait")]
    QueueFull,
    /// Its message would be above the server's limit: submit something smaller.
    #[error("the op is larger than the server takes")]
    TooLarge,
    /// The session is closed: begin another.
    #[error("the session is closed")]
    Closed,
}
