//! What happens in a run: a list of steps, drawn from the seed, any part of which can be run by itself.

use std::fmt;
use std::time::Duration;

use patchcast_protocol::dialect::Dialect;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::link::{Farewell, Shape, Side};

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
}

/// One client of sessions.
#[derive(Clone, Copy, Debug)]
pub struct ClientSetup {
    /// In which of the rooms it is.
    pub room: usize,
    /// What of it survives a reload.
    pub keeps: Keeps,
    /// Whether its own ops come to its app as entries.
    pub echo: bool,
    /// Whether it wants to know who is there.
    pub watches: bool,
}

/// What of a client survives a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: it is another client afterwards.
    Nothing,
    /// The ops that are not settled; entries come again from the start.
    Outbox,
    /// The ops that are not settled and the position, written together.
    Position,
    /// The same, but the position is written later.
    PositionLater,
    /// The same, but that an op is settled is written later.
    SettledLater,
}

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

impl Plan {
    /// The plan of a seed.
    pub fn generate(seed: u64) -> Plan {
        let mut draw = Draw(SmallRng::seed_from_u64(seed));
        let setup = draw.setup();
        let end = draw.0.random_range(2_000..40_000);
        let count = draw.0.random_range(5..70);
        let mut steps: Vec<Step> = Vec::new();
        let (mut at, mut client) = (Duration::ZERO, 0);
        for _ in 0..count {
            // What goes wrong seldom goes wrong alone: many steps follow another closely, and are about the same client.
            if draw.0.random_ratio(1, 2) {
                at += draw.millis(0, 40);
            } else {
                (at, client) = (draw.millis(0, end), draw.0.random_range(0..setup.clients.len()));
            }
            let act = draw.act(&setup, client);
            steps.push(Step { at, act });
        }
        steps.sort_by_key(|step| step.at);
        Plan {
            seed,
            setup,
            steps: steps.into_iter().enumerate().collect(),
        }
    }

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
        } = &self.setup;
        writeln!(
            f,
            "  seed {}, {link:?}, appends take up to {append_latency:?}",
            self.seed
        )?;
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

struct Draw(SmallRng);

impl Draw {
    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.0.random_range(from..to))
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("there is something to choose from")
    }

    fn setup(&mut self) -> Setup {
        let rooms = self.one(&[1, 1, 2]);
        let clients = (0..self.0.random_range(1..=5))
            .map(|_| ClientSetup {
                room: self.0.random_range(0..rooms),
                keeps: self.keeps(),
                echo: self.0.random_ratio(1, 4),
                watches: self.0.random_ratio(3, 4),
            })
            .collect();
        let plain = (0..self.one(&[0, 0, 1, 3]))
            .map(|_| self.one(&[Dialect::Patches, Dialect::Patches, Dialect::Chat]))
            .collect();
        Setup {
            clients,
            plain,
            link: Shape {
                latency: Duration::from_millis(self.one(&[0, 1, 20, 200])),
                capacity: self.one(&[600, 4 << 10, 64 << 10, 1 << 20]),
            },
            append_latency: Duration::from_millis(self.one(&[0, 2, 20, 100])),
        }
    }

    fn keeps(&mut self) -> Keeps {
        self.one(&[
            Keeps::Nothing,
            Keeps::Outbox,
            Keeps::Position,
            Keeps::PositionLater,
            Keeps::SettledLater,
        ])
    }

    fn farewell(&mut self) -> Farewell {
        self.one(&[Farewell::Finish, Farewell::Reset, Farewell::Silence])
    }

    fn act(&mut self, setup: &Setup, client: usize) -> Act {
        let plain = !setup.plain.is_empty();
        match self.0.random_range(0..100) {
            0..28 => self.submit(client),
            28..36 => Act::Show {
                client,
                changes: self.one(&[1, 1, 2, 5]),
                nothing: self.0.random_ratio(1, 4),
            },
            36..42 if plain => Act::PlainSend {
                client: self.0.random_range(0..setup.plain.len()),
            },
            42..44 if plain => Act::PlainCut {
                client: self.0.random_range(0..setup.plain.len()),
                bytes: self.0.random_range(0..300),
            },
            36..58 => Act::Cut {
                client,
                reader: self.one(&[Side::Client, Side::Server]),
                bytes: self.cut_at(),
                farewell: self.farewell(),
            },
            58..62 => Act::Silence { client },
            62..65 => Act::Latency {
                client,
                latency: Duration::from_millis(self.one(&[0, 5, 100, 1_000, 5_000])),
            },
            65..70 => Act::Freeze {
                client,
                time: self.millis(10, 40_000),
            },
            70..71 => Act::Forget { client },
            71..72 => Act::Online { client },
            72..80 => Act::Reload {
                client,
                farewell: self.farewell(),
            },
            80..82 => Act::SecondTab { client },
            82..88 => Act::Crash {
                down: self.millis(0, 5_000),
                farewell: self.farewell(),
            },
            88..90 => Act::ShutDown {
                down: self.millis(0, 5_000),
            },
            90..92 => Act::LoseLogs {
                down: self.millis(0, 2_000),
            },
            92..94 => Act::SetClock {
                forwards: self.0.random(),
                by: self.millis(1, 10_000_000),
            },
            94..96 => Act::Refuse {
                time: self.millis(1, 3_000),
            },
            96..97 => Act::FailReads {
                time: self.millis(1, 3_000),
            },
            97..98 => Act::Doubt,
            _ => Act::Slow {
                time: self.millis(1, 5_000),
            },
        }
    }

    fn submit(&mut self, client: usize) -> Act {
        let (ops, bytes) = match self.0.random_range(0..40) {
            0 => (self.0.random_range(40..120), 4_000),
            1 => (1, 17_000),
            2..8 => (self.0.random_range(2..40), self.0.random_range(0..400)),
            _ => (1, self.0.random_range(0..100)),
        };
        Act::Submit { client, ops, bytes }
    }

    /// Often within the first messages, sometimes far on.
    fn cut_at(&mut self) -> usize {
        let most = self.one(&[20, 300, 1_000, 20_000]);
        self.0.random_range(0..most)
    }
}
