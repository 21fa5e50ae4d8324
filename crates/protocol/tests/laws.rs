//! The laws of edits, on random documents and random patches. `scripts/laws` holds them on as many as there is time for.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "laws/check.rs"]
mod check;
#[path = "laws/draw.rs"]
mod draw;

use std::env;
use std::ops::Range;

use check::{check, check_tp1};
use draw::{Case, Source};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

#[test]
fn edits_keep_their_laws() {
    // As many as a debug build does in a few seconds.
    hold(check, cases("PATCHCAST_LAWS_CASES", 1_500));
}

#[test]
fn whatever_meets_converges() {
    hold(check_tp1, cases("PATCHCAST_TP1_CASES", 10_000));
}

/// Seeds, from that which a failure has told.
fn cases(variable: &str, default: u64) -> Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    // A browser's test has twenty seconds.
    let default = if cfg!(target_arch = "wasm32") {
        default / 10
    } else {
        default
    };
    first..first + number(variable).unwrap_or(default)
}

type Law = fn(&Case) -> Result<(), String>;

fn hold(law: Law, seeds: Range<u64>) {
    for seed in seeds {
        let mut source = Seeded(SmallRng::seed_from_u64(seed));
        let parties = 2 + usize::from(seed.is_multiple_of(4));
        let case = Case::draw(&mut source, parties);
        if let Err(fault) = law(&case) {
            let (case, fault) = shrink(law, case, fault);
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
fn shrink(law: Law, mut case: Case, mut fault: String) -> (Case, String) {
    'again: loop {
        for party in 0..case.batches.len() {
            for patch in 0..case.batches[party].len() {
                let mut smaller = case.clone();
                smaller.batches[party].remove(patch);
                if let Err(found) = law(&smaller) {
                    (case, fault) = (smaller, found);
                    continue 'again;
                }
            }
        }
        return (case, fault);
    }
}
