//! How plans are drawn.

use std::time::Duration;

use patchcast_protocol::dialect::Dialect;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::{Act, ClientSetup, DocumentSetup, Holds, Keeps, Plan, Setup, Step};
use crate::link::{Farewell, Shape, Side};

impl Plan {
    /// The plan of a seed. A third of all seeds is about streams, a third about documents, and the others about both.
    pub fn generate(seed: u64) -> Plan {
        let mut draw = Draw(SmallRng::seed_from_u64(seed));
        let setup = draw.setup(match seed % 3 {
            0 => &[Holds::Stream],
            1 => &[Holds::Document],
            _ => &[Holds::Stream, Holds::Document],
        });
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
}

struct Draw(SmallRng);

impl Draw {
    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.0.random_range(from..to))
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("there is something to choose from")
    }

    fn setup(&mut self, holds: &[Holds]) -> Setup {
        let rooms = self.one(&[1, 1, 2]);
        let clients = (0..self.0.random_range(1..=5))
            .map(|_| ClientSetup {
                room: self.0.random_range(0..rooms),
                holds: self.one(holds),
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
            documents: self.documents(),
        }
    }

    fn documents(&mut self) -> DocumentSetup {
        DocumentSetup {
            initial: self.0.random_ratio(5, 6),
            resets: self.0.random_ratio(1, 4),
            max_bytes: self.one(&[600, 2_000, 1 << 20, 1 << 20, 1 << 20]),
            retain: self.one(&[None, None, None, Some(0), Some(3), Some(20)]),
            pace: self.one(&[1, 2, 5, 20, 1_000]),
            memory: self.one(&[0, 1, 8, 1_000]),
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
            0..28 if setup.clients[client].holds == Holds::Document && self.0.random_ratio(1, 6) => {
                Act::Undo {
                    client,
                    steps: self.one(&[1, 1, 2, 4]),
                    redo: self.0.random_ratio(1, 3),
                }
            }
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
        let draw = self.0.random();
        Act::Submit {
            client,
            ops,
            bytes,
            draw,
        }
    }

    /// Often within the first messages, sometimes far on.
    fn cut_at(&mut self) -> usize {
        let most = self.one(&[20, 300, 1_000, 20_000]);
        self.0.random_range(0..most)
    }
}
