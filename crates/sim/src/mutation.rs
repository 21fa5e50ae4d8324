//! Rules broken on purpose, in what the simulator lays around the real code, and in the sessions of documents, to see that it notices.

use clap::ValueEnum;
use patchcast_session::document::mutation as document;

/// A rule that does not hold in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mutation {
    /// The store does not know ops that it has: what is sent again becomes an entry again.
    DedupOff,
    /// The store says that entries are durable before they are.
    AckBeforeAppend,
    /// A client that comes back asks for one entry too few.
    ResumeOffByOne,
    /// A crash loses the newest entry, although it was durable.
    CrashLosesTheNewest,
    /// A log that was lost goes on under the old one's epoch.
    EpochKept,
    /// A client sends an op before its outbox has kept it.
    SendBeforeKeep,
    /// A client's outbox forgets the order of its ops.
    OutboxReversed,
    /// The store reads a block of entries with two of them exchanged.
    ReadsExchanged,
    /// Nobody is told of who has gone.
    GoneUntold,
    /// A client's timer never fires, so silence is never noticed.
    HeartbeatOff,
    /// Acknowledgements name the entry before the right one.
    AckOfAnother,
    /// Somebody keeps a connection when its client has gone.
    ConnectionLeaked,
    /// A document's snapshot is said to be of one entry more than it is.
    SnapshotLacksTheNewest,
    /// A client does not say upon which of its own ops another one was made.
    ForgetUpon,
    /// A client takes the server's order the wrong way round when it carries one edit over another.
    SwapSides,
    /// A reject takes effect at once, before the entries that come before it.
    RejectEarly,
    /// A client sends an op again with the patches that it had, as if they were made on what it has now.
    ResendStale,
    /// A client does not look at what the server has made in the stead of its op.
    IgnoreMade,
    /// A client takes what is part of the state that it is sent for pending still.
    KeepUnderSnapshot,
}

impl Mutation {
    /// Every one of them.
    pub const ALL: &[Mutation] = &[
        Mutation::DedupOff,
        Mutation::AckBeforeAppend,
        Mutation::ResumeOffByOne,
        Mutation::CrashLosesTheNewest,
        Mutation::EpochKept,
        Mutation::SendBeforeKeep,
        Mutation::OutboxReversed,
        Mutation::ReadsExchanged,
        Mutation::GoneUntold,
        Mutation::HeartbeatOff,
        Mutation::AckOfAnother,
        Mutation::ConnectionLeaked,
        Mutation::SnapshotLacksTheNewest,
        Mutation::ForgetUpon,
        Mutation::SwapSides,
        Mutation::RejectEarly,
        Mutation::ResendStale,
        Mutation::IgnoreMade,
        Mutation::KeepUnderSnapshot,
    ];

    /// The rule of a document's session, if it is one.
    pub fn of_session(self) -> Option<document::Mutation> {
        Some(match self {
            Mutation::SwapSides => document::Mutation::SwapSides,
            Mutation::RejectEarly => document::Mutation::RejectEarly,
            Mutation::ResendStale => document::Mutation::ResendStale,
            Mutation::IgnoreMade => document::Mutation::IgnoreMade,
            Mutation::KeepUnderSnapshot => document::Mutation::KeepUnderSnapshot,
            _ => return None,
        })
    }

    /// Its name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}
