//! What is left after a power cut: everything that any client was shown, in order, once.
//!
//! A real server runs under strace. From what it wrote and synced, the disk is rebuilt as it might be after the
//! power was cut at each of many moments; each such disk is opened, and its logs are held against what the
//! server had sent to anybody before that moment.

mod disk;
mod recorder;
mod replay;
mod trace;
mod traffic;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use patchcast_server::log::Durability;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use self::disk::{Disk, Image, Survival};
use self::recorder::Recorder;
use self::replay::{Cuts, Fault, Outcome, lay_out};
use self::trace::Event;
use self::traffic::{Clients, Traffic};
use crate::harness::{seed, strace_is_there};

#[tokio::test]
async fn what_a_client_was_shown_survives_a_power_cut_at_any_moment() {
    let Some(data) = Data::to_be_watched() else {
        return;
    };
    let mut traffic = Traffic::default();

    let server = Recorder::start(&data.path, "fsync");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[1, 1, 4, 2, 12, 5]).await;
    traffic.burst(&mut clients, 'a', 6, 8_000).await;
    // More than a checkpoint's thousand pages; what comes after it starts the write-ahead log anew.
    traffic.burst(&mut clients, 'a', 8, 300_000).await;
    traffic.burst(&mut clients, 'b', 7, 300_000).await;
    traffic.small_bursts(&mut clients, &[1, 3]).await;
    let mut events = server.stop(Signal::SIGTERM);
    assert!(
        checkpoints(&events) > 0,
        "the write-ahead log never came to its end"
    );
    assert!(
        beginnings_of_wal(&events) > 1,
        "the write-ahead log never began anew"
    );

    // A server that goes on where the first one ended, and is killed.
    let server = Recorder::start(&data.path, "fsync");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[1, 3]).await;
    events.extend(server.stop(Signal::SIGKILL));

    // One that finds what the killed one left.
    let server = Recorder::start(&data.path, "fsync");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[2]).await;
    traffic.burst(&mut clients, 'b', 2, 100_000).await;
    events.extend(server.stop(Signal::SIGTERM));

    let seed = seed();
    let cuts = Cuts {
        traffic: &traffic,
        durability: Durability::Fsync,
        before_syncs: 2,
        between: 60,
    };
    let outcome = cut_and_judge(&cuts, Disk::default(), &events, &data, seed);
    assert_no_failure(&outcome, seed);
}

#[tokio::test]
async fn a_snapshot_is_there_whole_or_not_at_all_whenever_the_power_is_cut() {
    let Some(data) = Data::to_be_watched() else {
        return;
    };
    let mut traffic = Traffic::default();
    let mut events = Vec::new();
    for end in [Signal::SIGKILL, Signal::SIGTERM] {
        let server = Recorder::start_with(&data.path, "fsync", &["--squash-after", "4"]);
        let mut clients = Clients::join(server.address()).await;
        traffic.small_bursts(&mut clients, &[1, 5, 2, 12]).await;
        traffic.burst(&mut clients, 'a', 6, 8_000).await;
        events.extend(server.stop(end));
    }
    let seed = seed();
    let cuts = Cuts {
        traffic: &traffic,
        durability: Durability::Fsync,
        before_syncs: 2,
        between: 30,
    };
    let outcome = cut_and_judge(&cuts, Disk::default(), &events, &data, seed);
    assert!(outcome.snapshots > 0, "no snapshot was ever there");
    assert_no_failure(&outcome, seed);
}

/// A torn transaction leaves frames behind in the write-ahead log. The next server writes over them, but not
/// necessarily over all of them, before the power is cut again.
#[tokio::test]
async fn a_second_power_cut_is_survived_like_the_first() {
    let Some(data) = Data::to_be_watched() else {
        return;
    };
    let mut traffic = Traffic::default();

    let server = Recorder::start(&data.path, "fsync");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[1, 2]).await;
    traffic.burst(&mut clients, 'a', 1, 100_000).await;
    let events = server.stop(Signal::SIGKILL);
    let seed = seed();
    let torn = torn_in_the_last_transaction(&events, &mut StdRng::seed_from_u64(seed));
    lay_out(&torn, &data.path);

    let server = Recorder::start(&data.path, "fsync");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[1, 1]).await;
    traffic.burst(&mut clients, 'b', 2, 12_000).await;
    traffic.small_bursts(&mut clients, &[1, 4]).await;
    let events = server.stop(Signal::SIGKILL);

    let cuts = Cuts {
        traffic: &traffic,
        durability: Durability::Fsync,
        before_syncs: 6,
        between: 4,
    };
    let outcome = cut_and_judge(&cuts, Disk::with(&torn), &events, &data, seed);
    assert_no_failure(&outcome, seed);
}

/// Shows that the test above can fail, and that `--durability os` keeps the promises it does make: a power cut
/// takes the latest messages, leaves the order, and does not go unnoticed.
#[tokio::test]
async fn without_fsync_the_checker_finds_losses() {
    let Some(data) = Data::to_be_watched() else {
        return;
    };
    let mut traffic = Traffic::default();

    let server = Recorder::start(&data.path, "os");
    let mut clients = Clients::join(server.address()).await;
    traffic.small_bursts(&mut clients, &[1, 5, 1]).await;
    let events = server.stop(Signal::SIGKILL);

    let seed = seed();
    let cuts = Cuts {
        traffic: &traffic,
        durability: Durability::Os,
        before_syncs: 1,
        between: 4,
    };
    let outcome = cut_and_judge(&cuts, Disk::default(), &events, &data, seed);
    let (lost, other): (Vec<_>, Vec<_>) = outcome
        .failures
        .iter()
        .partition(|failure| matches!(failure.fault, Fault::Lost(_)));
    assert!(!lost.is_empty(), "no message was lost, seed {seed}");
    assert!(other.is_empty(), "{}, seed {seed}", other[0]);
}

/// The directory of a recorded server's store.
struct Data {
    path: PathBuf,
    _above: TempDir,
}

impl Data {
    /// An empty one, where strace is there to watch what a server does in it.
    fn to_be_watched() -> Option<Data> {
        strace_is_there().then(|| {
            let above = tempfile::tempdir().unwrap();
            let path = above.path().join("data");
            fs::create_dir(&path).unwrap();
            Data { path, _above: above }
        })
    }
}

/// Replays what was recorded, which must be all that was done to the directory.
fn cut_and_judge(cuts: &Cuts<'_>, disk: Disk, events: &[Event], data: &Data, seed: u64) -> Outcome {
    let outcome = cuts.replay(disk, events, &mut StdRng::seed_from_u64(seed));
    assert_complete(&outcome.disk, &data.path);
    eprintln!(
        "{} messages, {} power cuts, {} snapshots",
        cuts.traffic.len(),
        outcome.cuts,
        outcome.snapshots
    );
    outcome
}

/// The disk after a cut in the middle of the last commit whose every frame but the first one was written.
fn torn_in_the_last_transaction(events: &[Event], random: &mut StdRng) -> Image {
    let last_sync = events
        .iter()
        .rposition(|event| matches!(event, Event::SyncEnded { .. }))
        .unwrap();
    let mut disk = Disk::default();
    for event in &events[..last_sync] {
        disk.apply(event);
    }
    disk.after_power_cut(Survival::AllButFirst, random)
}

/// The model is worth nothing if it misses what the server does, so it must come to the same files.
fn assert_complete(disk: &Disk, data: &Path) {
    let real: BTreeMap<_, _> = fs::read_dir(data)
        .unwrap()
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    let played = disk.current();
    assert!(
        played.keys().eq(real.keys()),
        "{:?} are there, and the recording has {:?}",
        real.keys(),
        played.keys()
    );
    for (name, content) in &played {
        // SQLite writes its index through shared memory. It makes it anew after a crash.
        assert!(
            name.ends_with("-shm") || *content == real[name],
            "{name} is not what was recorded"
        );
    }
}

fn assert_no_failure(outcome: &Outcome, seed: u64) {
    let failures: Vec<_> = outcome.failures.iter().map(ToString::to_string).collect();
    assert!(
        failures.is_empty(),
        "{} of {} power cuts, PATCHCAST_TEST_SEED={seed}:\n{}",
        failures.len(),
        outcome.cuts,
        failures[..failures.len().min(10)].join("\n")
    );
}

/// Syncs of the database itself after the first message was sent to anybody.
fn checkpoints(events: &[Event]) -> usize {
    let first = events
        .iter()
        .position(|event| matches!(event, Event::Sent { .. }))
        .unwrap();
    let synced = |event: &&Event| matches!(event, Event::SyncBegan { name: Some(name), .. } if name == "patchcast.sqlite3");
    events[first..].iter().filter(synced).count()
}

fn beginnings_of_wal(events: &[Event]) -> usize {
    let begins = |event: &&Event| matches!(event, Event::Written { name, offset: 0, .. } if name == "patchcast.sqlite3-wal");
    events.iter().filter(begins).count()
}
