//! Runs many seeds, on as many threads as the machine has processors; each run is on one thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::run::{Options, run};

/// What many runs came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Seeds that failed, the least first.
    pub failed: Vec<u64>,
    /// Ops that were submitted in all runs.
    pub ops: usize,
    /// Virtual time of all runs.
    pub virtual_time: Duration,
}

/// Runs all `seeds`, or as many as it takes until `most_failures` have failed. `progress` is called now and then.
pub fn run_all(
    seeds: impl Iterator<Item = u64> + Send,
    threads: usize,
    options: Options,
    most_failures: usize,
    progress: impl Fn(&Tally) + Sync,
) -> Tally {
    let seeds = Mutex::new(seeds.fuse());
    let enough = AtomicBool::new(false);
    let tally = Mutex::new((Tally::default(), Instant::now()));
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let Some(seed) = seeds.lock().unwrap_or_else(PoisonError::into_inner).next() else {
                        return;
                    };
                    let outcome = run(&Plan::generate(seed), options);
                    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                    let (tally, told) = &mut *tally;
                    tally.runs += 1;
                    tally.ops += outcome.ops;
                    tally.virtual_time += outcome.elapsed;
                    if !outcome.failures.is_empty() {
                        tally.failed.push(seed);
                    }
                    if tally.failed.len() >= most_failures {
                        enough.store(true, Ordering::Relaxed);
                    }
                    if told.elapsed() > Duration::from_secs(5) {
                        *told = Instant::now();
                        progress(tally);
                    }
                }
            });
        }
    });
    let (mut tally, _) = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    tally.failed.sort_unstable();
    tally
}
