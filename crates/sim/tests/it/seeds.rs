//! A sample of what `scripts/test sim` runs thousands of.

use patchcast_sim::plan::Plan;
use patchcast_sim::run::Options;
use patchcast_sim::shrink::report;
use patchcast_sim::swarm::run_all;

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_doubled() {
    let options = Options::default();
    let tally = run_all(0..100, 1, options, 1, |_| {});
    if let Some(seed) = tally.failed.first() {
        panic!("{}", report(&Plan::generate(*seed), options));
    }
    assert_eq!(tally.runs, 100);
    assert!(tally.ops > 1000, "{} ops are hardly a test", tally.ops);
}
