//! The ops that wait for their acknowledgement, in the order of their ids, never changed.

use std::collections::VecDeque;

use patchcast_protocol::ids::OpId;

use crate::Op;

#[derive(Debug)]
pub(crate) struct Pending<D> {
    ops: VecDeque<(Op<D>, Owner)>,
    last_id: OpId,
    /// Ops up to this one may have been sent, in this life or an earlier one: they are sent in order.
    sent: OpId,
}

/// From whom the app has an op, or will have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It submitted it, and shows it already.
    App,
    /// The room delivers it in its place.
    Room,
}

impl<D> Pending<D> {
    pub(crate) fn restored(last_id: OpId, ops: Vec<Op<D>>) -> Self {
        let last_id = ops.last().map_or(last_id, |op| op.id.max(last_id));
        Pending {
            last_id,
            sent: last_id,
            ops: ops.into_iter().map(|op| (op, Owner::Room)).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Op<D>> {
        self.ops.get(index).map(|(op, _)| op)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Op<D>> {
        self.ops.iter().map(|(op, _)| op)
    }

    pub(crate) fn last_id(&self) -> OpId {
        self.last_id
    }

    /// The id that the next op must have.
    pub(crate) fn next_id(&self) -> OpId {
        OpId(self.last_id.0.saturating_add(1))
    }

    pub(crate) fn use_ids_above(&mut self, id: OpId) {
        self.last_id = self.last_id.max(id);
    }

    pub(crate) fn push(&mut self, op: Op<D>, owner: Owner) {
        self.last_id = op.id;
        self.ops.push_back((op, owner));
    }

    pub(crate) fn note_sent(&mut self, id: OpId) {
        self.sent = self.sent.max(id);
    }

    /// Takes out the first op that was never sent and yet has an id up to `last_op`, the last that the room has of this client.
    pub(crate) fn remove_clashing(&mut self, last_op: OpId) -> Option<OpId> {
        let index = self.iter().position(|op| op.id > self.sent && op.id <= last_op)?;
        self.ops.remove(index).map(|(op, _)| op.id)
    }

    /// Takes out an op that is settled. Acks come in order, so it is the first, or one of the first.
    pub(crate) fn remove(&mut self, id: OpId) -> Option<(Op<D>, Owner)> {
        let index = self.ops.iter().position(|(op, _)| op.id >= id)?;
        if self.ops[index].0.id != id {
            return None;
        }
        self.ops.remove(index)
    }

    /// Takes out the first op whose message has more bytes.
    pub(crate) fn remove_larger_than(&mut self, bytes: u64) -> Option<OpId> {
        let index = self.iter().position(|op| op.message_bytes() > bytes)?;
        self.ops.remove(index).map(|(op, _)| op.id)
    }

    /// The app forgets what it shows, so all of it comes from the room.
    pub(crate) fn leave_to_room(&mut self) {
        for (_, owner) in &mut self.ops {
            *owner = Owner::Room;
        }
    }
}

impl<D> Op<D> {
    /// Bytes of the op's message when it is written without spaces.
    pub(crate) fn message_bytes(&self) -> u64 {
        let digits = self.id.0.checked_ilog10().unwrap_or(0) + 1;
        (ENVELOPE.len() as u64 + u64::from(digits)).saturating_add(self.bytes as u64)
    }
}

const ENVELOPE: &str = r#"{"type":"op","id":,"data":}"#;
