//! Why patches do not apply.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use crate::path::{Path, PathSegment};

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

impl ErrorKind {
    /// Its name in documents and answers.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorKind::Malformed => "malformed",
            ErrorKind::UnsupportedOp => "unsupported-op",
            ErrorKind::PathUnresolved => "path-unresolved",
            ErrorKind::ReservedKey => "reserved-key",
            ErrorKind::ArrayKey => "array-key",
            ErrorKind::IndexOutOfRange => "index-out-of-range",
            ErrorKind::InvalidLength => "invalid-length",
            ErrorKind::LengthOutOfRange => "length-out-of-range",
            ErrorKind::TooDeep => "too-deep",
            ErrorKind::TooLarge => "too-large",
        }
    }
}

/// Why a patch does not apply, wherever it was to be.
#[derive(Debug)]
pub(super) struct Fault {
    kind: ErrorKind,
    message: String,
}

impl Fault {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Fault {
        let message = message.into();
        Fault { kind, message }
    }

    pub fn at(self, path: &[PathSegment]) -> ApplyError {
        ApplyError {
            kind: self.kind,
            path: path.to_vec(),
            message: self.message,
        }
    }
}

pub(super) fn unresolved() -> Fault {
    Fault::new(
        ErrorKind::PathUnresolved,
        "there is no array or object where the path leads",
    )
}

pub(super) fn reserved() -> Fault {
    Fault::new(ErrorKind::ReservedKey, "`__proto__` is not allowed as a key")
}

pub(super) fn array_key() -> Fault {
    let message =
        "an array has indexes from 0, a `length` to replace, and `-` as the place to add at its end";
    Fault::new(ErrorKind::ArrayKey, message)
}

pub(super) fn out_of_range(length: usize) -> Fault {
    let message = format!("the index is beyond the end of an array of {length} items");
    Fault::new(ErrorKind::IndexOutOfRange, message)
}

pub(super) fn invalid_length() -> Fault {
    Fault::new(ErrorKind::InvalidLength, "an array's length is an integer from 0")
}

pub(super) fn too_deep() -> Fault {
    let message = format!("the document would be deeper than {MAX_DOCUMENT_DEPTH} levels");
    Fault::new(ErrorKind::TooDeep, message)
}

pub(super) fn too_large(bytes: usize, max: usize) -> Fault {
    let message = format!("the document would have {bytes} bytes, and may have {max}");
    Fault::new(ErrorKind::TooLarge, message)
}

pub(super) fn only_replaced() -> Fault {
    Fault::new(ErrorKind::UnsupportedOp, "the root can only be replaced")
}

pub(super) fn cannot_move() -> Fault {
    Fault::new(ErrorKind::UnsupportedOp, "only items of an array can move")
}

pub(super) fn length_out_of_range() -> Fault {
    let message = format!("an array cannot grow by more than {MAX_LENGTH_GROWTH} items through its length");
    Fault::new(ErrorKind::LengthOutOfRange, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_the_name_that_serde_writes() {
        use ErrorKind::*;

        for kind in [
            Malformed,
            UnsupportedOp,
            PathUnresolved,
            ReservedKey,
            ArrayKey,
            IndexOutOfRange,
            InvalidLength,
            LengthOutOfRange,
            TooDeep,
            TooLarge,
        ] {
            assert_eq!(serde_json::json!(kind), kind.name());
        }
    }
}
