//! The ops that are not settled, as they lie on the confirmed value: each is made on what those before it have left.

use std::collections::VecDeque;

use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::ids::OpId;
use patchcast_protocol::path::Path;

use super::change::Sent;
use super::mutation::{Mutation, is};

#[derive(Clone, Debug, Default)]
pub(super) struct Chain(VecDeque<Pending>);

/// An op that the app sees made, and that is not settled.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub id: OpId,
    /// What it changes by now.
    pub edit: Edit,
    pub strict: bool,
    pub reset: bool,
    /// As it was last sent: that is what the server knows it by.
    pub sent: Option<Sent>,
    /// Whether that was on this connection, so that its fate will come.
    pub in_flight: bool,
    /// Where others have been faster than an op that is strict: the server rejects it, or would. No path if they have done the same.
    pub overruled: Option<Path>,
    /// Whether it has come as an entry of a history that is not taken over yet.
    pub arrived: bool,
}

impl Chain {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn first(&self) -> Option<&Pending> {
        self.0.front()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.0.iter_mut()
    }

    pub fn index_of(&self, id: OpId) -> Option<usize> {
        self.0.binary_search_by_key(&id, |op| op.id).ok()
    }

    pub fn get_mut(&mut self, id: OpId) -> Option<&mut Pending> {
        let index = self.index_of(id)?;
        self.0.get_mut(index)
    }

    pub fn push(&mut self, op: Pending) {
        self.0.push_back(op);
    }

    /// Takes out the first op. What it changes is part of what the others lie on from now on.
    pub fn pop(&mut self) -> Option<Pending> {
        self.0.pop_front()
    }

    /// Takes out an op. What it changed is still part of what those behind it lie on, until its inverse is carried through them.
    pub fn remove(&mut self, index: usize) -> Option<Pending> {
        self.0.remove(index)
    }

    /// Lets something happen below the op at `from` and those behind it, and gives what is left of it above the last.
    pub fn carry(&mut self, from: usize, edit: Edit) -> Edit {
        let mut left = edit;
        for op in self.0.range_mut(from..) {
            if left.is_empty() {
                break;
            }
            left = op.pass(left);
        }
        left
    }

    /// The first op that is overruled, and that the server does not know of.
    pub fn overruled(&self) -> Option<(usize, Path)> {
        let overruled = self.0.iter().enumerate().filter(|(_, op)| !op.in_flight);
        overruled
            .filter_map(|(index, op)| Some((index, op.overruled.clone()?)))
            .next()
    }
}

impl Pending {
    pub fn new(id: OpId, edit: Edit, strict: bool, reset: bool) -> Pending {
        Pending {
            id,
            edit,
            strict,
            reset,
            sent: None,
            in_flight: false,
            overruled: None,
            arrived: false,
        }
    }

    /// Carries the op over what happened below it, and that over the op: the room's log comes first.
    fn pass(&mut self, below: Edit) -> Edit {
        let (earlier, later) = match is(Mutation::SwapSides) {
            false => (Side::Earlier, Side::Later),
            true => (Side::Later, Side::Earlier),
        };
        let left = (!below.is_apart_from(&self.edit)).then(|| below.transform(&self.edit, earlier).edit);
        if !self.edit.is_apart_from(&below) {
            self.carry_over(&below, later);
        }
        left.unwrap_or(below)
    }

    fn carry_over(&mut self, below: &Edit, side: Side) {
        let carried = self.edit.transform(below, side);
        if self.strict && self.overruled.is_none() && !is(Mutation::MergeStrict) {
            let conflict = carried.conflicts.into_iter().next();
            let is_whole = carried.edit.does_all_of(&self.edit);
            self.overruled = match conflict {
                Some(conflict) => Some(conflict.path),
                None => (!is_whole).then(Path::new),
            };
        }
        self.edit = carried.edit;
    }
}
