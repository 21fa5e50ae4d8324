//! What an op on a document costs the server: small edits of documents of several sizes, and ops of several sizes.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::document::{Edit, Shape};
use crate::editor::{Editor, Hello};
use crate::lab::{Lab, Subject};
use crate::process::Process;
use crate::report::{Figure, Report};
use crate::stats::Summary;

const MICROSECONDS: &str = "CPU us per op";
const RATIO: &str = "times the smallest document";

/// Lists of the last document, which has as many bytes as the largest one and shorter lists.
const LISTS: usize = 100;

/// Ops in flight in all, where it is not one at a time. A concurrent op is carried over half as many.
const WINDOW: usize = 8;

/// Patches in the ops of several sizes.
const OP_SIZES: [usize; 4] = [1, 10, 100, 1_000];

/// Ops in flight in a long run.
const LONG_WINDOW: u64 = 256;

/// What the user may choose.
pub(crate) struct Options {
    /// Bytes of the documents, the smallest first.
    pub(crate) sizes: Vec<usize>,
    pub(crate) rounds: usize,
    /// Ops of each kind in a round.
    pub(crate) ops: usize,
    /// Ops of a long run.
    pub(crate) long_ops: usize,
}

/// Measures everything on all documents in turn, round after round.
pub(crate) fn run(lab: &Lab, report: &mut Report, options: &Options) -> Result<()> {
    if !lab.subjects.contains(&Subject::Patchcast) {
        return Ok(());
    }
    let data = lab.fresh_data()?;
    let process = lab.start(Subject::Patchcast, data.path())?;
    let told = |error: anyhow::Error| error.context(process.last_words());
    let largest = options.sizes.last().copied().unwrap_or_default();
    let mut rooms = options
        .sizes
        .iter()
        .map(|bytes| (*bytes, 1))
        .chain([(largest, LISTS)])
        .map(|(bytes, lists)| Room::open(&process, bytes, lists))
        .collect::<Result<Vec<_>>>()
        .map_err(told)?;
    small_edits(&process, report, options, &mut rooms).map_err(told)?;
    large_ops(&process, report, options, &mut rooms).map_err(told)?;
    long_runs(&process, report, options, &mut rooms).map_err(told)
}

/// Who sends in a round.
#[derive(Clone, Copy)]
enum Traffic {
    /// One member, one op at a time.
    One,
    /// One member, with several ops on their way.
    Many,
    /// Two members, each with half as many on their way, which do not know the other's.
    Concurrent,
}

impl Traffic {
    const ALL: [Traffic; 3] = [Traffic::One, Traffic::Many, Traffic::Concurrent];

    fn name(self) -> String {
        match self {
            Traffic::One => "one at a time".to_owned(),
            Traffic::Many => format!("{WINDOW} in flight"),
            Traffic::Concurrent => format!("{WINDOW} in flight, half of them concurrent"),
        }
    }

    /// How many ops each of the two sends before it waits.
    fn windows(self) -> [usize; 2] {
        match self {
            Traffic::One => [1, 0],
            Traffic::Many => [WINDOW, 0],
            Traffic::Concurrent => [WINDOW / 2; 2],
        }
    }
}

/// A document and its two members, both of whom are there in every round.
struct Room {
    name: String,
    shape: Shape,
    editors: [Editor; 2],
    turns: [usize; 2],
}

impl Room {
    fn open(process: &Process, bytes: usize, lists: usize) -> Result<Room> {
        let shape = Shape::of(bytes, lists);
        let path = format!("/{bytes}-bytes-{lists}-lists");
        let state = shape.initial();
        let join = |member, initial| Editor::join(process.addr(), &path, &Hello { member, initial });
        let mut first = join(0, Some(&state))?;
        shape.complete(&mut first)?;
        let second = join(1, None)?;
        Ok(Room {
            name: name(bytes, lists),
            shape,
            editors: [first, second],
            turns: [0; 2],
        })
    }

    /// At least so many ops of one kind; both members have all of them in the end. Returns how many.
    fn edit(&mut self, edit: Edit, traffic: Traffic, ops: usize) -> Result<usize> {
        let windows = traffic.windows();
        // An even number for each, so that what one op does the next one takes back.
        let batches = ops.div_ceil(windows[0] + windows[1]).next_multiple_of(2);
        for _ in 0..batches {
            for (number, (editor, window)) in self.editors.iter_mut().zip(windows).enumerate() {
                for _ in 0..window {
                    editor.push(&edit.patches(self.shape, number, self.turns[number]))?;
                    self.turns[number] += 1;
                }
            }
            self.settle()?;
        }
        Ok(batches * (windows[0] + windows[1]))
    }

    /// Sends what was taken and reads until both members have all of it.
    fn settle(&mut self) -> Result<()> {
        let pending: u64 = self.editors.iter().map(Editor::pending).sum();
        let head = self.editors[0].position() + pending;
        self.editors.iter_mut().try_for_each(Editor::flush)?;
        for editor in &mut self.editors {
            editor.settle()?;
            editor.catch_up(head)?;
            ensure!(
                editor.position() == head,
                "entry {} is one too many",
                editor.position()
            );
        }
        Ok(())
    }

    fn changed(&self) -> usize {
        self.editors.iter().map(Editor::changed).sum()
    }
}

/// What rounds of one kind on one document have shown.
#[derive(Default)]
struct Samples {
    cpu: Vec<f64>,
    wall: Vec<f64>,
}

impl Samples {
    /// Measures the microseconds of each op that `work` has sent, of which it tells the number.
    fn measure(&mut self, process: &Process, work: impl FnOnce() -> Result<usize>) -> Result<usize> {
        let (before, started) = (process.cpu_at_rest()?, Instant::now());
        let ops = work()?;
        let wall = started.elapsed();
        let cpu = process.cpu_at_rest()? - before;
        self.cpu.push(cpu.as_secs_f64() * 1e6 / ops as f64);
        self.wall.push(wall.as_secs_f64() * 1e6 / ops as f64);
        Ok(ops)
    }
}

fn small_edits(process: &Process, report: &mut Report, options: &Options, rooms: &mut [Room]) -> Result<()> {
    for edit in Edit::ALL {
        for traffic in Traffic::ALL {
            let mut samples: Vec<_> = rooms.iter().map(|_| Samples::default()).collect();
            let (mut ops, mut changed) = (0, 0);
            // The first round warms up and is not counted.
            for round in 0..=options.rounds {
                for (room, samples) in rooms.iter_mut().zip(&mut samples) {
                    let already = room.changed();
                    let what = format!("{}, {}, {}", edit.name(), traffic.name(), room.name);
                    let mut work = || room.edit(edit, traffic, options.ops);
                    ops += if round == 0 {
                        work().context(what)?
                    } else {
                        samples.measure(process, work).context(what)?
                    };
                    changed += room.changed() - already;
                }
            }
            let case =
                |room: &Room| format!("document-op {}, {}, {}", room.name, edit.name(), traffic.name());
            add(report, rooms, &samples, case);
            if let Traffic::Concurrent = traffic {
                let share = 100 * changed / ops;
                report.note(format!(
                    "document-op, {}: {share} % of concurrent ops were transformed",
                    edit.name()
                ));
            }
        }
    }
    Ok(())
}

/// Ops of more and more patches, one op at a time, on the first document that has as many items.
fn large_ops(process: &Process, report: &mut Report, options: &Options, rooms: &mut [Room]) -> Result<()> {
    let most = OP_SIZES.into_iter().max().unwrap_or_default();
    let Some(room) = rooms.iter_mut().find(|room| room.shape.items >= most) else {
        return Ok(());
    };
    let mut samples = OP_SIZES.map(|_| Samples::default());
    for _ in 0..options.rounds {
        for (patches, samples) in OP_SIZES.into_iter().zip(&mut samples) {
            // As many patches in each measurement, but for the smallest ops.
            let ops = (options.ops * 10 / patches).clamp(4, options.ops);
            samples.measure(process, || {
                for _ in 0..ops {
                    let turn = &mut room.turns[0];
                    *turn += patches;
                    let op = room.shape.set_many(patches, *turn);
                    room.editors[0].push(&op)?;
                    room.settle()?;
                }
                Ok(ops)
            })?;
        }
    }
    for (patches, samples) in OP_SIZES.into_iter().zip(&samples) {
        let case = format!("document-op {}, ops of {patches} patches", room.name);
        let name = Subject::Patchcast.name();
        report.add(Figure::new(&case, name, MICROSECONDS, &samples.cpu));
        let each: Vec<_> = samples.cpu.iter().map(|cpu| cpu / patches as f64).collect();
        report.add(Figure::new(&case, name, "CPU us per patch", &each));
        report.add(Figure::new(&case, name, "us until acknowledged", &samples.wall));
    }
    Ok(())
}

/// So many ops that the server stores snapshots of the document meanwhile, whose cost they share.
fn long_runs(process: &Process, report: &mut Report, options: &Options, rooms: &mut [Room]) -> Result<()> {
    let mut samples: Vec<_> = rooms.iter().map(|_| Samples::default()).collect();
    for (room, samples) in rooms.iter_mut().zip(&mut samples) {
        samples.measure(process, || {
            for _ in 0..options.long_ops {
                room.turns[0] += 1;
                let turn = room.turns[0];
                let [first, second] = &mut room.editors;
                first.push(&room.shape.set_next(turn))?;
                if first.pending() == LONG_WINDOW {
                    first.settle_to(LONG_WINDOW / 2)?;
                    second.catch_up(first.position())?;
                }
            }
            room.settle()?;
            Ok(options.long_ops)
        })?;
    }
    add(report, rooms, &samples, |room| {
        format!(
            "document-op {}, {} ops, {LONG_WINDOW} in flight",
            room.name, options.long_ops
        )
    });
    Ok(())
}

fn add(report: &mut Report, rooms: &[Room], samples: &[Samples], case: impl Fn(&Room) -> String) {
    let name = Subject::Patchcast.name();
    let median = |samples: &Samples| Summary::of(&samples.cpu).map_or(f64::NAN, |summary| summary.median);
    for (number, (room, of_room)) in rooms.iter().zip(samples).enumerate() {
        report.add(Figure::new(case(room), name, MICROSECONDS, &of_room.cpu));
        if number > 0 {
            let by_round: Vec<_> = of_room
                .cpu
                .iter()
                .zip(&samples[0].cpu)
                .map(|(cpu, least)| cpu / least)
                .collect();
            let mut ratio = Figure::new(case(room), name, RATIO, &by_round);
            ratio.median = median(of_room) / median(&samples[0]);
            report.add(ratio);
        }
    }
}

fn name(bytes: usize, lists: usize) -> String {
    let size = match bytes {
        1_000_000.. => format!("{} MB", bytes / 1_000_000),
        1_000.. => format!("{} KB", bytes / 1_000),
        _ => format!("{bytes} bytes"),
    };
    match lists {
        1 => size,
        lists => format!("{size} in {lists} lists"),
    }
}
