//! What `append` promises: order, numbers, all or nothing.

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::limits::MAX_SAFE_INTEGER;
use patchcast_server::log::AppendError;

use super::{Subject, append, batch, entry, payloads, read};

pub async fn a_log_begins_empty(subject: &Subject) {
    let log = subject.open("new").await;
    assert_eq!(log.head(), Head::default());
    assert!(read(&*log, 0, usize::MAX).await.unwrap().is_empty());
}

pub async fn entries_are_numbered_from_one_in_the_order_of_their_batch(subject: &Subject) {
    let log = subject.open("a").await;
    let head = append(&*log, 0, batch(&["one", "two"])).await.unwrap();
    assert_eq!(head.seq, Seq(2));
    assert_eq!(log.head(), head);
    let head = append(&*log, 2, batch(&["three"])).await.unwrap();
    assert_eq!(head.seq, Seq(3));
    assert_eq!(log.head(), head);
    assert_eq!(payloads(&*log, 0).await, ["one", "two", "three"]);
    assert_eq!(payloads(&*log, 2).await, ["three"]);
}

pub async fn an_entry_comes_back_as_it_was_written(subject: &Subject) {
    let log = subject.open("a").await;
    let odd = [
        ([0; 12], 0, 0, vec![]),
        (
            [0xff; 12],
            MAX_SAFE_INTEGER,
            u64::MAX >> 1,
            vec![0, 0xff, 0x80, b'\n'],
        ),
        (*b"abcdefghijkl", 1, 1, "ä€😀".into()),
        ([1; 12], 2, 1, vec![b'x'; 3 << 20]),
    ];
    let written: Vec<NewEntry> = odd
        .into_iter()
        .map(|(author, op, time, payload)| NewEntry {
            author: Author(author),
            op: OpId(op),
            time: Timestamp(time),
            weight: 1,
            payload,
        })
        .collect();
    append(&*log, 0, written.clone().into()).await.unwrap();
    let entries = read(&*log, 0, usize::MAX).await.unwrap();
    assert_eq!(entries.len(), written.len());
    for (entry, written) in entries.iter().zip(&written) {
        assert_eq!(
            (entry.author, entry.op, entry.time),
            (written.author, written.op, written.time)
        );
        assert!(entry.payload == written.payload, "{}", entry.seq);
    }
}

pub async fn weights_add_up(subject: &Subject) {
    let log = subject.open("a").await;
    let weighing = |weight| NewEntry { weight, ..entry("x") };
    let head = append(&*log, 0, [weighing(5), weighing(0), weighing(1 << 40)].into()).await;
    let expected = |seq, weight| Head {
        seq: Seq(seq),
        weight,
    };
    assert_eq!(head, Ok(expected(3, 5 + (1 << 40))));
    let head = append(&*log, 3, [weighing(2)].into()).await;
    assert_eq!(head, Ok(expected(4, 7 + (1 << 40))));
    assert_eq!(log.head(), expected(4, 7 + (1 << 40)));
}

pub async fn appending_nothing_returns_the_head_and_changes_nothing(subject: &Subject) {
    let log = subject.open("a").await;
    assert_eq!(append(&*log, 0, batch(&[])).await, Ok(Head::default()));
    let head = append(&*log, 0, batch(&["one"])).await.unwrap();
    assert_eq!(append(&*log, 1, batch(&[])).await, Ok(head));
    assert_eq!(payloads(&*log, 0).await, ["one"]);
}

pub async fn a_lost_race_names_the_head_and_leaves_nothing(subject: &Subject) {
    let log = subject.open("a").await;
    let head = append(&*log, 0, batch(&["one", "two"])).await.unwrap();
    for late in [0, 1] {
        let lost = append(&*log, late, batch(&["late", "later"])).await;
        assert_eq!(lost, Err(AppendError::Conflict(head)));
    }
    assert_eq!(log.head(), head);
    // As the contract says: read what lies after the expected head, then try again.
    assert_eq!(payloads(&*log, 1).await, ["two"]);
    append(&*log, 2, batch(&["late", "later"])).await.unwrap();
    assert_eq!(payloads(&*log, 0).await, ["one", "two", "late", "later"]);
}

pub async fn a_head_that_is_still_to_come_is_a_lost_race_too(subject: &Subject) {
    let log = subject.open("a").await;
    let early = append(&*log, 1, batch(&["early"])).await;
    assert_eq!(early, Err(AppendError::Conflict(Head::default())));
    let head = append(&*log, 0, batch(&["one"])).await.unwrap();
    let early = append(&*log, u64::MAX, batch(&["early"])).await;
    assert_eq!(early, Err(AppendError::Conflict(head)));
    assert_eq!(payloads(&*log, 0).await, ["one"]);
}

pub async fn two_openings_see_each_others_appends(subject: &Subject) {
    // Both are opened before the room exists, and a third when it does.
    let (first, second) = (subject.open("a").await, subject.open("a").await);
    let head = append(&*first, 0, batch(&["one"])).await.unwrap();
    assert_eq!(second.head(), head);
    let head = append(&*second, 1, batch(&["two"])).await.unwrap();
    assert_eq!(first.head(), head);
    let third = subject.open("a").await;
    assert_eq!(third.head(), head);
    let lost = append(&*third, 1, batch(&["late"])).await;
    assert_eq!(lost, Err(AppendError::Conflict(head)));
    append(&*third, 2, batch(&["three"])).await.unwrap();
    for log in [first, second, third] {
        assert_eq!(payloads(&*log, 0).await, ["one", "two", "three"]);
    }
}

pub async fn rooms_are_isolated_by_name_and_by_dialect(subject: &Subject) {
    let names = ["", "a", "A", "a/b", "a-b", "b"];
    let mut logs = Vec::new();
    for name in names {
        for dialect in Dialect::ALL {
            logs.push((format!("{dialect} {name}"), subject.open_as(dialect, name).await));
        }
    }
    for (id, log) in &logs {
        append(&**log, 0, batch(&[id])).await.unwrap();
    }
    for (id, log) in &logs {
        assert_eq!(log.head().seq, Seq(1));
        assert_eq!(&payloads(&**log, 0).await, std::slice::from_ref(id));
    }
}

pub async fn a_room_that_was_closed_is_found_again(subject: &Subject) {
    let unwritten = subject.open("b").await;
    drop(unwritten);
    let mut head = Head::default();
    for round in 0..5 {
        let log = subject.open("a").await;
        assert_eq!(log.head(), head);
        head = append(&*log, round, batch(&["x"])).await.unwrap();
    }
    let log = subject.open("a").await;
    assert_eq!(payloads(&*log, 0).await, ["x"; 5]);
    assert_eq!(subject.open("b").await.head(), Head::default());
}
