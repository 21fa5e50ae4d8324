//! What is made is stored or taken back, and what is stored makes the same document again.

use patchcast_protocol::entry::Entries;
use patchcast_protocol::ids::{OpId, Seq, Timestamp};
use patchcast_protocol::value::state_hash;
use serde_json::json;

use super::room::{MAX_BYTES, Room, change, change_upon, insert, remove, set};
use super::{ANN, BEN};
use crate::document::{Answer, Bridge, FoldError, Folded, record};
use crate::limits::{CHECK_ENTRIES, RECENT_ENTRIES, SNAPSHOT_ENTRIES};

#[test]
fn what_was_not_stored_is_taken_back_to_the_letter_and_made_again_on_another_head() {
    let mut room = Room::with(&json!({ "l": ["a", "b"], "x": 1, "y": 2, "z": 3 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ben, &change(1, 1, insert(0, json!("B"))));
    let before = room.text();
    let ops = [
        change_upon(1, 1, 1, insert(1, json!("A"))),
        change_upon(
            2,
            1,
            1,
            json!([{ "op": "remove", "path": ["x"] }, { "op": "remove", "path": ["y"] }]),
        ),
        // It is refused, and so is what is made upon it: nobody knows what it does.
        change_upon(3, 1, 1, remove(9)),
        change_upon(4, 1, 1, remove(0)),
    ];
    let turn = |room: &mut Room, ann: &mut Bridge| -> Vec<_> {
        let made = ops
            .iter()
            .map(|op| room.make(ann, op).map(|accepted| accepted.payload));
        made.collect()
    };
    let first = turn(&mut room, &mut ann);
    assert_eq!(room.text(), r#"{"l":["B","a","A","b"],"z":3}"#);
    assert_eq!(room.folded.head(), Seq(4));
    room.folded.roll_back();
    ann.roll_back();
    assert_eq!((room.text(), room.folded.head()), (before, Seq(2)));
    let again = turn(&mut room, &mut ann);
    assert_eq!(again, first);
    room.folded.roll_back();
    ann.roll_back();
    // Somebody else was faster.
    room.op_as_sent(&mut ben, &change(2, 2, insert(0, json!("BB"))));
    for (op, made) in ops.iter().zip(turn(&mut room, &mut ann)) {
        assert_eq!(made.is_ok(), op.id < OpId(3), "{made:?}");
    }
    assert_eq!(room.text(), r#"{"l":["BB","B","a","A","b"],"z":3}"#);
}

#[test]
fn a_turn_may_be_longer_than_what_stays_in_memory() {
    let mut room = Room::with(&json!({ "l": [] }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    let before = room.text();
    for turn in 0..2 {
        for id in 1..=RECENT_ENTRIES as u64 + 9 {
            let made = room
                .folded
                .make(&mut ann, &change_upon(id, 1, 1, insert(0, json!(id))));
            assert!(matches!(made, Answer::Accepted(_)), "{made:?}");
        }
        let made = room.folded.make(&mut ben, &change(1, 1, insert(0, json!("B"))));
        assert!(matches!(made, Answer::Accepted(_)), "{made:?}");
        if turn == 0 {
            room.folded.roll_back();
            (ann, ben) = (Bridge::new(ANN), Bridge::new(BEN));
            assert_eq!(room.text(), before);
        }
    }
    room.folded.settle();
    assert_eq!(room.folded.head(), Seq(RECENT_ENTRIES as u64 + 11));
}

#[test]
fn a_document_is_its_snapshot_and_the_entries_after_it() {
    let mut room = Room::with(&json!({ "b": 1, "a": [1.5, "\u{1f511}"] }));
    let mut ann = Bridge::new(ANN);
    for id in 1..9 {
        let op = change(id, id, set(&format!("k{}", id % 3), json!(id)));
        room.op(&mut ann, &op).unwrap();
    }
    for snapshot in 0..=room.head().0 {
        // It compares the text.
        room = room.open_at(Seq(snapshot));
    }
}

#[test]
fn a_snapshot_that_does_not_reproduce_is_named() {
    let room = Room::with(&json!({ "a": 1 }));
    let good = String::from_utf8(record::write_snapshot(room.folded.value())).unwrap();
    let hash = state_hash(room.folded.value());
    for (bytes, expected) in [
        (good.replace(r#"{"a":1}"#, r#"{"a":2}"#), "has the hash"),
        (
            good.replace(&hash.to_string(), "0000000000000000"),
            "was stored with 0000000000000000",
        ),
        (good.replace(&hash.to_string(), "x"), "it has no hash"),
        (good.replace("state", "stat"), "missing field `state`"),
        (String::new(), "EOF"),
    ] {
        let error = Folded::open(Seq(7), bytes.as_bytes(), MAX_BYTES)
            .unwrap_err()
            .to_string();
        assert!(error.contains("entry 7") && error.contains(expected), "{error}");
    }
    // The keys may have come in another order.
    let state = json!({ "a": 1, "b": 2 });
    let bytes = format!(r#"{{"state":{{"b":2,"a":1}},"hash":"{}"}}"#, state_hash(&state));
    assert_eq!(
        Folded::open(Seq(7), bytes.as_bytes(), MAX_BYTES)
            .unwrap()
            .value()
            .to_string(),
        r#"{"b":2,"a":1}"#
    );
}

#[test]
fn an_entry_that_cannot_be_folded_is_named() {
    for (payload, expected) in [
        (
            r#"{"patches":[{"op":"remove","path":["l",5]}]}"#,
            "entry 2 does not apply",
        ),
        (
            r#"{"patches":[{"op":"replace","path":["l","length"],"value":1}]}"#,
            "entry 2 does not apply",
        ),
        (
            r#"{"patches":[{"op":"test","path":["l",5]}]}"#,
            "entry 2 is none of a document: unknown variant",
        ),
        ("[]", "entry 2 is none of a document"),
        ("", "entry 2 is none of a document"),
    ] {
        let mut room = Room::with(&json!({ "l": [1] }));
        let before = room.text();
        let mut entries = Entries::after(Seq(1));
        entries.push(ANN, OpId(1), Timestamp(1), payload.as_bytes());
        let error = room
            .folded
            .fold(&entries.iter().next().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!((room.text(), room.folded.head()), (before, Seq(1)));
        let mut bridge = Bridge::new(BEN);
        bridge.roll_back();
    }
    let mut room = Room::with(&json!({}));
    let error = room
        .folded
        .fold(&room.entries(Seq(0), Seq(1)).iter().next().unwrap())
        .unwrap_err();
    assert!(
        matches!(
            error,
            FoldError::OutOfOrder {
                seq: Seq(1),
                after: Seq(1)
            }
        ),
        "{error}"
    );
}

#[test]
fn a_document_that_was_allowed_to_be_larger_is_opened_and_can_only_shrink() {
    let mut room = Room::with(&json!({ "a": "x".repeat(1000) }));
    let mut ann = Bridge::new(ANN);
    room.op(&mut ann, &change(1, 1, set("b", json!("y".repeat(1000)))))
        .unwrap();
    let mut folded = Folded::new(100);
    for entry in room.entries(Seq(0), Seq(2)).iter() {
        folded.fold(&entry).unwrap();
    }
    assert_eq!(folded.value().to_string(), room.text());
    let mut room = Room { folded, ..room };
    let code = room.op_refused(&mut ann, &change(2, 2, set("c", json!(1))));
    assert_eq!(code, patchcast_protocol::message::RejectCode::TooLarge);
    room.op_as_sent(
        &mut ann,
        &change(3, 2, json!([{ "op": "remove", "path": ["a"] }])),
    );
}

#[test]
fn checks_and_snapshots_come_every_so_many_entries_and_only_of_what_is_stored() {
    let mut room = Room::with(&json!({}));
    let mut ann = Bridge::new(ANN);
    let (mut checks, mut snapshots) = (Vec::new(), Vec::new());
    for id in 1..=2 * SNAPSHOT_ENTRIES as u64 {
        let made = room
            .make(&mut ann, &change(id, room.head().0, set("x", json!(id))))
            .unwrap();
        assert_eq!((room.folded.check(), room.folded.snapshot()), (None, None));
        room.store(ANN, OpId(id), made);
        room.folded.settle();
        ann.settle();
        checks.extend(
            room.folded
                .check()
                .map(|hash| (room.head().0, hash == state_hash(room.folded.value()))),
        );
        snapshots.extend(room.folded.snapshot().map(|_| room.head().0));
    }
    let every = |entries: usize| (1..).map(move |n| n * entries as u64);
    assert!(checks.iter().all(|(_, same)| *same));
    assert!(
        checks
            .iter()
            .map(|(seq, _)| *seq)
            .eq(every(CHECK_ENTRIES).take(2 * SNAPSHOT_ENTRIES / CHECK_ENTRIES)),
        "{checks:?}"
    );
    assert!(
        snapshots.iter().copied().eq(every(SNAPSHOT_ENTRIES).take(2)),
        "{snapshots:?}"
    );
}
