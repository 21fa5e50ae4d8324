//! Ops that are not made, and those that were made upon them.

use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::limits::MAX_DOCUMENT_DEPTH;
use patchcast_protocol::message::{Change, RejectCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::room::{MAX_BYTES, Room, change, change_upon, insert, remove, set};
use super::{ANN, BEN};
use crate::document::{Bridge, Folded};
use crate::limits::{MAX_BEHIND_BYTES, MAX_INVERSE_BYTES};

#[test]
fn what_is_wrong_with_an_op_is_said_by_a_code_a_path_and_a_reason() {
    let mut room = Room::with(&json!({ "l": [1] }));
    let deep = (0..MAX_DOCUMENT_DEPTH).fold(json!(1), |inner, _| json!([inner]));
    let patch = |patch: Value| json!([patch]);
    for (id, base, patches, code, path, reason) in [
        (1, 2, json!([]), RejectCode::BaseAhead, None, "no entry 2 yet"),
        (2, 1, json!({}), RejectCode::BadPatches, None, "invalid type: map"),
        (
            3,
            1,
            json!([{ "op": "test", "path": [] }]),
            RejectCode::BadPatches,
            None,
            "unknown variant `test`",
        ),
        (
            4,
            1,
            patch(json!({ "op": "add", "path": ["l", 2], "value": 1 })),
            RejectCode::DoesNotApply,
            Some(json!(["l", 2])),
            "index-out-of-range",
        ),
        (
            5,
            1,
            set("a", json!({ "__proto__": 1 })),
            RejectCode::DoesNotApply,
            Some(json!(["a"])),
            "reserved-key",
        ),
        (
            6,
            1,
            set("a", deep),
            RejectCode::TooDeep,
            Some(json!(["a"])),
            "deeper than",
        ),
        (
            7,
            1,
            set("a", json!("x".repeat(MAX_BYTES))),
            RejectCode::TooLarge,
            Some(json!([])),
            "may have",
        ),
        (
            8,
            1,
            patch(json!({ "op": "replace", "path": [], "value": {} })),
            RejectCode::ResetNeeded,
            None,
            "say that it means to",
        ),
    ] {
        let before = room.text();
        let refused = room
            .op(&mut Bridge::new(ANN), &change(id, base, patches))
            .unwrap_err();
        assert_eq!((refused.code, refused.after), (code, Seq(1)), "{id}");
        assert_eq!(refused.path.map(|path| json!(path)), path, "{id}");
        assert!(refused.reason.contains(reason), "{}", refused.reason);
        assert_eq!(room.text(), before);
    }
}

#[test]
fn an_op_upon_a_refused_one_is_made_without_it() {
    let mut room = Room::with(&json!({ "l": ["a", "b", "c"], "x": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ben, &change(1, 1, set("x", json!(2))));
    let strict = |change| Change {
        strict: true,
        ..change
    };
    // The second of three conflicts, and the third was made upon it.
    room.op(&mut ann, &change_upon(1, 1, 1, insert(0, json!("1"))))
        .unwrap();
    let both = json!([
        { "op": "add", "path": ["l", 1], "value": "2" },
        { "op": "replace", "path": ["x"], "value": 3 },
    ]);
    let code = room.op_refused(&mut ann, &strict(change_upon(2, 1, 1, both)));
    assert_eq!(code, RejectCode::Conflict);
    room.op(&mut ann, &change_upon(3, 1, 1, insert(2, json!("3"))))
        .unwrap();
    assert_eq!(room.text(), r#"{"l":["1","3","a","b","c"],"x":2}"#);
    // What it changes of the refused one goes with that.
    let edit = json!([{ "op": "replace", "path": ["l", 1], "value": "2!" }]);
    let made = room.op(&mut ann, &change_upon(4, 1, 1, edit)).unwrap();
    assert_eq!(
        made["patches"],
        json!([{ "op": "add", "path": ["l", 1], "value": "2!" }])
    );
    // She hears of the first and of the refusal while the rest is under way: her list is 1, 3, 2!, a, b, c.
    assert_eq!(room.text(), r#"{"l":["1","2!","3","a","b","c"],"x":2}"#);
    room.op(&mut ann, &change_upon(5, 3, 3, remove(3))).unwrap();
    assert_eq!(room.text(), r#"{"l":["1","2!","3","b","c"],"x":2}"#);
}

#[test]
fn a_strict_op_is_refused_where_it_conflicts_and_not_where_it_is_only_shifted() {
    let mut room = Room::with(&json!({ "l": ["a", "b"], "x": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    let strict = |id, patches| Change {
        strict: true,
        ..change(id, 1, patches)
    };
    room.op_as_sent(&mut ben, &change(1, 1, insert(0, json!("B"))));
    room.op_as_sent(&mut ben, &change(2, 2, set("x", json!(2))));
    let made = room.op(&mut ann, &strict(1, remove(1))).unwrap();
    assert_eq!(made["outcome"], "transformed");
    // Who does the same has not done it, either.
    let refused = room.op(&mut ann, &strict(2, set("x", json!(2)))).unwrap_err();
    assert_eq!((refused.code, refused.path), (RejectCode::Conflict, None));
    let refused = room.op(&mut ann, &strict(3, set("x", json!(3)))).unwrap_err();
    assert_eq!(refused.code, RejectCode::Conflict);
    assert_eq!(json!(refused.path), json!(["x"]));
    assert!(refused.reason.contains("entry 3"), "{}", refused.reason);
}

#[test]
fn the_whole_document_is_replaced_by_those_who_say_so() {
    let mut room = Room::with(&json!({ "a": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    let all = |value: Value| json!([{ "op": "replace", "path": [], "value": value }]);
    let code = room.op_refused(&mut ann, &change(1, 1, all(json!({ "b": 1 }))));
    assert_eq!(code, RejectCode::ResetNeeded);
    // What was made upon it is absorbed with it.
    let made = room
        .op(&mut ann, &change_upon(2, 1, 1, set("b", json!(2))))
        .unwrap();
    assert_eq!(made["outcome"], "absorbed");
    let reset = Change {
        reset: true,
        ..change(3, 2, all(json!({ "c": 1 })))
    };
    room.op_as_sent(&mut ann, &reset);
    let made = room.op(&mut ben, &change(1, 1, set("a", json!(2)))).unwrap();
    assert_eq!(made["outcome"], "absorbed");
    assert_eq!(room.text(), r#"{"c":1}"#);
}

#[test]
fn nothing_is_made_upon_an_op_of_which_nobody_knows_what_it_does() {
    let unreadable = |id| change_upon(id, 1, 1, json!([{ "op": "remove", "path": ["l", 5] }]));
    let mut room = Room::with(&json!({ "l": ["a"] }));
    let mut ann = Bridge::new(ANN);
    room.op(&mut ann, &change_upon(1, 1, 1, insert(0, json!(1))))
        .unwrap();
    assert_eq!(
        room.op_refused(&mut ann, &unreadable(2)),
        RejectCode::DoesNotApply
    );
    let refused = room
        .op(&mut ann, &change_upon(3, 1, 1, insert(0, json!(3))))
        .unwrap_err();
    assert_eq!(refused.code, RejectCode::DoesNotApply);
    assert!(refused.reason.contains("upon op 2"), "{}", refused.reason);
    // So is one that the room has refused by itself.
    ann.lose(OpId(4));
    let code = room.op_refused(&mut ann, &change_upon(5, 2, 4, insert(0, json!(5))));
    assert_eq!(code, RejectCode::DoesNotApply);
    // And one that takes away more than is kept.
    let mut room = Room::with(&json!({ "big": "x".repeat(MAX_INVERSE_BYTES), "x": 1 }));
    let mut ben = Bridge::new(BEN);
    room.op_as_sent(&mut ben, &change(1, 1, set("x", json!(2))));
    let both = json!([{ "op": "remove", "path": ["big"] }, { "op": "replace", "path": ["x"], "value": 3 }]);
    let strict = Change {
        strict: true,
        ..change_upon(1, 1, 1, both)
    };
    let mut ann = Bridge::new(ANN);
    assert_eq!(room.op_refused(&mut ann, &strict), RejectCode::Conflict);
    let code = room.op_refused(&mut ann, &change_upon(2, 1, 1, set("y", json!(1))));
    assert_eq!(code, RejectCode::DoesNotApply);
    // Once its author knows, all is well again.
    room.op(&mut ann, &change_upon(3, 2, 3, set("y", json!(1))))
        .unwrap();
}

#[test]
fn what_is_kept_for_a_client_that_never_hears_of_its_refusals_is_bounded() {
    let mut room = Room::with(&json!({ "x": 1, "big": "x".repeat(MAX_INVERSE_BYTES / 2) }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ben, &change(1, 1, set("x", json!(2))));
    let both = json!([{ "op": "replace", "path": ["big"], "value": 1 }, { "op": "replace", "path": ["x"], "value": 3 }]);
    let refused = (1..).map(|id| Change {
        strict: true,
        ..change_upon(id, 1, 1, both.clone())
    });
    let codes = refused.map(|change| room.op_refused(&mut ann, &change));
    let conflicts = codes.take_while(|code| *code == RejectCode::Conflict).count();
    assert!(
        conflicts > 2 && conflicts <= 1 + MAX_BEHIND_BYTES / (MAX_INVERSE_BYTES / 2),
        "{conflicts}"
    );
}

#[test]
fn who_knows_of_a_refusal_and_not_of_what_came_before_it_is_understood() {
    let mut room = Room::with(&json!({ "l": ["a", "b"], "x": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ben, &change(1, 1, insert(0, json!("B"))));
    room.op_as_sent(&mut ben, &change(2, 2, set("x", json!(2))));
    let both = json!([{ "op": "remove", "path": ["l", 0] }, { "op": "replace", "path": ["x"], "value": 3 }]);
    let strict = Change {
        strict: true,
        ..change(1, 1, both)
    };
    assert_eq!(room.op_refused(&mut ann, &strict), RejectCode::Conflict);
    // Somebody who sends one op at a time and waits for nothing but the answer.
    room.op(&mut ann, &change(2, 1, remove(1))).unwrap();
    assert_eq!(room.text(), r#"{"l":["B","a"],"x":2}"#);
}

#[test]
fn an_initial_value_that_no_document_can_be_is_refused() {
    let deep = "[".repeat(MAX_DOCUMENT_DEPTH + 1) + &"]".repeat(MAX_DOCUMENT_DEPTH + 1);
    let long = format!("\"{}\"", "x".repeat(MAX_BYTES));
    for (text, code) in [(deep, RejectCode::TooDeep), (long, RejectCode::TooLarge)] {
        let mut folded = Folded::new(MAX_BYTES);
        let initial = RawValue::from_string(text).unwrap();
        assert_eq!(folded.begin(ANN, initial).unwrap_err().code, code);
        assert_eq!((folded.head(), folded.value()), (Seq::START, &Value::Null));
    }
}
