//! How long a message takes from its sending to its last delivery, one message at a time. For information: no bar.

use anyhow::{Context, Result};

use crate::exchange::{self, Plan, Senders};
use crate::lab::{Floor, Lab};
use crate::report::{Figure, Report};
use crate::stats::percentile;

/// What the user may choose.
pub(crate) struct Options {
    pub(crate) connections: usize,
    pub(crate) rounds: usize,
}

/// Messages in a round: 1 % of them are still enough to name the 99th percentile.
const MESSAGES: usize = 500;

/// Measures the floor and every subject in turn; each round gives one p50 and one p99.
pub(crate) fn run(lab: &Lab, report: &mut Report, options: &Options) -> Result<()> {
    let case = format!("latency {}", options.connections);
    let plan = Plan {
        messages: MESSAGES,
        window: 1,
        senders: Senders::One,
    };
    let mut rooms = vec![("floor", lab.open_floor(Floor::Bare, options.connections)?)];
    for &subject in &lab.subjects {
        rooms.push((subject.name(), lab.open_room(subject, options.connections)?));
    }
    let mut samples = vec![(Vec::new(), Vec::new()); rooms.len()];
    for (name, room) in &mut rooms {
        exchange::run(&mut room.crowd, Plan { messages: 20, ..plan }).context(*name)?;
    }
    for _ in 0..options.rounds {
        for ((name, room), (p50, p99)) in rooms.iter_mut().zip(&mut samples) {
            let outcome = exchange::run(&mut room.crowd, plan)
                .with_context(|| format!("{name}{}", room.process.last_words()))?;
            p50.extend(percentile(&outcome.latencies, 50.0));
            p99.extend(percentile(&outcome.latencies, 99.0));
        }
    }
    for ((name, _), (p50, p99)) in rooms.iter().zip(&samples) {
        report.add(Figure::new(&case, name, "us to the last, p50", p50));
        report.add(Figure::new(&case, name, "us to the last, p99", p99));
    }
    Ok(())
}
