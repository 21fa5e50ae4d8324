//! What this client can undo and redo.
//!
//! A step is the inverse of what was done, and it is made like any update. The last step is one of the view; the one before it is one of what
//! the view will be once the last is undone, and so on down the stack. What others do is carried down that stack, and the steps over
//! it, as late as somebody undoes: until then it waits at the step on top, so that a change costs the same however many steps there are.

use std::collections::VecDeque;

use patchcast_protocol::edit::{Conflict, Edit, Side};
use patchcast_protocol::ids::OpId;

use super::change::{Group, StepKind, UndoError};
use super::mutation::{Mutation, is};
use super::trail::Trail;
use crate::limits;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    undo: Stack,
    redo: Stack,
}

#[derive(Clone, Debug, Default)]
struct Stack(VecDeque<Step>);

#[derive(Clone, Debug)]
struct Step {
    edit: Edit,
    /// The ops that it takes back.
    ops: Vec<OpId>,
    group: Option<Group>,
    /// What has happened and is not carried over the step yet.
    waiting: Trail,
    /// What was left of that behind the step: it goes to the one below.
    carried: Trail,
    /// Where others stand in the way.
    conflicts: Vec<Conflict>,
    /// Whether one of its ops was rejected. If nothing is left of the step, that is why.
    is_rejected: bool,
}

impl History {
    /// An own op was made, of which `inverse` leads back.
    pub fn record(&mut self, kind: StepKind, id: OpId, inverse: Edit) {
        match kind {
            StepKind::Update(group) => {
                self.redo.0.clear();
                match self.undo.0.back_mut() {
                    Some(last) if group.is_some() && last.group == group => {
                        last.catch_up();
                        last.edit = inverse.compose(std::mem::take(&mut last.edit));
                        last.ops.push(id);
                    }
                    _ => self.undo.push(Step::new(id, inverse, group)),
                }
            }
            StepKind::Undo => {
                self.undo.pop();
                self.redo.push(Step::new(id, inverse, None));
            }
            StepKind::Redo => {
                self.redo.pop();
                self.undo.push(Step::new(id, inverse, None));
            }
        }
    }

    /// Something else has changed the view.
    pub fn note(&mut self, edit: &Edit) {
        if is(Mutation::LeaveUndo) {
            return;
        }
        for stack in [&mut self.undo, &mut self.redo] {
            if let Some(last) = stack.0.back_mut() {
                last.waiting.push(edit.clone());
            }
        }
    }

    pub fn reject(&mut self, id: OpId) {
        for step in self.undo.0.iter_mut().chain(&mut self.redo.0) {
            step.is_rejected |= step.ops.contains(&id);
        }
    }

    /// The next step, as an edit of the view.
    pub fn next(&mut self, kind: StepKind) -> Result<Edit, UndoError> {
        match kind {
            StepKind::Redo => self.redo.next(),
            StepKind::Undo | StepKind::Update(_) => self.undo.next(),
        }
    }

    /// Whether there are steps to undo and to redo. Nothing may be left of them.
    pub fn has_steps(&self) -> (bool, bool) {
        (!self.undo.0.is_empty(), !self.redo.0.is_empty())
    }
}

impl Stack {
    fn push(&mut self, step: Step) {
        if self.0.len() >= limits::UNDO_STEPS {
            self.0.pop_front();
        }
        self.0.push_back(step);
    }

    /// Takes the last step off, whose work is done or done with.
    fn pop(&mut self) -> Option<Step> {
        let mut step = self.0.pop_back()?;
        if let Some(below) = self.0.back_mut() {
            below.waiting.push(step.carried.take());
        }
        Some(step)
    }

    fn next(&mut self) -> Result<Edit, UndoError> {
        loop {
            let step = self.0.back_mut().ok_or(UndoError::Nothing)?;
            step.catch_up();
            if !step.edit.is_empty() {
                return Ok(step.edit.clone());
            }
            // Nobody stands in the way where others have done the same, or where there is nothing to take back.
            let step = self.pop().ok_or(UndoError::Nothing)?;
            if !step.is_rejected && !step.conflicts.is_empty() {
                return Err(UndoError::Overtaken(step.conflicts));
            }
        }
    }
}

impl Step {
    fn new(id: OpId, edit: Edit, group: Option<Group>) -> Step {
        Step {
            edit,
            ops: vec![id],
            group,
            waiting: Trail::default(),
            carried: Trail::default(),
            conflicts: Vec::new(),
            is_rejected: false,
        }
    }

    fn catch_up(&mut self) {
        let happened = self.waiting.take();
        if happened.is_empty() {
            return;
        }
        let carried = self.edit.transform(&happened, Side::Later);
        let left = happened.transform(&self.edit, Side::Earlier).edit;
        self.edit = carried.edit;
        self.conflicts
            .extend(carried.conflicts.into_iter().filter(|conflict| conflict.absorbed));
        self.carried.push(left);
    }
}
