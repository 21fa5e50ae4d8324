//! What can happen in a run.

use std::time::Duration;

use crate::link::{Farewell, Side};

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// A client submits ops.
    Submit {
        /// Which.
        client: usize,
        /// How many.
        ops: usize,
        /// Bytes of padding in each.
        bytes: usize,
        /// What it is in a document that they do.
        draw: u16,
    },
    /// A client undoes steps, or makes them again.
    Undo {
        /// Which.
        client: usize,
        /// How many.
        steps: usize,
        /// Whether it is again.
        redo: bool,
    },
    /// A client shows something of itself and nothing in turns, quickly.
    Show {
        /// Which.
        client: usize,
        /// How often.
        changes: usize,
        /// Whether it is nothing in the end.
        nothing: bool,
    },
    /// A plain client sends a message.
    PlainSend {
        /// Which.
        client: usize,
    },
    /// The client's connection, or its next, breaks when one side has read so many bytes more.
    Cut {
        /// Which.
        client: usize,
        /// Whose reading is counted.
        reader: Side,
        /// How many.
        bytes: usize,
        /// What the other side learns.
        farewell: Farewell,
    },
    /// A plain client's connection breaks.
    PlainCut {
        /// Which.
        client: usize,
        /// How many.
        bytes: usize,
    },
    /// From now on nothing arrives on the client's connection, and nobody is told.
    Silence {
        /// Which.
        client: usize,
    },
    /// Bytes are longer under way.
    Latency {
        /// Which.
        client: usize,
        /// How long.
        latency: Duration,
    },
    /// A client does nothing for a while: it reads nothing, sends nothing, and its timers wait.
    Freeze {
        /// Which.
        client: usize,
        /// For how long.
        time: Duration,
    },
    /// A client's machine says that it has a network.
    Online {
        /// Which.
        client: usize,
    },
    /// A client is ended without a word, and begun again with what it had kept.
    Reload {
        /// Which.
        client: usize,
        /// What the other side learns.
        farewell: Farewell,
    },
    /// A client is ended without a word, and begun again with nothing but who it is. It keeps nothing any more.
    Forget {
        /// Which.
        client: usize,
    },
    /// A second one of the client is begun with what the first had kept, which goes on.
    SecondTab {
        /// Which.
        client: usize,
    },
    /// The server is ended without a word, and begun again on what was durable.
    Crash {
        /// How long it is away.
        down: Duration,
        /// What the other side learns.
        farewell: Farewell,
    },
    /// The server shuts down in order, and is begun again.
    ShutDown {
        /// How long it is away.
        down: Duration,
    },
    /// The server crashes and all its logs are lost.
    LoseLogs {
        /// How long it is away.
        down: Duration,
    },
    /// The server's wall clock is set.
    SetClock {
        /// In which direction.
        forwards: bool,
        /// By how much.
        by: Duration,
    },
    /// The disk refuses appends for a while.
    Refuse {
        /// For how long.
        time: Duration,
    },
    /// Reads fail for a while.
    FailReads {
        /// For how long.
        time: Duration,
    },
    /// The disk is slow for a while.
    Slow {
        /// For how long.
        time: Duration,
    },
    /// The next append ends in doubt, and the server with it.
    Doubt,
}
