//! The numbers that name things: entries of a room, and who wrote them.

use std::fmt;

/// The number of an entry in its room's log: 1 for the first, and no number is left out.
///
/// As a position it means "after this entry", so 0 is the beginning of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first entry.
    pub const START: Seq = Seq(0);

    /// The entry after this one.
    #[must_use]
    pub const fn next(self) -> Seq {
        Seq(self.0 + 1)
    }

    /// The position `count` entries further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Seq {
        Seq(self.0 + count)
    }

    /// How many entries lie after `earlier` up to this position; 0 when there are none.
    pub const fn since(self, earlier: Seq) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.0)
    }
}

/// Who wrote an entry: one connection of the plain dialects, drawn at random when it is accepted so that
/// no later connection, after a restart either, is taken for the author of older entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Author(pub u64);

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Milliseconds since 1970-01-01 UTC by the server's clock. For people to read: entries are ordered by [`Seq`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);
