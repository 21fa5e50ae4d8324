//! What `save` promises: the newest snapshot is there for good, and forgetting takes only what lies before it.

use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{OpId, Seq};
use patchcast_server::log::{AppendError, Log, ReadError, Snapshot};

use super::{ANN, Subject, append, batch, entry, op, payloads, read};
use crate::harness::within;

async fn snapshot(log: &dyn Log) -> Option<(u64, Vec<u8>)> {
    let found = within("a snapshot", log.snapshot()).await.unwrap();
    found.map(|snapshot| (snapshot.seq.0, snapshot.state.to_vec()))
}

async fn save(
    log: &dyn Log,
    seq: u64,
    state: impl Into<Vec<u8>>,
    forget: Option<u64>,
) -> Result<(), AppendError> {
    let snapshot = Snapshot {
        seq: Seq(seq),
        state: state.into().into(),
    };
    within("saving", log.save(snapshot, forget.map(Seq))).await
}

/// A log with the entries `1` to `count`, each appended for itself.
async fn counted(log: &dyn Log, count: u64) -> Head {
    let mut head = log.head();
    for n in head.seq.0..count {
        head = append(log, n, batch(&[&(n + 1).to_string()])).await.unwrap();
    }
    head
}

async fn forgotten(log: &dyn Log, after: u64) -> Seq {
    match read(log, after, usize::MAX).await {
        Err(ReadError::Forgotten { first }) => first,
        other => panic!("after {after}: {other:?}"),
    }
}

pub async fn a_snapshot_comes_back_as_it_was_saved(subject: &Subject) {
    let (log, other) = (subject.open("a").await, subject.open("a").await);
    assert_eq!(snapshot(&*log).await, None, "nobody has written to the room");
    counted(&*log, 3).await;
    assert_eq!(snapshot(&*log).await, None);
    for state in [vec![], vec![0, 0xff, b'\n'], vec![b'x'; 3 << 20], "ä€😀".into()] {
        save(&*log, 2, state.clone(), None).await.unwrap();
        for log in [&log, &other, &subject.open("a").await] {
            assert!(snapshot(&**log).await == Some((2, state.clone())));
        }
        let again = subject.after_a_crash();
        assert!(snapshot(&*again.open("a").await).await == Some((2, state)));
    }
    assert_eq!(
        payloads(&*log, 0).await,
        ["1", "2", "3"],
        "nothing was to be forgotten"
    );
    assert_eq!(log.first(), Seq(1));
}

pub async fn a_newer_snapshot_takes_the_place_of_an_older_one_and_not_the_other_way_round(subject: &Subject) {
    let log = subject.open("a").await;
    counted(&*log, 5).await;
    save(&*log, 2, "two", None).await.unwrap();
    save(&*log, 4, "four", Some(1)).await.unwrap();
    assert_eq!(snapshot(&*log).await, Some((4, "four".into())));
    save(&*log, 3, "three", Some(3)).await.unwrap();
    assert_eq!(snapshot(&*log).await, Some((4, "four".into())));
    assert_eq!(log.first(), Seq(2), "what the older one would forget is kept");
    save(&*log, 4, "four again", None).await.unwrap();
    assert_eq!(snapshot(&*log).await, Some((4, "four again".into())));
    assert_eq!(log.first(), Seq(2), "what is forgotten stays so");
}

pub async fn a_snapshot_of_what_is_not_there_is_refused(subject: &Subject) {
    let log = subject.open("a").await;
    let refused = async |seq| {
        let refused = save(&*log, seq, "x", Some(seq)).await;
        assert!(
            matches!(refused, Err(AppendError::Refused(_))),
            "{seq}: {refused:?}"
        );
    };
    refused(0).await;
    refused(1).await;
    counted(&*log, 2).await;
    refused(0).await;
    refused(3).await;
    refused(u64::MAX).await;
    assert_eq!(snapshot(&*log).await, None);
    assert_eq!(payloads(&*log, 0).await, ["1", "2"]);
}

pub async fn rooms_have_snapshots_and_gaps_of_their_own(subject: &Subject) {
    let (a, b) = (subject.open("a").await, subject.open("b").await);
    counted(&*a, 3).await;
    counted(&*b, 3).await;
    save(&*a, 3, "of a", Some(2)).await.unwrap();
    assert_eq!(snapshot(&*b).await, None);
    assert_eq!(payloads(&*b, 0).await, ["1", "2", "3"]);
    save(&*b, 1, "of b", None).await.unwrap();
    assert_eq!(snapshot(&*a).await, Some((3, "of a".into())));
    assert_eq!((a.first(), b.first()), (Seq(3), Seq(1)));
}

pub async fn what_is_forgotten_changes_neither_numbers_nor_head_nor_epoch(subject: &Subject) {
    let log = subject.open("a").await;
    assert_eq!(log.first(), Seq(1));
    let head = counted(&*log, 9).await;
    save(&*log, 7, "seven", Some(5)).await.unwrap();
    let check = async |log: &dyn Log| {
        assert_eq!((log.first(), log.head()), (Seq(6), head));
        for after in 0..5 {
            assert_eq!(forgotten(log, after).await, Seq(6));
        }
        assert_eq!(payloads(log, 5).await, ["6", "7", "8", "9"]);
        assert_eq!(payloads(log, 8).await, ["9"]);
        assert!(read(log, 9, 10).await.unwrap().is_empty());
        assert_eq!(read(log, 10, 10).await, Err(ReadError::Ahead(head)));
    };
    check(&*log).await;
    check(&*subject.open("a").await).await;
    let again = subject.after_a_crash();
    let reopened = again.open("a").await;
    assert_eq!(reopened.epoch(), log.epoch());
    check(&*reopened).await;
    let after = append(&*reopened, 9, [entry("ten")].into()).await.unwrap();
    assert_eq!((after.seq, after.weight), (Seq(10), head.weight + 3));
    assert_eq!(payloads(&*reopened, 8).await, ["9", "ten"]);
    // And on from there.
    save(&*reopened, 9, "nine", Some(8)).await.unwrap();
    let again = again.after_a_crash();
    let reopened = again.open("a").await;
    assert_eq!(
        (reopened.first(), forgotten(&*reopened, 7).await),
        (Seq(9), Seq(9))
    );
    assert_eq!(snapshot(&*reopened).await, Some((9, "nine".into())));
    assert_eq!(payloads(&*reopened, 8).await, ["9", "ten"]);
}

pub async fn neither_the_newest_entry_nor_one_after_the_snapshot_is_forgotten(subject: &Subject) {
    let log = subject.open("a").await;
    let head = counted(&*log, 4).await;
    save(&*log, 2, "two", Some(4)).await.unwrap();
    assert_eq!(log.first(), Seq(3));
    save(&*log, 4, "four", Some(u64::MAX)).await.unwrap();
    assert_eq!(log.first(), Seq(4));
    let again = subject.after_a_crash();
    let reopened = again.open("a").await;
    assert_eq!((reopened.first(), reopened.head()), (Seq(4), head));
    assert_eq!(payloads(&*reopened, 3).await, ["4"]);
}

pub async fn of_what_was_appended_together_all_that_was_not_to_be_forgotten_is_kept(subject: &Subject) {
    let log = subject.open("a").await;
    append(&*log, 0, batch(&["1", "2", "3", "4", "5"])).await.unwrap();
    append(&*log, 5, batch(&["6", "7", "8"])).await.unwrap();
    for (forget, at_least) in [(2, 1), (5, 6), (6, 6), (8, 6)] {
        save(&*log, 8, "eight", Some(forget)).await.unwrap();
        let first = log.first().0;
        assert!(
            (at_least..=forget + 1).contains(&first),
            "up to {forget}: {first}"
        );
        let kept = payloads(&*log, first - 1).await;
        assert_eq!(kept, (first..=8).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

pub async fn ops_of_forgotten_entries_are_known_for_good(subject: &Subject) {
    let log = subject.open("a").await;
    for n in 1..=6 {
        append(&*log, n - 1, [op(ANN, 10 * n)].into()).await.unwrap();
    }
    save(&*log, 6, "six", Some(4)).await.unwrap();
    assert_eq!(log.first(), Seq(5));
    let again = subject.after_a_crash();
    for log in [&log, &again.open("a").await] {
        for (at_most, expected) in [
            (9, None),
            (10, Some((10, 1))),
            (49, Some((40, 4))),
            (99, Some((60, 6))),
        ] {
            let found = log.last_op(ANN, OpId(at_most)).await.unwrap();
            assert_eq!(found.map(|(op, seq)| (op.0, seq.0)), expected, "up to {at_most}");
        }
        for known in [10, 40, 60] {
            let refused = append(&**log, 6, [op(ANN, known)].into()).await;
            assert!(
                matches!(refused, Err(AppendError::Refused(_))),
                "{known}: {refused:?}"
            );
        }
    }
}

pub async fn a_reader_behind_what_is_being_forgotten_is_told_so_or_misses_nothing(subject: &Subject) {
    const ENTRIES: u64 = 300;
    let (writer, reader) = (subject.open("a").await, subject.open("a").await);
    let heavy = |n: u64| NewEntry {
        weight: 1,
        ..entry(format!("{n} {}", "x".repeat(2_000)))
    };
    append(&*writer, 0, (1..=ENTRIES).map(heavy).collect())
        .await
        .unwrap();
    let reading = tokio::spawn(async move {
        let (mut after, mut told) = (0, 0);
        while after < ENTRIES {
            match read(&*reader, after, 5_000).await {
                Ok(entries) => {
                    for entry in entries.iter() {
                        after += 1;
                        let number = format!("{after} ");
                        assert!(entry.payload.starts_with(number.as_bytes()), "{after}");
                    }
                }
                Err(ReadError::Forgotten { first }) => {
                    assert!(first.0 > after + 1, "{first} after {after}");
                    (after, told) = (first.0 - 1, told + 1);
                }
                Err(error) => panic!("{error}"),
            }
        }
        told
    });
    for n in (5..ENTRIES).step_by(5) {
        save(&*writer, n, "x", Some(n)).await.unwrap();
    }
    within("the reader's end", reading).await.unwrap();
    assert!(writer.first() > Seq(ENTRIES / 2), "{}", writer.first());
}
