//! Makes a plan that fails smaller: leaves out steps as long as it still fails.

use crate::plan::Plan;
use crate::run::{Options, run};

/// Runs that shrinking takes at most: some seconds.
const MOST_RUNS: usize = 300;

/// A part of `plan` that still fails, in whatever way. First halves are left out, then ever smaller parts, in the end single steps
/// (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
pub fn shrink(plan: &Plan, options: Options) -> Plan {
    let options = Options {
        trace: false,
        ..options
    };
    let mut numbers = plan.numbers();
    let (mut part, mut runs) = (numbers.len().div_ceil(2), 0);
    while part > 0 && runs < MOST_RUNS {
        let (mut from, before) = (0, numbers.len());
        while from < numbers.len() && runs < MOST_RUNS {
            let mut fewer = numbers.clone();
            fewer.drain(from..numbers.len().min(from + part));
            runs += 1;
            if run(&plan.clone().keep(&fewer), options).failures.is_empty() {
                from += part;
            } else {
                numbers = fewer;
            }
        }
        // What could not be left out may be, now that other steps are gone.
        part = match part {
            1 if numbers.len() == before => 0,
            _ => part.div_ceil(2),
        };
    }
    plan.clone().keep(&numbers)
}

/// A failure in words: what went wrong, the steps that it takes, and how to see it again.
pub fn report(plan: &Plan, options: Options) -> String {
    let small = shrink(plan, options);
    let failures = run(&small, options).failures;
    let (kept, all) = (small.steps.len(), plan.steps.len());
    let numbers: Vec<_> = small.numbers().iter().map(ToString::to_string).collect();
    let mut text = format!("seed {} fails:\n", plan.seed);
    for failure in failures.iter().take(5) {
        text += &format!("  {failure}\n");
    }
    text += &format!("with {kept} of its {all} steps:\n{small}");
    text += &format!(
        "see it again: cargo run -p patchcast-sim -- --seed {} --steps '{}' --trace",
        plan.seed,
        numbers.join(",")
    );
    if let Some(mutation) = options.mutation {
        text += &format!(" --mutation {}", mutation.name());
    }
    text
}
