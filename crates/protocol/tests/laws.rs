//! The laws of edits, on random documents and random patches. `scripts/laws` holds them on as many as there is time for.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "laws/check.rs"]
mod check;
#[path = "laws/draw.rs"]
mod draw;

use std::env;

use check::check;
use draw::{Case, Source};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

/// As many as a debug build does in a few seconds.
const CASES: u64 = 2_000;

#[test]
fn edits_keep_their_laws() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    let cases = number("PATCHCAST_LAWS_CASES").unwrap_or(CASES);
    for seed in first..first + cases {
        let mut source = Seeded(SmallRng::seed_from_u64(seed));
        let parties = 2 + usize::from(seed % 4 == 0);
        let case = Case::draw(&mut source, parties);
        if let Err(fault) = check(&case) {
            let (case, fault) = shrink(case, fault);
            let batches: Vec<_> = case
                .batches
                .iter()
                .map(|batch| format!("\n  {}", json!(batch)))
                .collect();
            panic!(
                "PATCHCAST_TEST_SEED={seed}\n  {}{}\n{fault}",
                case.base,
                batches.concat()
            );
        }
    }
}

struct Seeded(SmallRng);

impl Source for Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }
}

/// Leaves out patches while something is wrong without them.
fn shrink(mut case: Case, mut fault: String) -> (Case, String) {
    'again: loop {
        for party in 0..case.batches.len() {
            for patch in 0..case.batches[party].len() {
                let mut smaller = case.clone();
                smaller.batches[party].remove(patch);
                if let Err(found) = check(&smaller) {
                    (case, fault) = (smaller, found);
                    continue 'again;
                }
            }
        }
        return (case, fault);
    }
}
