//! Runs the simulator: many seeds, or one of them again.

use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

use clap::Parser;
use patchcast_sim::mutation::Mutation;
use patchcast_sim::plan::Plan;
use patchcast_sim::run::{Options, run};
use patchcast_sim::shrink::report;
use patchcast_sim::swarm::{Tally, run_all};

/// Many sessions and the real rooms, on one virtual clock: what a seed does, it does each time.
#[derive(Parser)]
struct Args {
    /// How many seeds are run.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many run at a time; as many as there are processors unless told.
    #[arg(long)]
    threads: Option<usize>,
    /// Runs one seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// With some steps of its plan only, by their numbers.
    #[arg(long, requires = "seed", value_delimiter = ',')]
    steps: Option<Vec<usize>>,
    /// Prints what happens in it.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Breaks a rule on purpose.
    #[arg(long)]
    mutation: Option<Mutation>,
}

#[expect(clippy::print_stdout, reason = "a program that reports")]
fn main() -> ExitCode {
    let args = Args::parse();
    let options = Options {
        mutation: args.mutation,
        trace: args.trace,
    };
    if let Some(seed) = args.seed {
        let mut plan = Plan::generate(seed);
        if let Some(steps) = &args.steps {
            plan = plan.keep(steps);
        }
        print!("{plan}");
        let outcome = run(&plan, options);
        for line in outcome.trace.iter().chain(&outcome.failures) {
            println!("{line}");
        }
        return if outcome.failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let threads = args
        .threads
        .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let began = Instant::now();
    let rate = |tally: &Tally| tally.runs as f64 / began.elapsed().as_secs_f64();
    let progress = |tally: &Tally| {
        println!(
            "{} of {} seeds, {:.0} a second",
            tally.runs,
            args.seeds,
            rate(tally)
        );
    };
    let tally = run_all(args.from..args.from + args.seeds, threads, options, 1, progress);
    if let Some(seed) = tally.failed.first() {
        println!("{}", report(&Plan::generate(*seed), options));
        return ExitCode::FAILURE;
    }
    println!(
        "shown with the time: {} seeds, {:.0} a second; {} ops in {:.0} hours of virtual time",
        tally.runs,
        rate(&tally),
        tally.ops,
        tally.virtual_time.as_secs_f64() / 3600.0
    );
    ExitCode::SUCCESS
}
