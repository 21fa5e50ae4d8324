//! Rules broken on purpose, for a test that must notice it. Outside of tests none is.

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "only tests choose one"))]
pub(super) enum Mutation {
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
    /// Undo steps are not carried over what others do.
    LeaveUndo,
}

#[cfg(not(test))]
pub(super) const fn is(_: Mutation) -> bool {
    false
}

#[cfg(test)]
pub(super) use chosen::is;

#[cfg(test)]
pub(super) mod chosen {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static CHOSEN: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    pub fn is(mutation: Mutation) -> bool {
        CHOSEN.get() == Some(mutation)
    }

    /// Breaks a rule while `act` runs.
    pub fn with<T>(mutation: Mutation, act: impl FnOnce() -> T) -> T {
        CHOSEN.set(Some(mutation));
        let done = act();
        CHOSEN.set(None);
        done
    }
}
