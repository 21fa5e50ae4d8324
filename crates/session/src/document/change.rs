//! What hosts give a replica, and what it tells them.

use patchcast_protocol::apply::{ApplyError, KeyOrder, WayBack};
use patchcast_protocol::edit::{Conflict, Edit};
use patchcast_protocol::ids::{OpId, Position};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::path::Path;
use serde_json::Value;
use thiserror::Error;

use crate::SubmitError;

/// What somebody wants the document to be.
#[derive(Clone, Debug)]
pub enum Update {
    /// This value. What was done is found by comparing it with the view.
    Next(Value),
    /// What this makes of the view.
    Edit(Edit),
    /// What these make of the view.
    Patches(Vec<Patch>),
}

/// How an update is to be treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdateOptions {
    /// Whether the server is to reject it rather than to make it beside what conflicts with it.
    pub strict: bool,
    /// Whether it may replace the whole document.
    pub reset: bool,
    /// With which other updates it is undone.
    pub group: Option<Group>,
}

/// Updates in a row that have the same number are undone at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(pub u64);

/// An update that the view shows already, and that is no op yet: [`commit`](super::Replica::commit) or [`cancel`](super::Replica::cancel) it
/// before anything else.
#[derive(Debug)]
#[must_use]
pub struct Prepared {
    pub(super) edit: Edit,
    pub(super) way_back: WayBack,
    pub(super) strict: bool,
    pub(super) reset: bool,
    pub(super) step: StepKind,
}

impl Prepared {
    /// What it changes.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }
}

/// What an op is to the undo stacks.
#[derive(Clone, Copy, Debug)]
pub(super) enum StepKind {
    Update(Option<Group>),
    Undo,
    Redo,
}

/// Why an update was not made. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum UpdateError {
    /// It does not apply, or the document would be too deep or too large.
    #[error("{0}")]
    DoesNotApply(#[from] ApplyError),
    /// It replaces the whole document: say `reset` if that is meant.
    #[error("the whole document is only replaced when that is asked for")]
    ResetNeeded,
    /// The session does not take an op.
    #[error("{0}")]
    NotTaken(SubmitError),
}

/// Why nothing was undone, or redone.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum UndoError {
    /// There is nothing left to undo.
    #[error("there is nothing to undo")]
    Nothing,
    /// What others have done since leaves nothing of the last step, which is forgotten. The one before it may be asked for.
    #[error("others have changed what was to be undone")]
    Overtaken(Vec<Conflict>),
    /// The document would be too large. The step stays.
    #[error("{0}")]
    DoesNotApply(ApplyError),
    /// The session does not take an op. The step stays.
    #[error("{0}")]
    NotTaken(SubmitError),
}

/// What a replica tells, in order.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Told {
    /// The view has changed.
    Changed(Change),
    /// The view is without an op that was rejected from now on.
    Refused(OpId),
    /// The view is without an op that was strict, and that others were faster with: it is not sent, for the server would not notice.
    Overruled {
        /// Which.
        id: OpId,
        /// Where; empty if others have done the same.
        path: Path,
    },
    /// An op of an earlier life cannot be sent any more, because what it was made on is not known.
    Lost(OpId),
}

/// A change of the view.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it comes from.
    pub cause: Cause,
    /// What it is.
    pub what: What,
}

/// Where a change of the view comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// This client's own update, undo or redo.
    Own(OpId),
    /// The room: others, an own op that was made in another way than it was sent, or all that was missed.
    Room,
    /// An own op was rejected, and is taken back.
    Rejected(OpId),
}

/// What changes in the view.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Values. [`Edit::patches`] are the patches of the view before.
    Edit(Edit),
    /// The order in which keys of objects stand. Nothing else.
    Order(Vec<KeyOrder>),
}

/// The content of an op, when it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// In which context the patches were made, and what they are.
    pub sent: Sent,
    /// Whether it asks to be rejected where it conflicts.
    pub strict: bool,
    /// Whether it may replace the whole document.
    pub reset: bool,
}

/// Patches and their context: the state as of an entry, and the own ops that were under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The entry, and of which log it is.
    pub base: Position,
    /// The first of the ops; the op's own id when there are none.
    pub upon: OpId,
    /// What the op changes.
    pub edit: Edit,
}

/// How an own op has become an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// As it was sent.
    AsSent,
    /// In this way.
    Otherwise(Edit),
}
