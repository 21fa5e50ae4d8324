//! What a browser's database keeps of a client: writes end one after the other, a while after they were begun, and a reload
//! finds those that had ended.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use crate::mutation::Mutation;
use crate::plan::Keeps;

/// The outbox of one client, over all its lives.
pub struct Outbox<K: Kept> {
    keeps: Keeps,
    mutation: Option<Mutation>,
    random: SmallRng,
    writes: VecDeque<(Instant, K::Write)>,
    kept: K,
}

/// What is in a database.
pub trait Kept: Default + 'static {
    /// What changes it.
    type Write;

    /// A write has ended.
    fn take(&mut self, write: Self::Write);
}

impl<K: Kept> Outbox<K> {
    /// An empty one.
    pub fn new(keeps: Keeps, random: SmallRng, mutation: Option<Mutation>) -> Self {
        Outbox {
            keeps,
            mutation,
            random,
            writes: VecDeque::new(),
            kept: K::default(),
        }
    }

    /// What it keeps.
    pub fn keeps(&self) -> Keeps {
        self.keeps
    }

    /// The rule that is broken on purpose.
    pub fn mutation(&self) -> Option<Mutation> {
        self.mutation
    }

    /// Loses everything, and keeps nothing from now on: a page that may use the database no longer.
    pub fn lose(&mut self) {
        self.keeps = Keeps::Nothing;
        self.writes.clear();
        self.kept = K::default();
    }

    /// When all writes have ended that were begun.
    pub fn written(&self) -> Instant {
        self.writes.back().map_or_else(Instant::now, |(ends, _)| *ends)
    }

    /// What the next life finds.
    pub fn restore(&mut self) -> &K {
        self.end_writes();
        self.writes.clear();
        &self.kept
    }

    /// Begins to write, which takes so many milliseconds at the most; when it will have ended.
    pub fn write(&mut self, write: K::Write, most: u64) -> Instant {
        self.end_writes();
        let drawn = Instant::now() + Duration::from_millis(self.random.random_range(0..=most));
        let ends = self.writes.back().map_or(drawn, |(last, _)| drawn.max(*last));
        self.writes.push_back((ends, write));
        match self.mutation {
            Some(Mutation::SendBeforeKeep) => Instant::now(),
            _ => ends,
        }
    }

    /// Whether something is written that is so only now and then.
    pub fn now_and_then(&mut self) -> bool {
        self.random.random_ratio(1, 4)
    }

    fn end_writes(&mut self) {
        let now = Instant::now();
        while let Some((_, write)) = self.writes.pop_front_if(|(ends, _)| *ends <= now) {
            self.kept.take(write);
        }
    }
}
