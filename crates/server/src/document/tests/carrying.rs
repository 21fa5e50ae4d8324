//! Ops that were made without what others have done.

use serde_json::{Value, json};

use super::room::{Room, change, change_upon, insert, remove, set};
use super::{ANN, BEN};
use crate::document::Bridge;
use crate::limits::MAX_CONFLICTS;

#[test]
fn two_that_cross_are_both_made_and_the_later_is_told_what_became_of_it() {
    let mut room = Room::with(&json!({ "l": ["a", "b"], "x": 1 }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ann, &change(1, 1, insert(0, json!("A"))));
    let made = room.op(&mut ben, &change(1, 1, remove(1))).unwrap();
    assert_eq!(made, json!({ "outcome": "transformed", "patches": remove(2) }));
    room.op_as_sent(&mut ann, &change(2, 2, set("x", json!(2))));
    // Both set it, and the later counts.
    let made = room.op(&mut ben, &change(2, 3, set("x", json!(3)))).unwrap();
    let conflict = json!({ "path": ["x"], "lost": false, "seq": 4, "client": ANN.to_string() });
    assert_eq!(
        made,
        json!({ "outcome": "as-sent", "conflicts": [conflict], "patches": set("x", json!(3)) })
    );
    assert_eq!(room.text(), r#"{"l":["A","a"],"x":3}"#);
}

#[test]
fn an_op_of_which_nothing_is_left_is_an_entry_without_patches() {
    let mut room = Room::with(&json!({ "l": [{ "t": 1 }] }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ann, &change(1, 1, remove(0)));
    let edit = json!([{ "op": "replace", "path": ["l", 0, "t"], "value": 2 }]);
    let conflict = json!({ "path": ["l", 0], "lost": true, "seq": 2, "client": ANN.to_string() });
    assert_eq!(
        room.op(&mut ben, &change(7, 1, edit)).unwrap(),
        json!({ "outcome": "absorbed", "conflicts": [conflict], "patches": [] })
    );
    assert_eq!((room.text().as_str(), room.head().0), (r#"{"l":[]}"#, 3));
    room.op_as_sent(&mut ben, &change(8, 3, insert(0, json!(1))));
}

#[test]
fn an_op_is_made_upon_those_of_its_author_that_are_under_way() {
    let mut room = Room::with(&json!({ "l": ["a", "b", "c"] }));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    // Ann has seen nothing of Ben while she does all of this.
    room.op_as_sent(&mut ben, &change(1, 1, insert(0, json!("B"))));
    room.op(&mut ann, &change_upon(1, 1, 1, insert(1, json!("A"))))
        .unwrap();
    room.op_as_sent(&mut ben, &change(2, 3, insert(0, json!("BB"))));
    room.op(&mut ann, &change_upon(2, 1, 1, remove(2))).unwrap();
    room.op(&mut ann, &change_upon(3, 1, 1, set("n", json!(1))))
        .unwrap();
    assert_eq!(room.text(), r#"{"l":["BB","B","a","A","c"],"n":1}"#);
    // She has seen Ben's first and her own first, and then all of it.
    room.op(&mut ann, &change_upon(4, 3, 2, remove(2))).unwrap();
    assert_eq!(room.text(), r#"{"l":["BB","B","a","c"],"n":1}"#);
    room.op_as_sent(&mut ann, &change(5, 7, remove(0)));
    assert_eq!(room.text(), r#"{"l":["B","a","c"],"n":1}"#);
}

#[test]
fn an_op_that_is_not_said_to_be_upon_others_is_made_without_them() {
    let mut room = Room::with(&json!({ "l": ["a", "b"] }));
    let mut ann = Bridge::new(ANN);
    // Three ops of one state, one after the other, by somebody who waits for no ack.
    for (id, index) in [(1, 0), (2, 1), (3, 2)] {
        room.op(&mut ann, &change(id, 1, insert(index, json!(id))))
            .unwrap();
    }
    assert_eq!(room.text(), r#"{"l":[1,"a",2,"b",3]}"#);
}

#[test]
fn a_receipt_tells_of_so_many_conflicts_at_the_most() {
    let keys: Vec<_> = (0..MAX_CONFLICTS + 9).map(|key| format!("k{key}")).collect();
    let each = |op: &str| -> Value {
        let patch = |key: &String| match op {
            "remove" => json!({ "op": op, "path": [key] }),
            _ => json!({ "op": op, "path": [key], "value": op }),
        };
        keys.iter().map(patch).collect()
    };
    let mut room = Room::with(&json!({}));
    let (mut ann, mut ben) = (Bridge::new(ANN), Bridge::new(BEN));
    room.op_as_sent(&mut ann, &change(1, 1, each("add")));
    room.op_as_sent(&mut ann, &change(2, 2, each("remove")));
    let made = room.op(&mut ben, &change(1, 2, each("replace"))).unwrap();
    assert_eq!(made["conflicts"].as_array().unwrap().len(), MAX_CONFLICTS);
    assert_eq!(made["patches"].as_array().unwrap().len(), keys.len());
}
