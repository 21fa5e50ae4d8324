//! Why patches do not apply.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::path::Path;

/// Patches that do not apply. The document is as it was before them.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{message}")]
pub struct ApplyError {
    /// What is wrong, for programs.
    pub kind: ErrorKind,
    /// The path of the patch that does not apply.
    pub path: Path,
    /// What is wrong, for people. It repeats nothing of the document, and no path.
    pub message: String,
}

/// What is wrong with a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// It is no patch at all: no object, or its path is no list.
    Malformed,
    /// There is no such operation, or not here: the root can only be replaced, only items of arrays move. Immer's error 17.
    UnsupportedOp,
    /// There is no array or object where the path leads. Immer's error 18.
    PathUnresolved,
    /// `__proto__`, in a path or as a key of a value. Immer's error 19, which is about `constructor` too: that is an ordinary key here, as is
    /// `prototype`, because plain data has no constructor that it could reach.
    ReservedKey,
    /// An array has indexes and a `length`, and takes `-` for its end when something is added. Immer's error 14, and what JavaScript's
    /// `splice` makes an index of in silence: negative numbers, fractions, `"foo"` for 0, `-` of a removal.
    ArrayKey,
    /// An index beyond the end of its array. Immer leaves holes behind, which JSON does not have, or takes the end instead.
    IndexOutOfRange,
    /// What an array's `length` was to be is no length.
    InvalidLength,
    /// An array's `length` would grow by more than [`MAX_LENGTH_GROWTH`](crate::limits::MAX_LENGTH_GROWTH).
    LengthOutOfRange,
    /// The document would be deeper than [`MAX_DOCUMENT_DEPTH`](crate::limits::MAX_DOCUMENT_DEPTH).
    TooDeep,
    /// The document would be larger than its owner allows.
    TooLarge,
}
