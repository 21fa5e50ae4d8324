//! Joining a room with a long history: one joiner at a time reads all of it.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::crowd::{Crowd, Wire};
use crate::exchange::{self, Plan, Senders};
use crate::joiner::Joiner;
use crate::lab::{Lab, Subject};
use crate::message;
use crate::process::{Process, Usage};
use crate::report::{Figure, Report};

const PATH: &str = "/bench";
const NANOSECONDS: &str = "CPU ns per message";
const MILLISECONDS: &str = "ms until read";

/// A joiner costs at most this much of the server's CPU time for each message of the history.
const BAR_NANOSECONDS: f64 = 250.0;

/// Messages in flight while the room is filled.
const FILL_WINDOW: usize = 1_000;

/// What the user may choose.
pub(crate) struct Options {
    pub(crate) history: usize,
    pub(crate) joins: usize,
}

/// Fills a room, joins it several times, and joins it again after the server was restarted.
pub(crate) fn run(lab: &Lab, report: &mut Report, options: &Options) -> Result<()> {
    for &subject in &lab.subjects {
        measure(lab, report, options, subject)
            .with_context(|| format!("{} with a history of {}", subject.name(), options.history))?;
    }
    Ok(())
}

fn measure(lab: &Lab, report: &mut Report, options: &Options, subject: Subject) -> Result<()> {
    let case = |what: &str| format!("join {}, {what}", options.history);
    let expected = message::history(options.history);
    let data = lab.fresh_data()?;
    let process = lab.start(subject, data.path())?;
    let seconds =
        fill(&process, options.history).with_context(|| format!("filling{}", process.last_words()))?;
    report.add(Figure::new(
        case("filling"),
        subject.name(),
        "messages/s",
        &[options.history as f64 / seconds],
    ));
    let joins = join(&process, &expected, options.joins)?;
    add(report, subject, [&case("first"), &case("later")], &joins);

    // The naive peer forgets everything with its process.
    if subject == Subject::Patchcast {
        process.stop()?;
        let process = lab.start(subject, data.path())?;
        let joins = join(&process, &expected, options.joins)?;
        add(
            report,
            subject,
            [&case("first after restart"), &case("later after restart")],
            &joins,
        );
    }
    Ok(())
}

/// Sends `messages` from one connection, watched by another, and returns how many seconds it took.
fn fill(process: &Process, messages: usize) -> Result<f64> {
    let mut crowd = Crowd::join(process.addr(), Wire::WebSocket { path: PATH }, 2)?;
    let outcome = exchange::run(
        &mut crowd,
        Plan {
            messages,
            window: FILL_WINDOW,
            senders: Senders::One,
        },
    )?;
    Ok(outcome.wall.as_secs_f64())
}

struct Join {
    nanoseconds: f64,
    milliseconds: f64,
    usage_before: Usage,
    usage_after: Usage,
}

fn join(process: &Process, expected: &[u8], joins: usize) -> Result<Vec<Join>> {
    let messages = (expected.len() - 1) / (message::LEN - 1);
    // Larger than what one read finds, so that the generator never holds the server up.
    let mut buffer = vec![0; 4 << 20];
    (0..joins)
        .map(|at| {
            let (before, usage_before) = (process.cpu_at_rest()?, process.usage()?);
            let started = Instant::now();
            let joiner = Joiner::join(process.addr(), PATH, expected, &mut buffer)
                .with_context(|| format!("join {at}{}", process.last_words()))?;
            let took = started.elapsed();
            let (after, usage_after) = (process.cpu_at_rest()?, process.usage()?);
            joiner
                .leave()
                .with_context(|| format!("leaving after join {at}{}", process.last_words()))?;
            Ok(Join {
                nanoseconds: (after - before).as_secs_f64() * 1e9 / messages as f64,
                milliseconds: took.as_secs_f64() * 1e3,
                usage_before,
                usage_after,
            })
        })
        .collect()
}

/// The first join pays for what the later ones share, so it stands alone.
fn add(report: &mut Report, subject: Subject, [first, later]: [&str; 2], joins: &[Join]) {
    for (case, joins) in [(first, &joins[..1]), (later, &joins[1..])] {
        let nanoseconds: Vec<f64> = joins.iter().map(|join| join.nanoseconds).collect();
        let milliseconds: Vec<f64> = joins.iter().map(|join| join.milliseconds).collect();
        report.add(Figure::new(case, subject.name(), NANOSECONDS, &nanoseconds).at_most(BAR_NANOSECONDS));
        report.add(Figure::new(case, subject.name(), MILLISECONDS, &milliseconds));
        let mut usage = Usage::default();
        for join in joins {
            usage.add(&join.usage_before, &join.usage_after);
        }
        report.note(format!("{case}, {}: {usage}", subject.name()));
    }
}
