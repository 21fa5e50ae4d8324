//! What a document needs of the session beneath it, beyond what a stream does: its position may jump, and its ops may end otherwise.

use patchcast_protocol::ids::{OpId, Position, Seq};

use crate::session::{Session, State};
use crate::{Received, Time};

impl<D: Clone, P, X> Session<D, P, X> {
    /// Where the next entries are to come after.
    pub(crate) fn set_position(&mut self, position: Position) {
        self.position = position;
    }

    /// A state of the room has come, in which all entries up to `seq` are.
    pub(crate) fn take_state(&mut self, now: Time, seq: Seq) {
        self.hear(now);
        self.awaits_state = false;
        self.position.seq = seq;
        self.catch_up(now);
    }

    /// Something has come that is no business of the session's, but for being a sign of life.
    pub(crate) fn hear(&mut self, now: Time) {
        self.handle_received(now, Received::Pong);
    }

    /// An op is settled. `false` if it was before.
    pub(crate) fn forget_op(&mut self, id: OpId) -> bool {
        self.pending.remove(id).is_some()
    }

    pub(crate) fn has_op(&self, id: OpId) -> bool {
        self.pending.iter().any(|op| op.id == id)
    }

    pub(crate) fn is_joined(&self) -> bool {
        matches!(self.state, State::Joined(_))
    }
}
