//! What `read` and `changed` promise: in order, without a gap, within the bound, and no wait for ever.

use std::task::Poll;

use patchcast_protocol::entry::ENTRY_BYTES;
use patchcast_protocol::ids::Seq;
use patchcast_server::log::{Log, ReadError};

use super::{Subject, append, batch, read};
use crate::harness::within;

pub async fn a_read_ends_where_the_next_entry_would_exceed_the_bound(subject: &Subject) {
    let log = subject.open("a").await;
    append(&*log, 0, batch(&["aaa", "bb", "", "c", "dddd"]))
        .await
        .unwrap();
    let count = async |after, max_bytes| read(&*log, after, max_bytes).await.unwrap().len();
    // What is counted is payload, to the byte, and the same for each entry.
    for (entries, payload, expected) in [
        (1, 3, 1),
        (2, 4, 1),
        (2, 5, 2),
        (3, 5, 3),
        (4, 6, 4),
        (5, 9, 4),
        (5, 10, 5),
    ] {
        let max_bytes = entries * ENTRY_BYTES + payload;
        assert_eq!(
            count(0, max_bytes).await,
            expected,
            "{entries} entries, {payload} bytes"
        );
    }
    assert_eq!(count(0, usize::MAX).await, 5);
    assert_eq!(count(1, 2 * ENTRY_BYTES + 2).await, 2);
}

pub async fn a_read_gives_one_entry_however_long_it_is(subject: &Subject) {
    let log = subject.open("a").await;
    append(&*log, 0, batch(&["aaa", "bb"])).await.unwrap();
    for max_bytes in [0, 1, 2] {
        let entries = read(&*log, 0, max_bytes).await.unwrap();
        assert_eq!((entries.len(), entries.last()), (1, Seq(1)));
    }
    // So bounded reads, one after the other, come to the end.
    let mut after = 0;
    while log.head().seq > Seq(after) {
        after = read(&*log, after, 0).await.unwrap().last().0;
    }
    assert_eq!(after, 2);
}

pub async fn a_read_from_the_head_is_empty_and_from_beyond_it_is_ahead(subject: &Subject) {
    let log = subject.open("a").await;
    let head = log.head();
    assert_eq!(read(&*log, 1, 10).await, Err(ReadError::Ahead(head)));
    let head = append(&*log, 0, batch(&["one", "two"])).await.unwrap();
    let none = read(&*log, 2, 10).await.unwrap();
    assert_eq!((none.len(), none.last()), (0, Seq(2)));
    for beyond in [3, 1 << 40, u64::MAX] {
        assert_eq!(read(&*log, beyond, 10).await, Err(ReadError::Ahead(head)));
    }
}

pub async fn changed_resolves_when_the_head_lies_beyond_what_was_seen(subject: &Subject) {
    let log = subject.open("a").await;
    assert!(!is_ready(&*log, 0).await);
    append(&*log, 0, batch(&["one", "two"])).await.unwrap();
    assert!(is_ready(&*log, 0).await, "it has changed already");
    assert!(is_ready(&*log, 1).await);
    assert!(!is_ready(&*log, 2).await);
    // A lost race and an empty append are no change.
    append(&*log, 0, batch(&["late"])).await.unwrap_err();
    append(&*log, 2, batch(&[])).await.unwrap();
    assert!(!is_ready(&*log, 2).await);
    let ((), appended) = tokio::join!(
        within("a change", log.changed(Seq(2))),
        append(&*log, 2, batch(&["three"]))
    );
    assert_eq!(appended.unwrap(), log.head());
}

pub async fn a_change_is_seen_through_every_opening(subject: &Subject) {
    let (writer, reader) = (subject.open("a").await, subject.open("a").await);
    let following = tokio::spawn(async move {
        let mut seen = 0;
        while seen < 100 {
            within("a change", reader.changed(Seq(seen))).await;
            let head = reader.head().seq.0;
            assert!(head > seen);
            // Whatever the head shows can be read, and by now perhaps more.
            let entries = read(&*reader, seen, usize::MAX).await.unwrap();
            assert!(entries.last() >= Seq(head), "{}", entries.last());
            seen = head;
        }
    });
    for n in 0..100 {
        append(&*writer, n, batch(&["x"])).await.unwrap();
    }
    within("the reader's end", following).await.unwrap();
}

/// Whether `changed` resolves when it is asked once.
async fn is_ready(log: &dyn Log, seen: u64) -> bool {
    let mut changed = log.changed(Seq(seen));
    std::future::poll_fn(|context| Poll::Ready(changed.as_mut().poll(context).is_ready())).await
}
