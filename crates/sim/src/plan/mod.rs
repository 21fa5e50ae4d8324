//! What happens in a run: a list of steps, drawn from the seed, any part of which can be run by itself.

mod act;
mod draw;

use std::fmt;
use std::time::Duration;

use patchcast_protocol::dialect::Dialect;

use crate::link::Shape;

pub use act::{Act, Step};

/// All that makes a run what it is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where everything that is drawn comes from.
    pub seed: u64,
    /// Who takes part.
    pub setup: Setup,
    /// In the order of their times, with the number that each has in the whole plan.
    pub steps: Vec<(usize, Step)>,
}

/// Who takes part, and how the network and the disk are when nothing is wrong with them.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Clients that speak sessions.
    pub clients: Vec<ClientSetup>,
    /// Clients of the plain dialects.
    pub plain: Vec<Dialect>,
    /// Of every connection.
    pub link: Shape,
    /// How long an append takes at most.
    pub append_latency: Duration,
    /// What rooms of documents are like.
    pub documents: DocumentSetup,
}

/// What rooms of documents are like, and those who are in them.
#[derive(Clone, Copy, Debug)]
pub struct DocumentSetup {
    /// Whether apps say what a document is if nobody was there before.
    pub initial: bool,
    /// Whether somebody replaces a whole document now and then.
    pub resets: bool,
    /// How large it may become.
    pub max_bytes: usize,
    /// How many entries are kept at the least, if not all.
    pub retain: Option<u64>,
    /// Entries between two checks, and about half of those between two snapshots.
    pub pace: usize,
    /// Entries that the server has in memory, and that it sends one by one to who comes back.
    pub memory: usize,
}

/// One client of sessions.
#[derive(Clone, Copy, Debug)]
pub struct ClientSetup {
    /// In which of the rooms it is.
    pub room: usize,
    /// Whether that is the stream or the document of this name.
    pub holds: Holds,
    /// What of it survives a reload.
    pub keeps: Keeps,
    /// Whether its own ops come to its app as entries.
    pub echo: bool,
    /// Whether it wants to know who is there.
    pub watches: bool,
}

/// What a room holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Any JSON values, one after the other.
    Stream,
    /// One value, and its changes.
    Document,
}

/// What of a client survives a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: it is another client afterwards.
    Nothing,
    /// The ops that are not settled; entries come again from the start. Of a document, in what context they were made.
    Outbox,
    /// The ops that are not settled and the position, written together. Of a document, with its value.
    Position,
    /// The same, but the position is written later.
    PositionLater,
    /// The same, but that an op is settled is written later.
    SettledLater,
}

impl Plan {
    /// The plan with some of its steps only, by their numbers in the whole plan.
    #[must_use]
    pub fn keep(mut self, numbers: &[usize]) -> Plan {
        self.steps.retain(|(number, _)| numbers.contains(number));
        self
    }

    /// The numbers of its steps.
    pub fn numbers(&self) -> Vec<usize> {
        self.steps.iter().map(|(number, _)| *number).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup {
            clients,
            plain,
            link,
            append_latency,
            documents,
        } = &self.setup;
        writeln!(
            f,
            "  seed {}, {link:?}, appends take up to {append_latency:?}",
            self.seed
        )?;
        if clients.iter().any(|client| client.holds == Holds::Document) {
            writeln!(f, "  {documents:?}")?;
        }
        for (index, client) in clients.iter().enumerate() {
            writeln!(f, "  client {index}: {client:?}")?;
        }
        for (index, dialect) in plain.iter().enumerate() {
            writeln!(f, "  plain client {index}: {dialect}")?;
        }
        for (number, Step { at, act }) in &self.steps {
            writeln!(f, "  {number:>3}. {:>7.3} s  {act:?}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
