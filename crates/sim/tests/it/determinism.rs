//! A seed is worth something only if it does the same each time.

use std::thread;

use patchcast_sim::plan::Plan;
use patchcast_sim::run::{Options, run};

const TRACED: Options = Options {
    mutation: None,
    trace: true,
};

#[test]
fn a_seed_does_the_same_each_time() {
    for seed in 0..30 {
        let plan = Plan::generate(seed);
        let first = run(&plan, TRACED);
        // On another thread, whose hash maps have other keys.
        let again = thread::scope(|scope| scope.spawn(|| run(&plan, TRACED)).join().unwrap());
        assert!(first.trace.len() > 20, "seed {seed} does next to nothing");
        for (first, again) in first.trace.iter().zip(&again.trace) {
            assert_eq!(first, again, "seed {seed}");
        }
        assert_eq!(first.trace.len(), again.trace.len(), "seed {seed}");
    }
}

#[test]
fn seeds_differ() {
    let trace = |seed| run(&Plan::generate(seed), TRACED).trace;
    assert_ne!(trace(1), trace(2));
}
