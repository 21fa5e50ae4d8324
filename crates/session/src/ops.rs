//! The own ops: taken from the app, sent once live, and rejected here where the server could only do worse.

use patchcast_protocol::ids::OpId;
use patchcast_protocol::message::{ClientMessage, RejectCode};

use crate::pending::Owner;
use crate::session::{Joined, Session, State};
use crate::{Event, Op, OpState, Output, Rejection, SubmitError};

impl<D: Clone, P, X> Session<D, P, X> {
    /// Takes an op, in any phase but closed, and gives the id under which it is told of. `bytes` is the length of `data` as JSON.
    pub fn submit(&mut self, data: D, bytes: usize) -> Result<OpId, SubmitError> {
        if let State::Closed = self.state {
            return Err(SubmitError::Closed);
        }
        if self.pending.len() >= self.config.pending_limit {
            return Err(SubmitError::QueueFull);
        }
        let id = self.pending.next_id();
        let op = Op { id, data, bytes };
        if op.message_bytes() > self.max_message {
            return Err(SubmitError::TooLarge);
        }
        if let State::Joined(Joined {
            live_since: Some(_), ..
        }) = self.state
        {
            self.send_op(op.id, op.data.clone());
        }
        let owner = if self.config.echo { Owner::Room } else { Owner::App };
        self.pending.push(op, owner);
        Ok(id)
    }

    /// Sends all that is pending, in order and at once.
    pub(crate) fn send_pending(&mut self) {
        while let Some(id) = self.pending.remove_larger_than(self.max_message) {
            self.reject(id, Rejection::TooLarge);
        }
        for index in 0..self.pending.len() {
            if let Some(op) = self.pending.get(index) {
                let (id, data) = (op.id, op.data.clone());
                self.send_op(id, data);
            }
        }
    }

    /// A life that knows less than the room does, restored from an old copy for instance, has used ids again. By the id alone, the
    /// entry that has it would be taken for the op.
    pub(crate) fn reject_clashing(&mut self, last_op: OpId) {
        while let Some(id) = self.pending.remove_clashing(last_op) {
            let (code, reason) = (RejectCode::IdReused, "an earlier op has this id".into());
            self.reject(id, Rejection::Refused { code, reason });
        }
    }

    pub(crate) fn reject(&mut self, id: OpId, rejection: Rejection) {
        let state = OpState::Rejected(rejection);
        self.tell(Event::Op { id, state });
    }

    fn send_op(&mut self, id: OpId, data: D) {
        self.pending.note_sent(id);
        self.output(Output::Send(ClientMessage::Op { id, data }));
        let state = OpState::Sent;
        self.tell(Event::Op { id, state });
    }
}
