//! What a database keeps of a client of a document: all that it would go on with, as of one moment.

use patchcast_session::document::{DocumentSession, RestoredDocument};
use tokio::time::Instant;

use crate::mutation::Mutation;
use crate::outbox::{self, Outbox};
use crate::plan::Keeps;

/// What is in it.
#[derive(Default)]
pub struct Kept(RestoredDocument);

/// Why something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The room has gone on.
    Moved,
    /// An op needs no further care.
    Settled,
    /// An op was submitted, or is to be sent.
    Ops,
}

impl outbox::Kept for Kept {
    type Write = RestoredDocument;

    fn take(&mut self, write: RestoredDocument) {
        self.0 = write;
    }
}

impl Outbox<Kept> {
    /// Begins to write what the next life would go on with; what is sent may be so from the time on that is returned.
    pub fn keep(&mut self, session: &DocumentSession, cause: Cause) -> Instant {
        let with_value = self.keeps() != Keeps::Outbox;
        let most = match (self.keeps(), cause) {
            (Keeps::Nothing, _) => return Instant::now(),
            (Keeps::PositionLater, Cause::Moved) if !self.now_and_then() => return Instant::now(),
            (Keeps::SettledLater, Cause::Settled) => 500,
            _ => 30,
        };
        self.write(session.leave(with_value), most)
    }

    /// What the next life finds.
    pub fn restored(&mut self) -> RestoredDocument {
        let mutation = self.mutation();
        let mut restored = self.restore().0.clone();
        if mutation == Some(Mutation::OutboxReversed) {
            restored.replica.ops.reverse();
        }
        if mutation == Some(Mutation::ResumeOffByOne)
            && let Some(position) = &mut restored.replica.position
        {
            position.seq = position.seq.next();
        }
        restored
    }
}
