//! Undo and redo.

use patchcast_session::document::{Group, UndoError, UpdateOptions};
use patchcast_session::limits;
use serde_json::json;

use super::client::{Client, NOW, add, remove, set};

fn undo(client: &mut Client) -> Result<u64, UndoError> {
    let undone = client.session.undo(NOW).map(|id| id.0);
    client.drain();
    undone
}

fn redo(client: &mut Client) -> Result<u64, UndoError> {
    let redone = client.session.redo(NOW).map(|id| id.0);
    client.drain();
    redone
}

#[test]
fn steps_are_taken_back_and_made_again_one_by_one() {
    let mut client = Client::live(1, json!({ "l": ["a"], "n": 1 }));
    client.update(add(json!(["l", 1]), json!("b"))).unwrap();
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.update(remove(json!(["l", 0]))).unwrap();
    let texts = [
        r#"{"l":["a"],"n":1}"#,
        r#"{"l":["a","b"],"n":1}"#,
        r#"{"l":["a","b"],"n":2}"#,
        r#"{"l":["b"],"n":2}"#,
    ];
    for step in [2, 1, 0] {
        undo(&mut client).unwrap();
        assert_eq!(client.text(), texts[step]);
    }
    assert_eq!(undo(&mut client), Err(UndoError::Nothing));
    for step in [1, 2, 3] {
        redo(&mut client).unwrap();
        assert_eq!(client.text(), texts[step]);
    }
    assert_eq!(redo(&mut client), Err(UndoError::Nothing));
    undo(&mut client).unwrap();
    assert_eq!(client.text(), texts[2]);
    client.update(set(json!(["n"]), json!(9))).unwrap();
    assert_eq!(
        redo(&mut client),
        Err(UndoError::Nothing),
        "an update came after it"
    );
}

#[test]
fn an_undone_op_is_a_new_op() {
    let mut client = Client::live(1, json!({ "n": 1 }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.ack(1, 2);
    client.forget();
    assert_eq!(undo(&mut client), Ok(2));
    let sent = &client.sent()[0];
    assert_eq!((&sent["id"], &sent["base"]), (&json!(2), &json!(2)));
    assert_eq!(sent["patches"], set(json!(["n"]), json!(1)));
}

#[test]
fn a_step_goes_along_with_what_others_do() {
    let mut client = Client::live(1, json!({ "l": ["a", "b", "c"] }));
    client.update(set(json!(["l", 2]), json!("mine"))).unwrap();
    client.update(remove(json!(["l", 1]))).unwrap();
    client.ack(1, 2);
    client.ack(2, 3);
    client.entry(3, add(json!(["l", 0]), json!("first")));
    undo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"l":["first","a","b","mine"]}"#);
    client.entry(4, remove(json!(["l", 1])));
    undo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"l":["first","b","c"]}"#);
    redo(&mut client).unwrap();
    redo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"l":["first","mine"]}"#);
}

#[test]
fn what_stands_in_the_way_of_an_undo_is_told_and_the_step_before_can_be_undone() {
    let mut client = Client::live(1, json!({ "n": 1, "l": [{ "id": 1, "t": "a" }] }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.update(set(json!(["l", 0, "t"]), json!("mine"))).unwrap();
    client.ack(1, 2);
    client.ack(2, 3);
    client.entry(3, remove(json!(["l", 0])));
    let Err(UndoError::Overtaken(conflicts)) = undo(&mut client) else {
        panic!("the item is gone");
    };
    assert_eq!(json!(conflicts[0].path), json!(["l", 0]));
    undo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"n":1,"l":[]}"#);
}

#[test]
fn a_step_of_a_rejected_op_is_passed_over() {
    let mut client = Client::live(1, json!({ "n": 1, "m": 1 }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.update(set(json!(["m"]), json!(2))).unwrap();
    client.ack(1, 2);
    client.reject(2, "conflict", 2);
    undo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"n":1,"m":1}"#);
}

#[test]
fn updates_of_one_group_are_undone_at_once() {
    let mut client = Client::live(1, json!({ "t": "" }));
    let in_group = |group: u64| UpdateOptions {
        group: Some(Group(group)),
        ..UpdateOptions::default()
    };
    for (text, group) in [("a", 1), ("ab", 1), ("abc", 1), ("x", 2)] {
        client
            .update_with(set(json!(["t"]), json!(text)), in_group(group))
            .unwrap();
        client.entry(
            client.session.replica().position().unwrap().seq.0,
            add(json!([text]), json!(1)),
        );
    }
    undo(&mut client).unwrap();
    assert_eq!(client.session.value()["t"], "abc");
    undo(&mut client).unwrap();
    assert_eq!(client.session.value()["t"], "");
    redo(&mut client).unwrap();
    assert_eq!(client.session.value()["t"], "abc");
}

#[test]
fn a_reset_can_be_undone() {
    let mut client = Client::live(1, json!({ "n": 1 }));
    let reset = UpdateOptions {
        reset: true,
        ..UpdateOptions::default()
    };
    client.update_with(set(json!([]), json!([])), reset).unwrap();
    client.forget();
    undo(&mut client).unwrap();
    assert_eq!(client.text(), r#"{"n":1}"#);
    assert_eq!(client.sent()[0]["reset"], true);
}

#[test]
fn no_more_steps_are_kept_than_the_limit() {
    let mut client = Client::live(1, json!({ "n": 0 }));
    for number in 1..=limits::UNDO_STEPS + 5 {
        client.update(set(json!(["n"]), json!(number))).unwrap();
    }
    while undo(&mut client).is_ok() {}
    assert_eq!(client.session.value()["n"], 5);
    assert_eq!(client.session.replica().has_steps(), (false, true));
}
