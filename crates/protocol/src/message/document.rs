//! What the messages of documents are made of.

use crate::ids::{Author, OpId, Seq};
use crate::path::Path;

pub use crate::edit::Outcome;

/// An op of a document, as it is sent: patches, and the state that they are made on.
///
/// That state is the document behind `base`, and then those of the client's own ops from `upon` to before `id` that were neither
/// acknowledged nor rejected, as far as the client knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<D> {
    /// Above all ids that the client has used before.
    pub id: OpId,
    /// The last entry of the state that the patches are made on.
    pub base: Seq,
    /// The first of the client's own ops that the patches are made upon; the op itself when there is none.
    pub upon: OpId,
    /// Whether it is to be rejected, rather than merged, where it conflicts with what others have done.
    pub strict: bool,
    /// Whether it may replace the whole document.
    pub reset: bool,
    /// A list. Whether what it holds are patches has not been looked at.
    pub patches: D,
}

/// What became of an op of a document, when it was not made just as it was sent and without a conflict.
///
/// The outcome may be "as sent" for all that: over a conflict that the op has won, or with patches that do the same there and are others.
/// Patches that were sent may mean another thing elsewhere: to cut a list to two items is to remove the third, until there is a fourth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made<D> {
    /// Whether anything was left of it.
    pub outcome: Outcome,
    /// Where it met what others have done.
    pub conflicts: Vec<WireConflict>,
    /// What was made, on the state behind the entry before.
    pub patches: D,
}

/// A place that an op and an entry before it both change, and where one of them counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireConflict {
    /// The place, in the state that the entry was made on.
    pub path: Path,
    /// Whether the op has lost: that part of it was absorbed. If not, it undoes what the entry did there.
    pub lost: bool,
    /// Which entry.
    pub seq: Seq,
    /// Who wrote that entry.
    pub client: Author,
}
