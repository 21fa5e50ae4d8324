//! Joining a document whose history is long, beside one of the same size whose history is short.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::document::Shape;
use crate::editor::{Editor, Hello};
use crate::lab::{Lab, Subject};
use crate::process::Process;
use crate::report::{Figure, Report};
use crate::stats::Summary;

/// Joining the one with the long history takes at most so many times the other.
const BAR: f64 = 2.0;

/// Ops in flight while a document is filled: enough that a commit is shared by many.
const FILL_WINDOW: u64 = 1_000;

/// Ops that are sent together while a document is filled.
const FILL_BATCH: u64 = 250;

/// The last entries of a document, which come a few at a time, as people send them. Where its last snapshot lies does then not depend on how
/// fast it was filled.
const LAST: u64 = 2_000;

/// Ops that are sent together of those.
const LAST_BATCH: u64 = 8;

/// What the user may choose.
pub(crate) struct Options {
    /// Entries of the two documents, the long one first.
    pub(crate) histories: [u64; 2],
    /// Bytes of their state.
    pub(crate) bytes: usize,
    /// Joins of each, after a restart as well as while another member is there.
    pub(crate) joins: usize,
}

/// Fills both documents, then joins one after the other in turn: each as the first after a restart, and while another member is there.
pub(crate) fn run(lab: &Lab, report: &mut Report, options: &Options) -> Result<()> {
    if !lab.subjects.contains(&Subject::Patchcast) {
        return Ok(());
    }
    let data = lab.fresh_data()?;
    let rooms = options.histories.map(|entries| format!("/{entries}-entries"));
    fill_all(lab, report, options, &rooms, data.path())?;

    let mut cold = [const { Vec::new() }; 2];
    for turn in 0..options.joins {
        for (room, joins) in rooms.iter().zip(&mut cold) {
            let process = lab.start(Subject::Patchcast, data.path())?;
            joins
                .push(join(&process, room, turn).with_context(|| format!("joining {room} after a restart"))?);
            process.stop()?;
        }
    }
    let mut warm = [const { Vec::new() }; 2];
    let process = lab.start(Subject::Patchcast, data.path())?;
    let member = |room| {
        Editor::join(
            process.addr(),
            room,
            &Hello {
                member: 0,
                initial: None,
            },
        )
    };
    // A room that nobody is in any more is closed.
    let _members = [member(&rooms[0])?, member(&rooms[1])?];
    for turn in 0..=options.joins {
        for (room, joins) in rooms.iter().zip(&mut warm) {
            let join = join(&process, room, turn).with_context(|| format!("joining {room}"))?;
            // The first makes what the later ones share.
            if turn > 0 {
                joins.push(join);
            }
        }
    }
    process.stop()?;
    add(report, options, "first after a restart", &cold);
    add(report, options, "while another is there", &warm);
    Ok(())
}

fn fill_all(
    lab: &Lab,
    report: &mut Report,
    options: &Options,
    rooms: &[String; 2],
    data: &Path,
) -> Result<()> {
    let process = lab.start(Subject::Patchcast, data)?;
    for (room, entries) in rooms.iter().zip(options.histories) {
        let started = Instant::now();
        fill(&process, room, Shape::of(options.bytes, 1), entries)
            .with_context(|| format!("filling {room}{}", process.last_words()))?;
        report.add(Figure::new(
            format!("document-join, {entries} entries, filling"),
            Subject::Patchcast.name(),
            "entries/s",
            &[entries as f64 / started.elapsed().as_secs_f64()],
        ));
    }
    let resident = process.memory()?.rss as f64 / f64::from(1 << 20);
    report.note(format!(
        "document-join: after the filling the server has {resident:.0} MiB of RSS"
    ));
    process.stop()
}

/// Gives a document its state and so many entries in all.
fn fill(process: &Process, room: &str, shape: Shape, entries: u64) -> Result<()> {
    let hello = Hello {
        member: 0,
        initial: Some(&shape.initial()),
    };
    let mut editor = Editor::join(process.addr(), room, &hello)?;
    shape.complete(&mut editor)?;
    ensure!(
        editor.position() <= entries,
        "{entries} entries are too few to make it"
    );
    let (first, started) = (editor.position(), Instant::now());
    for turn in first..entries {
        editor.push(&shape.set_next(turn as usize))?;
        if entries - turn <= LAST {
            if editor.pending() >= LAST_BATCH {
                editor.settle()?;
            }
        } else if (turn - first) % FILL_BATCH == FILL_BATCH - 1 {
            editor.settle_to(FILL_WINDOW - FILL_BATCH)?;
        }
        if (turn + 1) % 100_000 == 0 {
            eprintln!(
                "{room}: {} of {entries}, {:.0} s",
                turn + 1,
                started.elapsed().as_secs_f64()
            );
        }
    }
    editor.settle()?;
    ensure!(
        editor.position() == entries,
        "{} entries instead of {entries}",
        editor.position()
    );
    editor.leave()
}

struct Join {
    milliseconds: f64,
    cpu_milliseconds: f64,
    bytes: usize,
    tail: u64,
}

fn join(process: &Process, room: &str, turn: usize) -> Result<Join> {
    let hello = Hello {
        member: turn + 1,
        initial: None,
    };
    let before = process.cpu_at_rest()?;
    let started = Instant::now();
    let editor = Editor::join(process.addr(), room, &hello).with_context(|| process.last_words())?;
    let took = started.elapsed();
    let cpu = process.cpu_at_rest()? - before;
    let join = Join {
        milliseconds: took.as_secs_f64() * 1e3,
        cpu_milliseconds: cpu.as_secs_f64() * 1e3,
        bytes: editor.bytes(),
        tail: editor.tail(),
    };
    editor.leave()?;
    Ok(join)
}

fn add(report: &mut Report, options: &Options, when: &str, joins: &[Vec<Join>; 2]) {
    let name = Subject::Patchcast.name();
    let case = |entries: u64| format!("document-join, {entries} entries, {when}");
    let of_all = |quantity: fn(&Join) -> f64| {
        joins
            .each_ref()
            .map(|joins| joins.iter().map(quantity).collect::<Vec<_>>())
    };
    let (times, cpu) = (
        of_all(|join| join.milliseconds),
        of_all(|join| join.cpu_milliseconds),
    );
    for (number, entries) in options.histories.into_iter().enumerate() {
        report.add(Figure::new(case(entries), name, "ms until read", &times[number]));
        report.add(Figure::new(case(entries), name, "CPU ms", &cpu[number]));
        if let Some(last) = joins[number].last() {
            report.note(format!(
                "{}: {} bytes, {} entries behind the snapshot",
                case(entries),
                last.bytes,
                last.tail
            ));
        }
    }
    let case = case(options.histories[0]);
    report.add(ratio(&case, "times the short history", &times).at_most(BAR));
    // Times of day are those of the whole machine; the CPU's are the server's alone.
    report.add(ratio(&case, "CPU times the short history", &cpu));
}

/// The median over that of the short history; its range is that of the rounds.
fn ratio(case: &str, quantity: &'static str, [long, short]: &[Vec<f64>; 2]) -> Figure {
    let by_round: Vec<_> = long.iter().zip(short).map(|(long, short)| long / short).collect();
    let median = |samples: &[f64]| Summary::of(samples).map_or(f64::NAN, |summary| summary.median);
    let mut figure = Figure::new(case, Subject::Patchcast.name(), quantity, &by_round);
    figure.median = median(long) / median(short);
    figure
}
