//! What a browser's database keeps of a client: writes end one after the other, a while after they were begun, and a reload
//! finds those that had ended.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::{OpId, Position};
use patchcast_session::{Op, Restored};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::mutation::Mutation;
use crate::plan::Keeps;

/// The data of an op.
pub type Data = Rc<RawValue>;

/// The outbox of one client, over all its lives.
pub struct Outbox {
    keeps: Keeps,
    mutation: Option<Mutation>,
    random: SmallRng,
    writes: VecDeque<(Instant, Write)>,
    kept: Kept,
}

enum Write {
    Submitted(OpId, Data),
    Settled(OpId, Option<Position>),
    At(Position),
    Reset,
}

#[derive(Default)]
struct Kept {
    last_id: OpId,
    ops: BTreeMap<OpId, Data>,
    position: Option<Position>,
}

impl Outbox {
    /// An empty one.
    pub fn new(keeps: Keeps, random: SmallRng, mutation: Option<Mutation>) -> Outbox {
        Outbox {
            keeps,
            mutation,
            random,
            writes: VecDeque::new(),
            kept: Kept::default(),
        }
    }

    /// Whether it keeps anything.
    pub fn keeps(&self) -> Keeps {
        self.keeps
    }

    /// Loses everything, and keeps nothing from now on: a page that may use the database no longer.
    pub fn lose(&mut self) {
        self.keeps = Keeps::Nothing;
        self.writes.clear();
        self.kept = Kept::default();
    }

    /// When all writes have ended that were begun.
    pub fn written(&self) -> Instant {
        self.writes.back().map_or_else(Instant::now, |(ends, _)| *ends)
    }

    /// Begins to write an op; it may be sent from the time on that is returned.
    pub fn submitted(&mut self, id: OpId, data: Data) -> Instant {
        match self.keeps {
            Keeps::Nothing => Instant::now(),
            _ => self.write(Write::Submitted(id, data), 30),
        }
    }

    /// Begins to write that an op needs no further care, and up to where the app has everything.
    pub fn settled(&mut self, id: OpId, position: Position) {
        match self.keeps {
            Keeps::Nothing => {}
            Keeps::Outbox | Keeps::PositionLater => drop(self.write(Write::Settled(id, None), 30)),
            Keeps::Position => drop(self.write(Write::Settled(id, Some(position)), 30)),
            Keeps::SettledLater => {
                self.write(Write::At(position), 30);
                self.write(Write::Settled(id, None), 500);
            }
        }
    }

    /// Begins to write up to where the app has everything.
    pub fn moved(&mut self, position: Position) {
        match self.keeps {
            Keeps::Nothing | Keeps::Outbox => {}
            Keeps::Position | Keeps::SettledLater => drop(self.write(Write::At(position), 30)),
            // Now and then.
            Keeps::PositionLater => {
                if self.random.random_ratio(1, 4) {
                    self.write(Write::At(position), 500);
                }
            }
        }
    }

    /// Begins to write that the room was forgotten.
    pub fn reset(&mut self) {
        if matches!(
            self.keeps,
            Keeps::Position | Keeps::PositionLater | Keeps::SettledLater
        ) {
            self.write(Write::Reset, 30);
        }
    }

    /// What the next life finds; and up to where its app has everything.
    pub fn restore(&mut self) -> (Restored<Data>, Option<Position>) {
        self.end_writes();
        self.writes.clear();
        let Kept {
            last_id,
            ops,
            position,
        } = &self.kept;
        let mut pending: Vec<_> = ops
            .iter()
            .map(|(id, data)| Op {
                id: *id,
                data: data.clone(),
                bytes: data.get().len(),
            })
            .collect();
        if self.mutation == Some(Mutation::OutboxReversed) {
            pending.reverse();
        }
        let has = *position;
        let mut position = *position;
        if self.mutation == Some(Mutation::ResumeOffByOne)
            && let Some(position) = &mut position
        {
            position.seq = position.seq.next();
        }
        let restored = Restored {
            last_id: *last_id,
            pending,
            position,
        };
        (restored, has)
    }

    fn write(&mut self, write: Write, most: u64) -> Instant {
        self.end_writes();
        let drawn = Instant::now() + Duration::from_millis(self.random.random_range(0..=most));
        let ends = self.writes.back().map_or(drawn, |(last, _)| drawn.max(*last));
        self.writes.push_back((ends, write));
        match self.mutation {
            Some(Mutation::SendBeforeKeep) => Instant::now(),
            _ => ends,
        }
    }

    fn end_writes(&mut self) {
        let now = Instant::now();
        while let Some((_, write)) = self.writes.pop_front_if(|(ends, _)| *ends <= now) {
            match write {
                Write::Submitted(id, data) => {
                    self.kept.last_id = self.kept.last_id.max(id);
                    self.kept.ops.insert(id, data);
                }
                Write::Settled(id, position) => {
                    self.kept.ops.remove(&id);
                    self.kept.position = position.or(self.kept.position);
                }
                Write::At(position) => self.kept.position = Some(position),
                Write::Reset => self.kept.position = None,
            }
        }
    }
}
