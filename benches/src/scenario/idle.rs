//! What a connection costs in memory that has joined a room and does nothing.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::TIMEOUT;
use crate::crowd::{Crowd, Wire};
use crate::lab::Lab;
use crate::process::{Memory, Process};
use crate::report::{Figure, Report};

/// An idle connection takes at most this much of the server's resident memory.
const BAR_BYTES: f64 = 6.0 * 1024.0;

/// Opens `connections` in one room. What the server takes for itself counts as theirs when it takes it after its start.
pub(crate) fn run(lab: &Lab, report: &mut Report, connections: usize) -> Result<()> {
    let case = format!("idle {connections}");
    for &subject in &lab.subjects {
        let data = lab.fresh_data()?;
        let process = lab.start(subject, data.path())?;
        let before = memory_at_rest(&process)?;
        let mut crowd = Crowd::join(process.addr(), Wire::WebSocket { path: "/bench" }, connections)
            .with_context(|| {
                format!(
                    "{}: opening idle connections{}",
                    subject.name(),
                    process.last_words()
                )
            })?;
        let after = memory_at_rest(&process)?;
        // They are all still there, and nothing was sent to them.
        crowd
            .pump(Duration::ZERO, |at, _| {
                bail!("connection {at} received something in a quiet room")
            })
            .with_context(|| format!("{}{}", subject.name(), process.last_words()))?;

        let each = |before: u64, after: u64| (after as f64 - before as f64) / connections as f64;
        let mebibytes = |bytes: u64| [bytes as f64 / f64::from(1 << 20)];
        let name = subject.name();
        report.add(Figure::new(
            &case,
            name,
            "MiB of RSS before",
            &mebibytes(before.rss),
        ));
        report.add(Figure::new(
            &case,
            name,
            "MiB of RSS after",
            &mebibytes(after.rss),
        ));
        let rss = Figure::new(
            &case,
            name,
            "bytes of RSS per connection",
            &[each(before.rss, after.rss)],
        );
        report.add(rss.at_most(BAR_BYTES));
        report.add(Figure::new(
            &case,
            name,
            "bytes of PSS per connection",
            &[each(before.pss, after.pss)],
        ));
    }
    Ok(())
}

/// Reads the memory until it has stayed the same for a fifth of a second.
fn memory_at_rest(process: &Process) -> Result<Memory> {
    let deadline = Instant::now() + TIMEOUT;
    let mut before = process.memory()?;
    while Instant::now() < deadline {
        thread::sleep(Duration::from_millis(200));
        let now = process.memory()?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
    bail!("the server's memory does not come to rest")
}
