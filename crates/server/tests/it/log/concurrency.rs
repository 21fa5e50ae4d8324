//! Many writers of one room, each of which loses most of its races.

use std::collections::BTreeSet;
use std::sync::Arc;

use patchcast_protocol::ids::Seq;
use patchcast_server::log::{AppendError, Log};

use super::{Subject, append, batch, payloads, read};
use crate::harness::within;

const WRITERS: usize = 50;
const APPENDS: usize = 100;

pub async fn fifty_writers_to_one_room_store_everything_once(subject: &Subject) {
    let log = subject.open("a").await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let log = subject.open("a").await;
        writers.push(tokio::spawn(async move {
            for n in 0..APPENDS {
                append_at_last(&*log, &[&format!("{writer} {n}")]).await;
            }
        }));
    }
    for writer in writers {
        within("a writer's end", writer).await.unwrap();
    }
    let all = payloads(&*log, 0).await;
    assert_eq!(all.len(), WRITERS * APPENDS);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for writer in 0..WRITERS {
        let prefix = format!("{writer} ");
        let own: Vec<_> = all
            .iter()
            .filter_map(|payload| payload.strip_prefix(&prefix))
            .collect();
        assert_eq!(own, (0..APPENDS).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

pub async fn no_other_entry_lies_within_a_batch(subject: &Subject) {
    let log = subject.open("a").await;
    let mut writers = Vec::new();
    for writer in 0..10 {
        let log = subject.open("a").await;
        writers.push(tokio::spawn(async move {
            for n in 0..20 {
                let name = format!("{writer} {n}");
                append_at_last(&*log, &[&name, &name, &name]).await;
            }
        }));
    }
    for writer in writers {
        within("a writer's end", writer).await.unwrap();
    }
    let all = payloads(&*log, 0).await;
    assert_eq!(all.len(), 600);
    for three in all.chunks(3) {
        assert!(three.iter().all(|payload| payload == &three[0]), "{three:?}");
    }
}

pub async fn a_reader_that_follows_the_head_misses_nothing(subject: &Subject) {
    let log = subject.open("a").await;
    let mut writers = Vec::new();
    for _ in 0..4 {
        let log: Arc<dyn Log> = log.clone();
        writers.push(tokio::spawn(async move {
            for _ in 0..50 {
                append_at_last(&*log, &["x", "y"]).await;
            }
        }));
    }
    let (mut seen, mut weight) = (0, 0);
    while seen < 400 {
        within("a change", log.changed(Seq(seen))).await;
        let head = log.head();
        assert!(head.seq.0 > seen && head.weight > weight, "the head moves on");
        let entries = read(&*log, seen, 10).await.unwrap();
        assert!((1..=10).contains(&entries.len()), "{}", entries.len());
        let first = entries.iter().next().unwrap();
        assert_eq!(first.seq, Seq(seen + 1));
        assert_eq!(first.payload, if seen % 2 == 0 { b"x" } else { b"y" });
        seen = entries.last().0;
        weight = seen;
    }
    for writer in writers {
        within("a writer's end", writer).await.unwrap();
    }
    assert_eq!((log.head().seq.0, log.head().weight), (400, 400));
}

/// Appends as the contract says: after a lost race, read on and try again.
async fn append_at_last(log: &dyn Log, payloads: &[&str]) {
    let mut expected = log.head().seq.0;
    loop {
        match append(log, expected, batch(payloads)).await {
            Ok(head) => {
                assert_eq!(head.seq.0, expected + payloads.len() as u64);
                return;
            }
            Err(AppendError::Conflict(head)) => {
                assert!(head.seq.0 > expected, "somebody was faster");
                let missed = read(log, expected, usize::MAX).await.unwrap();
                assert!(missed.last() >= head.seq, "what the head shows can be read");
                expected = missed.last().0;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
