//! What becomes of an op.

use patchcast_protocol::apply::{ApplyError, ErrorKind};
use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::message::{Reject, RejectCode};
use patchcast_protocol::path::{Path, PathSegment};

use crate::limits::MAX_TOLD_PATH_BYTES;

/// What becomes of an op.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// It was made, and is to be appended to the log.
    Accepted(Accepted),
    /// It is not made. That holds once what was made before it in the same turn is stored.
    Refused(Refused),
    /// Too old for what is in memory: read the log from here, give the entries to [`Bridge::supply`](super::Bridge::supply), and ask again.
    Missing {
        /// The position after which entries are missing.
        after: Seq,
    },
}

/// An op that was made.
#[derive(Debug)]
pub struct Accepted {
    /// The entry that it becomes.
    pub seq: Seq,
    /// What the log keeps of it: see [`record`](super::record).
    pub payload: Vec<u8>,
}

/// An op that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub code: RejectCode,
    /// The same in words.
    pub reason: String,
    /// Where.
    pub path: Option<Path>,
    /// The head when it was refused.
    pub after: Seq,
}

impl Refused {
    /// The message to the op's author.
    pub fn of(self, id: OpId) -> Reject {
        Reject {
            id,
            code: self.code,
            reason: self.reason,
            path: self.path,
            after: Some(self.after),
        }
    }
}

/// Why an op is not made, before it is known where that counts.
#[derive(Debug)]
pub(super) struct Fault {
    pub code: RejectCode,
    pub reason: String,
    pub path: Option<Path>,
}

impl Fault {
    pub fn new(code: RejectCode, reason: impl Into<String>) -> Fault {
        let reason = reason.into();
        Fault {
            code,
            reason,
            path: None,
        }
    }

    pub fn at(self, path: Path) -> Fault {
        Fault {
            path: Some(told(path)),
            ..self
        }
    }

    pub fn refused(self, after: Seq) -> Refused {
        Refused {
            code: self.code,
            reason: self.reason,
            path: self.path,
            after,
        }
    }
}

/// As much of a path as is told: all of it, unless it is very long.
pub(super) fn told(mut path: Path) -> Path {
    let mut left = MAX_TOLD_PATH_BYTES;
    let mut fits = |segment: &PathSegment| {
        let rest = left.checked_sub(segment.key().len() + 3);
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    path.truncate(path.iter().take_while(|segment| fits(segment)).count());
    path
}

impl From<ApplyError> for Fault {
    fn from(error: ApplyError) -> Self {
        let (code, reason) = match error.kind {
            ErrorKind::TooLarge => (RejectCode::TooLarge, error.message),
            ErrorKind::TooDeep => (RejectCode::TooDeep, error.message),
            kind => (
                RejectCode::DoesNotApply,
                format!("{}: {}", kind.name(), error.message),
            ),
        };
        Fault::new(code, reason).at(error.path)
    }
}
