//! Ops that are older than what their connection or the memory knows.

use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::message::{Change, RejectCode};
use serde_json::json;

use super::room::{Room, change, change_upon, insert, remove, set};
use super::{ANN, BEN};
use crate::document::record::{SentHash, sent_hash};
use crate::document::{Answer, Bridge};
use crate::limits::{MAX_BEHIND, RECENT_ENTRIES};

#[test]
fn an_op_that_is_older_than_the_memory_is_carried_over_what_the_log_has() {
    let mut room = Room::with(&json!({ "l": ["x", "y"] }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    let entries = RECENT_ENTRIES as u64 + 100;
    for id in 1..=entries {
        room.op_as_sent(&mut ben, &change(id, id, insert(0, json!(id))));
    }
    let made = room.op(&mut ann, &change_upon(1, 1, 1, remove(1))).unwrap();
    assert_eq!(made["patches"], remove(entries as usize + 1));
    // As many reads as what is not in memory takes, seven at a time; and none for what comes behind it.
    let reads = room.reads;
    assert_eq!(reads, 100_usize.div_ceil(7));
    let made = room.op(&mut ann, &change_upon(2, 1, 1, remove(0))).unwrap();
    assert_eq!(made["patches"], remove(entries as usize));
    room.op(&mut ann, &change_upon(3, 50, 1, set("n", json!(1))))
        .unwrap();
    assert_eq!(room.reads, reads);
    // Another connection reads for itself.
    let mut ann = Bridge::new(ANN);
    let made = room.op(&mut ann, &change(4, 1, insert(2, json!("z")))).unwrap();
    assert_eq!(made["patches"], insert(entries as usize, json!("z")));
}

#[test]
fn an_op_is_made_upon_own_ones_that_are_in_the_log_already() {
    // A reload: the client has kept what it has sent, and nothing else. Its first two were stored, and it never heard of it.
    for snapshot in 1..=5 {
        let mut room = Room::with(&json!({ "l": ["a", "b", "c"] }));
        let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
        let [one, two, three] = [
            change_upon(1, 1, 1, insert(1, json!("A"))),
            change_upon(2, 1, 1, json!([{ "op": "move", "path": ["l", 0], "from": 1 }])),
            change_upon(3, 1, 1, insert(1, json!("C"))),
        ];
        room.op_as_sent(&mut ben, &change(1, 1, remove(0)));
        room.op(&mut ann, &one).unwrap();
        room.op_as_sent(&mut ben, &change(2, 3, insert(0, json!("B"))));
        room.op(&mut ann, &two).unwrap();
        let mut room = room.open_at(Seq(snapshot));
        let mut expected = Room::with(&json!(null));
        (expected.log, expected.folded) = (room.log.clone(), room.open_again());
        let live = expected.op(&mut ann, &three).unwrap();
        assert_eq!(room.op(&mut Bridge::new(ANN), &three).unwrap(), live);
        assert_eq!(room.text(), expected.text());
    }
}

#[test]
fn own_ops_are_replayed_from_where_nothing_was_under_way() {
    let mut room = Room::with(&json!({ "l": [] }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    // Ann never waits: when she sends an op, she has heard of all but the two before it.
    for id in 1..=40 {
        room.op(&mut ben, &change(id, 2 * id - 1, insert(0, json!("B"))))
            .unwrap();
        let (base, upon) = match id {
            1..=2 => (1, 1),
            _ => (2 * id - 3, id - 2),
        };
        room.op(&mut ann, &change_upon(id, base, upon, insert(0, json!(id))))
            .unwrap();
    }
    let last = change_upon(41, 77, 39, remove(0));
    let mut room = room.open_at(Seq(81));
    let mut other = Room::with(&json!(null));
    (other.log, other.folded) = (room.log.clone(), room.open_again());
    let live = other.op(&mut ann, &last).unwrap();
    assert_eq!(room.op(&mut Bridge::new(ANN), &last).unwrap(), live);
    assert_eq!(room.text(), other.text());
    // It begins at the second, and reads that once: all but the three entries that it had read for nothing.
    assert_eq!(room.reads, 80_usize.div_ceil(7) + 1);
}

#[test]
fn what_was_made_upon_a_refused_op_cannot_be_told_from_the_log() {
    let mut room = Room::with(&json!({ "l": ["a"], "x": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ben, &change(1, 1, set("x", json!(2))));
    let strict = Change {
        strict: true,
        ..change_upon(1, 1, 1, set("x", json!(3)))
    };
    assert_eq!(room.op_refused(&mut ann, &strict), RejectCode::Conflict);
    room.op(&mut ann, &change_upon(2, 1, 1, insert(0, json!("A"))))
        .unwrap();
    let third = change_upon(3, 1, 1, insert(0, json!("AA")));
    assert_eq!(
        room.op_refused(&mut Bridge::new(ANN), &third),
        RejectCode::DoesNotApply
    );
    // What it was rebased to is made.
    room.op(&mut Bridge::new(ANN), &change(4, 3, insert(0, json!("AA"))))
        .unwrap();
    assert_eq!(room.text(), r#"{"l":["AA","A","a"],"x":2}"#);
}

#[test]
fn an_op_that_is_too_far_behind_is_refused() {
    let mut room = Room::with(&json!({ "n": 0 }));
    let mut ann = Bridge::new(ANN);
    let entries = MAX_BEHIND as usize + 1;
    let payload = br#"{"patches":[]}"#;
    let mut log = patchcast_protocol::entry::Entries::after(Seq(1));
    for id in 1..=entries {
        log.push(
            BEN,
            OpId(id as u64),
            patchcast_protocol::ids::Timestamp(1),
            payload,
        );
    }
    for entry in log.iter() {
        room.folded.fold(&entry).unwrap();
    }
    let Answer::Refused(refused) = room.folded.make(&mut ann, &change(1, 1, set("n", json!(1)))) else {
        panic!("it was not refused");
    };
    assert_eq!(refused.code, RejectCode::BaseForgotten);
    let near = room.folded.make(&mut ann, &change(2, 2, set("n", json!(1))));
    assert!(matches!(near, Answer::Missing { after: Seq(2) }), "{near:?}");
    // And so is one that the log does not go back to.
    let refused = room.folded.refuse_forgotten(&mut ann, OpId(2));
    assert_eq!(
        (refused.code, refused.after),
        (RejectCode::BaseForgotten, room.folded.head())
    );
    let upon = room
        .folded
        .make(&mut ann, &change_upon(3, 60_000, 2, set("n", json!(1))));
    assert!(
        matches!(&upon, Answer::Refused(refused) if refused.code == RejectCode::DoesNotApply),
        "{upon:?}"
    );
    let head = room.folded.head().0;
    let made = room.folded.make(&mut ann, &change(4, head, set("n", json!(1))));
    assert!(matches!(made, Answer::Accepted(_)), "{made:?}");
}

#[test]
fn an_op_that_changes_much_may_be_less_far_behind() {
    let mut room = Room::with(&json!({ "l": (0..5000).collect::<Vec<_>>(), "n": 0 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    for id in 1..=1000 {
        room.op_as_sent(&mut ben, &change(id, id, set("n", json!(id))));
    }
    let cut = |id, base| {
        change(
            id,
            base,
            json!([{ "op": "replace", "path": ["l", "length"], "value": 0 }]),
        )
    };
    let code = room.op_refused(&mut ann, &cut(1, 1));
    assert_eq!(code, RejectCode::BaseForgotten);
    room.op(&mut ann, &cut(2, 901)).unwrap();
    assert_eq!(room.text(), r#"{"l":[],"n":1000}"#);
}

#[test]
fn an_op_that_is_sent_again_is_told_from_another_one_by_its_hash() {
    let mut room = Room::with(&json!({}));
    let mut ann = Bridge::new(ANN);
    let op = change(1, 1, set("x", json!(1)));
    room.op(&mut ann, &op).unwrap();
    let payload = &room.log[1].payload;
    assert_eq!(sent_hash(payload), Some(SentHash::of(&op)));
    assert_ne!(
        sent_hash(payload),
        Some(SentHash::of(&change(1, 1, set("x", json!(2)))))
    );
}
