//! What `last_op` promises: an author's ops are known for good.

use patchcast_protocol::ids::{Author, OpId, Seq};
use patchcast_protocol::limits::MAX_SAFE_INTEGER;
use patchcast_server::log::{AppendError, Log};

use super::{ANN, Subject, append, batch, entry, op, payloads};
use crate::harness::within;

const BOB: Author = Author([8; 12]);

/// The last op up to `at_most`, as `(id, seq)`.
async fn last_op(log: &dyn Log, author: Author, at_most: u64) -> Option<(u64, u64)> {
    let found = within("a look for an op", log.last_op(author, OpId(at_most))).await;
    found.unwrap().map(|(op, seq)| (op.0, seq.0))
}

pub async fn an_op_is_found_by_its_author_and_an_id_at_or_above_its_own(subject: &Subject) {
    let log = subject.open("a").await;
    assert_eq!(last_op(&*log, ANN, u64::MAX).await, None, "the room is empty");
    let entries = [
        entry("x"),
        op(ANN, 5),
        entry("y"),
        op(ANN, 9),
        op(ANN, MAX_SAFE_INTEGER),
    ];
    append(&*log, 0, entries.into()).await.unwrap();
    for (at_most, expected) in [
        (0, None),
        (4, None),
        (5, Some((5, 2))),
        (8, Some((5, 2))),
        (9, Some((9, 4))),
        (10, Some((9, 4))),
        (MAX_SAFE_INTEGER - 1, Some((9, 4))),
        (MAX_SAFE_INTEGER, Some((MAX_SAFE_INTEGER, 5))),
        (u64::MAX, Some((MAX_SAFE_INTEGER, 5))),
    ] {
        assert_eq!(last_op(&*log, ANN, at_most).await, expected, "up to {at_most}");
    }
}

pub async fn an_op_is_found_as_soon_as_its_append_has_returned(subject: &Subject) {
    let (writer, other) = (subject.open("a").await, subject.open("a").await);
    for n in 1..=200 {
        append(&*writer, n - 1, [op(ANN, 10 * n)].into()).await.unwrap();
        assert_eq!(last_op(&*other, ANN, u64::MAX).await, Some((10 * n, n)));
        assert_eq!(last_op(&*writer, ANN, 10 * n).await, Some((10 * n, n)));
    }
}

pub async fn authors_and_rooms_have_ids_of_their_own(subject: &Subject) {
    let (a, b) = (subject.open("a").await, subject.open("b").await);
    append(&*a, 0, [op(ANN, 1), op(BOB, 1), op(BOB, 2)].into())
        .await
        .unwrap();
    append(&*b, 0, [entry("x"), op(ANN, 1)].into()).await.unwrap();
    assert_eq!(last_op(&*a, ANN, 9).await, Some((1, 1)));
    assert_eq!(last_op(&*a, BOB, 9).await, Some((2, 3)));
    assert_eq!(last_op(&*a, BOB, 1).await, Some((1, 2)));
    assert_eq!(last_op(&*b, ANN, 9).await, Some((1, 2)));
    assert_eq!(last_op(&*b, BOB, 9).await, None);
    // Authors are neighbours in an index.
    for author in [Author([0; 12]), Author([9; 12]), Author([0xff; 12])] {
        assert_eq!(last_op(&*a, author, u64::MAX).await, None, "{author}");
    }
}

pub async fn ops_are_found_ten_thousand_ops_later_and_after_a_crash(subject: &Subject) {
    const OPS: u64 = 10_000;
    let log = subject.open("a").await;
    append(&*log, 0, [op(BOB, 3)].into()).await.unwrap();
    let mut head = 1;
    for first in (1..=OPS).step_by(500) {
        let ops = (first..first + 500).map(|n| op(ANN, 2 * n));
        head = append(&*log, head, ops.collect()).await.unwrap().seq.0;
    }
    let check = async |log: &dyn Log| {
        assert_eq!(last_op(log, BOB, u64::MAX).await, Some((3, 1)));
        assert_eq!(last_op(log, ANN, u64::MAX).await, Some((2 * OPS, 1 + OPS)));
        for n in [1, 2, 499, 500, 501, 5_000, OPS] {
            assert_eq!(last_op(log, ANN, 2 * n).await, Some((2 * n, 1 + n)));
            assert_eq!(last_op(log, ANN, 2 * n + 1).await, Some((2 * n, 1 + n)));
        }
        assert_eq!(last_op(log, ANN, 1).await, None);
    };
    check(&*log).await;
    let again = subject.after_a_crash();
    let reopened = again.open("a").await;
    check(&*reopened).await;
    append(&*reopened, head, [op(BOB, 4)].into()).await.unwrap();
    assert_eq!(last_op(&*reopened, BOB, u64::MAX).await, Some((4, head + 1)));
}

pub async fn an_op_that_is_there_already_is_refused(subject: &Subject) {
    let log = subject.open("a").await;
    let head = append(&*log, 0, [op(ANN, 1)].into()).await.unwrap();
    for batch in [
        vec![op(ANN, 1)],
        vec![op(ANN, 2), op(ANN, 1)],
        vec![op(BOB, 1), op(BOB, 1)],
    ] {
        let refused = append(&*log, 1, batch.into()).await;
        assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    }
    assert_eq!(log.head(), head);
    assert_eq!(last_op(&*log, ANN, 9).await, Some((1, 1)));
    assert_eq!(last_op(&*log, BOB, 9).await, None);
    // Entries that are no ops have nothing that could be there already.
    append(&*log, 1, batch(&["x", "x"])).await.unwrap();
    append(&*log, 3, [op(ANN, 2)].into()).await.unwrap();
    assert_eq!(payloads(&*log, 0).await, ["1", "x", "x", "2"]);
    assert_eq!(log.head().seq, Seq(4));
}
