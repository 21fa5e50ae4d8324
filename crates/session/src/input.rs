//! What a host tells the session.

use std::borrow::Cow;

use patchcast_protocol::ids::{Epoch, OpId, Seq, Timestamp};
use patchcast_protocol::message::{Ack, Durability, ErrorCode, RejectCode, ResetCode};

/// Words for people. Most are constants; a server's are its own.
pub type Reason = Cow<'static, str>;

/// Something has happened.
///
/// `D` is the data of an op or of the own presence, `P` an entry and `X` a change of the others' presence as the host sees
/// them: the session looks into none of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<D, P = D, X = P> {
    /// The answer to [`Output::Connect`](crate::Output::Connect): the WebSocket is open, and the server chose `patchcast.v1`.
    Connected,
    /// The server sent a message. A type that the host does not know counts as [`Received::Pong`]: it comes from a later server.
    Received(Received<P, X>),
    /// The server sent a frame that is no message, for this reason.
    Unreadable(Reason),
    /// The WebSocket was closed or has broken, or there never was one. Also after the host could not even try.
    ///
    /// Not the answer to [`Output::Disconnect`](crate::Output::Disconnect), which needs none.
    Disconnected {
        /// The close frame's code; 1006 where none came (RFC 6455, section 7.4.1).
        code: u16,
        /// The close frame's reason, or what is known of the cause.
        reason: Reason,
    },
    /// The time of the last [`Output::WakeAt`](crate::Output::WakeAt) has come. Coming early, late or for nothing is harmless.
    Woken,
    /// The machine has a network again: whatever waits is tried now.
    Online,
    /// What the app shows of itself to the others; the JSON value `null` takes it away. Told to the server after every welcome.
    Presence(D),
    /// The app wants no more. Ops that are not settled stay with whoever keeps them.
    Close,
}

/// A message of the server, decoded by the host. Numbers must be safe integers (0 to 2^53 - 1).
#[derive(Clone, Debug, PartialEq)]
pub enum Received<P, X = P> {
    /// The answer to the hello.
    Welcome(Welcome),
    /// The position that the hello named is not in this log.
    Reset {
        /// What is wrong with it.
        code: ResetCode,
        /// The same in words.
        reason: Reason,
    },
    /// Consecutive entries.
    Entries {
        /// The position before the first.
        after: Seq,
        /// In order.
        entries: Vec<Arrived<P>>,
    },
    /// An own op has become an entry.
    Ack(Ack),
    /// An own op never will.
    Reject {
        /// Which.
        id: OpId,
        /// Why.
        code: RejectCode,
        /// The same in words.
        reason: Reason,
    },
    /// What the others show has changed.
    Presence(X),
    /// The answer to a ping, or any other sign of life.
    Pong,
    /// What was wrong with a message. A close follows, except after [`ErrorCode::BadPresence`].
    Error {
        /// Which mistake.
        code: ErrorCode,
        /// The same in words.
        reason: Reason,
    },
}

/// What a session needs of a welcome. The host keeps `client` for itself, to know its own entries by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Of which log the numbers of entries are.
    pub epoch: Epoch,
    /// The newest entry.
    pub head: Seq,
    /// The last op of this client in the log.
    pub last_op: OpId,
    /// What entries have survived when they are acknowledged.
    pub durability: Durability,
    /// Bytes of the largest message that the server takes.
    pub max_message: u64,
}

/// One entry of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived<P> {
    /// Present when its `client` is the one that the welcome named.
    pub own: Option<Own>,
    /// The entry for the app.
    pub entry: P,
}

/// An own op that comes as an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Which op.
    pub id: OpId,
    /// When the server accepted it.
    pub time: Timestamp,
}
