//! What is said of a failure.

use patchcast_sim::mutation::Mutation;
use patchcast_sim::plan::Plan;
use patchcast_sim::run::{Options, run};
use patchcast_sim::shrink::{report, shrink};
use patchcast_sim::swarm::run_all;

#[test]
fn a_failure_tells_how_to_see_it_again_with_the_steps_that_it_takes() {
    let options = Options {
        mutation: Some(Mutation::ResumeOffByOne),
        trace: false,
    };
    let seed = run_all(0..1000, 1, options, 1, |_| {}).failed[0];
    let plan = Plan::generate(seed);
    let small = shrink(&plan, options);
    assert!(small.steps.len() < plan.steps.len());
    assert!(!run(&small, options).failures.is_empty());
    // None of the steps that are left can be left out.
    for number in small.numbers() {
        let others: Vec<_> = small
            .numbers()
            .into_iter()
            .filter(|other| *other != number)
            .collect();
        let fewer = small.clone().keep(&others);
        assert!(
            run(&fewer, options).failures.is_empty(),
            "step {number} is not needed"
        );
    }
    let numbers: Vec<_> = small.numbers().iter().map(ToString::to_string).collect();
    let again = format!("--seed {seed} --steps '{}'", numbers.join(","));
    assert!(report(&plan, options).contains(&again));
}
