//! Rules broken on purpose, for tests that must notice it. Without the feature `broken-rules` none is, outside of this crate's own tests.

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(test, feature = "broken-rules")),
    allow(dead_code, reason = "only tests choose one")
)]
pub enum Mutation {
    /// The server's order is taken the wrong way round.
    SwapSides,
    /// An acknowledged op stays pending, too.
    KeepAcknowledged,
    /// A rejected op is taken back, and those that were made on it are left as they are.
    LeaveThoseUponRejected,
    /// A reject takes effect at once, before the entries that come before it.
    RejectEarly,
    /// An op does not say upon which others it was made.
    ForgetUpon,
    /// An op is sent again with the patches that it had, as of the new position.
    ResendStale,
    /// What lies under a snapshot is still taken for pending.
    KeepUnderSnapshot,
    /// What the server made in place of an op is not looked at.
    IgnoreMade,
    /// Keys stay in the order in which they came here.
    KeepKeyOrder,
    /// An op that is strict is sent again although others were faster.
    MergeStrict,
    /// Undo steps are not carried over what others do.
    LeaveUndo,
}

#[cfg(not(any(test, feature = "broken-rules")))]
pub(super) const fn is(_: Mutation) -> bool {
    false
}

#[cfg(any(test, feature = "broken-rules"))]
pub use chosen::{choose, is};

#[cfg(any(test, feature = "broken-rules"))]
mod chosen {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static CHOSEN: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    /// Whether a rule is broken on this thread.
    pub fn is(mutation: Mutation) -> bool {
        CHOSEN.get() == Some(mutation)
    }

    /// Breaks a rule on this thread, or none any more.
    pub fn choose(mutation: Option<Mutation>) {
        CHOSEN.set(mutation);
    }
}
