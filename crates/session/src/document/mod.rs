//! The client's side of a document: what the room has confirmed, what the app sees, and the ops on their way between the two.
//!
//! A [`Replica`] holds the *confirmed* value, which is the room's log up to a position, and the ops that are not settled, each made on what those
//! before it have left. What the app sees, the *view*, is those ops made on the confirmed value. Whatever comes from the room changes
//! what lies below the ops: it is carried up through them ([`Edit::transform`](patchcast_protocol::edit::Edit::transform)), as
//! the ops are carried over it, and what is left of it changes the view. The server does the same with
//! the ops, so both come to the same, and where they should not, the server's word counts.

mod chain;
mod change;
mod frames;
mod history;
mod host;
mod joining;
mod keys;
#[cfg(test)]
mod model;
#[cfg(not(feature = "broken-rules"))]
mod mutation;
#[cfg(feature = "broken-rules")]
pub mod mutation;
mod replica;
mod restoring;
mod seam;
mod session;
mod trail;

pub use change::{
    Cause, Change, Content, Group, Made, Prepared, Sent, Told, UndoError, Update, UpdateError, UpdateOptions,
    What,
};
pub use host::{
    Data, DocumentConfig, DocumentEvent, DocumentInput, DocumentOpState, DocumentOutput, Others, Refusal,
    RestoredDocument,
};
pub use replica::{Diverged, Replica};
pub use restoring::{RestoredOp, RestoredReplica, RestoredSent};
pub use session::DocumentSession;
