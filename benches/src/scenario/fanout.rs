//! The CPU time of a delivery: the server's beside the floor's, one message at a time and many in flight.

use anyhow::{Context, Result};

use crate::exchange::{self, Plan, Senders};
use crate::lab::{Floor, Lab, Room};
use crate::process::Usage;
use crate::report::{Figure, Report};
use crate::stats::Summary;

const NANOSECONDS: &str = "CPU ns per delivery";
const RATIO: &str = "times the floor";
const THROUGHPUT: &str = "deliveries/s";

/// One message at a time costs at most this many times the floor.
const BAR_ONE: f64 = 1.25;
/// A delivery among many in flight costs at most an eighth of that.
const BAR_BURST: f64 = BAR_ONE / 8.0;

/// A round with many in flight delivers this many times more, being that much cheaper.
const BURST_FACTOR: usize = 4;

/// What the user may choose.
pub(crate) struct Options {
    pub(crate) connections: Vec<usize>,
    pub(crate) rounds: usize,
    /// Deliveries in a round one at a time, so that rooms of all sizes are measured for about as long.
    pub(crate) deliveries: usize,
    pub(crate) window: usize,
    pub(crate) senders: Senders,
}

/// Measures rooms of all the sizes asked for.
pub(crate) fn run(lab: &Lab, report: &mut Report, options: &Options) -> Result<()> {
    for &connections in &options.connections {
        measure(lab, report, options, connections)
            .with_context(|| format!("fan-out in a room of {connections}"))?;
    }
    Ok(())
}

fn measure(lab: &Lab, report: &mut Report, options: &Options, connections: usize) -> Result<()> {
    let receivers = connections - 1;
    let one = Plan {
        messages: (options.deliveries / receivers).max(20),
        window: 1,
        senders: Senders::One,
    };
    let burst = Plan {
        messages: (options.deliveries * BURST_FACTOR / receivers).max(options.window * 4),
        window: options.window,
        senders: options.senders,
    };

    let mut floor = lab.open_floor(Floor::Bare, connections)?;
    let mut synced = lab.open_floor(Floor::Synced, connections)?;
    let mut rooms = Vec::new();
    for &subject in &lab.subjects {
        rooms.push((subject, lab.open_room(subject, connections)?));
    }
    // The first messages pay for what is set up once: page faults, buffers, the frequency of the core.
    for floor in [&mut floor, &mut synced] {
        round(floor, Plan { messages: 20, ..one }, &mut Samples::default())?;
    }
    for (subject, room) in &mut rooms {
        round(
            room,
            Plan {
                messages: options.window * 2,
                ..burst
            },
            &mut Samples::default(),
        )
        .with_context(|| subject.name())?;
    }

    let mut of_floor = Samples::default();
    let mut of_synced = Samples::default();
    let mut of_rooms: Vec<_> = rooms
        .iter()
        .map(|_| (Samples::default(), Samples::default()))
        .collect();
    for _ in 0..options.rounds {
        round(&mut floor, one, &mut of_floor).context(Floor::Bare.name())?;
        round(&mut synced, one, &mut of_synced).context(Floor::Synced.name())?;
        for ((subject, room), (of_one, of_burst)) in rooms.iter_mut().zip(&mut of_rooms) {
            round(room, one, of_one).with_context(|| subject.name())?;
            round(room, burst, of_burst).with_context(|| subject.name())?;
        }
    }

    let case_one = format!("fanout {connections}, one at a time");
    let case_burst = format!("fanout {connections}, {} in flight", options.window);
    for (floor, samples) in [(Floor::Bare, &of_floor), (Floor::Synced, &of_synced)] {
        report.add(Figure::new(
            &case_one,
            floor.name(),
            NANOSECONDS,
            &samples.nanoseconds,
        ));
        report.note(format!("{case_one}, {}: {}", floor.name(), samples.usage));
    }
    report.add(ratio(&case_one, Floor::Synced.name(), &of_synced, &of_floor));
    for (case, bar, is_one) in [(&case_one, BAR_ONE, true), (&case_burst, BAR_BURST, false)] {
        for ((subject, _), (of_one, of_burst)) in rooms.iter().zip(&of_rooms) {
            let samples = if is_one { of_one } else { of_burst };
            report.add(Figure::new(
                case,
                subject.name(),
                NANOSECONDS,
                &samples.nanoseconds,
            ));
            report.add(ratio(case, subject.name(), samples, &of_floor).at_most(bar));
            report.add(Figure::new(case, subject.name(), THROUGHPUT, &samples.per_second));
            report.note(format!("{case}, {}: {}", subject.name(), samples.usage));
        }
    }
    Ok(())
}

/// What the rounds of one kind have shown.
#[derive(Default)]
struct Samples {
    nanoseconds: Vec<f64>,
    per_second: Vec<f64>,
    usage: Usage,
}

fn round(room: &mut Room, plan: Plan, samples: &mut Samples) -> Result<()> {
    let (cpu_before, usage_before) = (room.process.cpu_at_rest()?, room.process.usage()?);
    let outcome = exchange::run(&mut room.crowd, plan)
        .with_context(|| format!("a round failed{}", room.process.last_words()))?;
    let (cpu_after, usage_after) = (room.process.cpu_at_rest()?, room.process.usage()?);
    let deliveries = outcome.deliveries as f64;
    samples
        .nanoseconds
        .push((cpu_after - cpu_before).as_secs_f64() * 1e9 / deliveries);
    samples.per_second.push(deliveries / outcome.wall.as_secs_f64());
    samples.usage.add(&usage_before, &usage_after);
    Ok(())
}

/// The median over the floor's median; its range is that of the rounds, each over the floor's round before it.
fn ratio(case: &str, subject: &'static str, samples: &Samples, floor: &Samples) -> Figure {
    let by_round: Vec<f64> = samples
        .nanoseconds
        .iter()
        .zip(&floor.nanoseconds)
        .map(|(cost, floor)| cost / floor)
        .collect();
    let median = |samples: &Samples| Summary::of(&samples.nanoseconds).map(|summary| summary.median);
    let mut figure = Figure::new(case, subject, RATIO, &by_round);
    if let (Some(cost), Some(floor)) = (median(samples), median(floor)) {
        figure.median = cost / floor;
    }
    figure
}
