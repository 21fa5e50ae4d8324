//! Joining, and coming back.

use patchcast_session::document::UpdateOptions;
use serde_json::{Value, json};

use super::client::{Client, OTHER, add, entries, op, own, remove, set};

const HASH: &str = "0707070707070707";

#[test]
fn what_the_app_begins_with_is_shown_and_offered_to_the_room() {
    let mut client = Client::new(Some(json!({ "l": [] })));
    assert_eq!(client.text(), r#"{"l":[]}"#);
    client.connect();
    let hello = &client.sent()[0];
    assert_eq!(
        (&hello["kind"], &hello["initial"], &hello["since"]),
        (&json!("document"), &json!({ "l": [] }), &Value::Null)
    );
    client.welcome(1, 0, None);
    client.receive(entries(0, &own(), 0, set(json!([]), json!({ "l": [] }))));
    assert_eq!(client.text(), r#"{"l":[]}"#);
    assert_eq!(client.told().last().unwrap(), "live");
    assert_eq!(client.session.replica().position().unwrap().seq.0, 1);
}

#[test]
fn what_was_done_before_the_room_was_known_is_merged_into_it() {
    let mut client = Client::new(Some(json!({ "title": "", "l": [] })));
    client.update(add(json!(["l", 0]), json!("mine"))).unwrap();
    client.connect();
    client.forget();
    client.welcome(5, 0, Some(4));
    client.receive(json!({ "type": "snapshot", "seq": 4, "state": { "title": "T", "l": ["a"] } }));
    assert_eq!(
        client.text(),
        r#"{"title":"","l":["mine"]}"#,
        "all at once, when all is there"
    );
    client.entry(4, add(json!(["l", 1]), json!("b")));
    assert_eq!(client.text(), r#"{"title":"T","l":["a","b","mine"]}"#);
    assert_eq!(
        client.sent(),
        [op(1, 5, None, add(json!(["l", 2]), json!("mine")))]
    );
    client.ack(1, 6);
    assert_eq!(client.session.replica().confirmed().to_string(), client.text());
}

#[test]
fn an_empty_room_is_null() {
    let mut client = Client::new(None);
    client.connect();
    client.welcome(0, 0, None);
    assert_eq!(
        (client.text().as_str(), client.told().last().unwrap().as_str()),
        ("null", "live")
    );
}

#[test]
fn what_the_room_does_not_have_is_sent_again_from_where_the_client_is() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    client.update(add(json!(["l", 2]), json!("too"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(4, 0, None);
    client.entry(3, add(json!(["l", 0]), json!("first")));
    assert_eq!(
        client.sent(),
        [
            op(1, 4, None, add(json!(["l", 2]), json!("mine"))),
            op(2, 4, Some(1), add(json!(["l", 3]), json!("too"))),
        ]
    );
    assert_eq!(client.text(), r#"{"l":["first","a","mine","too"]}"#);
}

#[test]
fn a_client_that_comes_back_says_where_it_is() {
    let mut client = Client::live(3, json!(1));
    client.disconnect();
    client.connect();
    let hello = &client.sent()[0];
    assert_eq!(hello["since"], json!({ "epoch": "0000000000000001", "seq": 3 }));
}

#[test]
fn an_op_whose_ack_was_lost_is_there_once() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(4, 1, None);
    client.receive(entries(3, &own(), 1, add(json!(["l", 1]), json!("mine"))));
    assert_eq!(client.text(), r#"{"l":["a","mine"]}"#);
    assert_eq!(
        (client.sent(), client.told()),
        (vec![], vec!["1 is 4 AsSent 0".to_owned(), "live".to_owned()])
    );
}

#[test]
fn an_op_that_lies_under_a_snapshot_is_not_shown_twice_and_only_asked_about() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    client.update(add(json!(["l", 2]), json!("later"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(9, 1, Some(9));
    client.receive(json!({ "type": "snapshot", "seq": 9, "state": { "l": ["b", "mine"] } }));
    assert_eq!(client.text(), r#"{"l":["b","mine","later"]}"#);
    assert_eq!(
        client.sent(),
        [
            op(1, 3, None, add(json!(["l", 1]), json!("mine"))),
            op(2, 9, None, add(json!(["l", 2]), json!("later"))),
        ]
    );
    client.forget();
    client.ack(1, 5);
    assert_eq!(client.told(), ["1 is 5 AsSent 0"]);
    assert_eq!(client.text(), r#"{"l":["b","mine","later"]}"#);
    assert_eq!(client.session.pending_ops().count(), 1);
}

#[test]
fn an_op_whose_reject_was_lost_is_taken_back() {
    let mut client = Client::live(3, json!({ "n": 1, "l": [] }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.update(add(json!(["l", 0]), json!("x"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(4, 2, None);
    client.receive(entries(3, &own(), 2, add(json!(["l", 0]), json!("x"))));
    assert_eq!(client.text(), r#"{"n":1,"l":["x"]}"#);
    assert_eq!(client.sent(), [op(1, 3, None, set(json!(["n"]), json!(2)))]);
    client.reject(1, "id_passed", 4);
    assert_eq!(client.told().last().unwrap(), "1 rejected IdPassed");
    assert_eq!(client.session.pending_ops().count(), 0);
}

#[test]
fn a_reject_that_is_known_holds_when_the_connection_breaks() {
    let mut client = Client::live(3, json!({ "n": 1 }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.reject(1, "conflict", 8);
    client.forget();
    client.disconnect();
    assert_eq!(client.text(), r#"{"n":1}"#);
    assert_eq!(client.told(), ["1 rejected Conflict", "offline"]);
    client.connect();
    client.welcome(3, 0, None);
    assert!(client.sent().iter().all(|frame| frame["type"] == "hello"));
}

#[test]
fn another_log_is_merged_with_what_is_pending() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.receive(json!({ "type": "reset", "code": "other_epoch", "reason": "why" }));
    client.welcome(2, 0, None);
    client.receive(entries(0, OTHER, 1, set(json!([]), json!({ "l": [] }))));
    client.receive(entries(1, OTHER, 2, add(json!(["l", 0]), json!("b"))));
    assert_eq!(client.text(), r#"{"l":["b","mine"]}"#);
    assert_eq!(client.told(), ["reset OtherEpoch", "live", "1 sent"]);
    assert_eq!(
        client.sent(),
        [op(1, 2, None, add(json!(["l", 1]), json!("mine")))]
    );
}

#[test]
fn a_client_that_has_come_apart_says_so_and_heals() {
    let mut client = Client::live(3, json!({ "n": 1 }));
    client.update(add(json!(["mine"]), json!(true))).unwrap();
    client.forget();
    client.receive(json!({ "type": "check", "seq": 2, "hash": HASH }));
    assert_eq!(client.told(), Vec::<String>::new(), "it is of another entry");
    client.receive(json!({ "type": "check", "seq": 3, "hash": HASH }));
    assert_eq!(client.told(), ["diverged 3", "disconnect", "offline"]);
    let told = &client.sent()[0];
    assert_eq!((&told["type"], &told["seq"]), (&json!("diverged"), &json!(3)));
    assert_ne!(told["hash"], HASH);
    client.connect();
    assert!(client.sent()[0].get("since").is_none());
    client.welcome(3, 0, Some(3));
    client.receive(json!({ "type": "snapshot", "seq": 3, "state": { "n": 2 } }));
    assert_eq!(client.text(), r#"{"n":2,"mine":true}"#);
}

#[test]
fn an_entry_that_does_not_fit_shows_that_the_client_has_come_apart() {
    let mut client = Client::live(3, json!({ "n": 1 }));
    client.receive(json!({ "type": "entries", "after": 3, "entries": [
        { "client": OTHER, "id": 1, "time": 1, "patches": remove(json!(["l", 4])) },
        { "client": OTHER, "id": 2, "time": 1, "patches": set(json!(["n"]), json!(5)) },
    ] }));
    assert_eq!(client.told(), ["diverged 3", "disconnect", "offline"]);
    assert_eq!(client.text(), r#"{"n":1}"#);
}

#[test]
fn a_strict_op_that_others_were_faster_with_is_not_sent_again() {
    let mut client = Client::live(3, json!({ "stock": 1, "l": [] }));
    let strict = UpdateOptions {
        strict: true,
        ..UpdateOptions::default()
    };
    client
        .update_with(set(json!(["stock"]), json!(0)), strict)
        .unwrap();
    client.update(add(json!(["l", 0]), json!("mine"))).unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(4, 0, None);
    client.entry(3, set(json!(["stock"]), json!(0)));
    assert_eq!(client.told(), ["1 rejected Conflict", "live", "2 sent"]);
    assert_eq!(
        client.sent(),
        [op(2, 4, None, add(json!(["l", 0]), json!("mine")))]
    );
    assert_eq!(client.text(), r#"{"stock":0,"l":["mine"]}"#);
}

#[test]
fn a_strict_op_that_is_late_and_too_large_is_rejected_once() {
    let mut client = Client::new(Some(json!({ "stock": 1 })));
    let strict = UpdateOptions {
        strict: true,
        ..UpdateOptions::default()
    };
    let large = json!("x".repeat(1000));
    client.update_with(set(json!(["stock"]), large), strict).unwrap();
    client.connect();
    client.forget();
    client.welcome(4, 0, Some(4));
    client.receive(json!({ "type": "snapshot", "seq": 4, "state": { "stock": 0 } }));
    assert_eq!(client.told(), ["1 rejected Conflict", "live"]);
    assert_eq!(client.text(), r#"{"stock":0}"#);
}

/// Another life of the client has sent it in a context in which nobody was faster.
#[test]
fn a_strict_op_that_is_an_entry_is_not_said_to_be_late() {
    let mut client = Client::live(3, json!({ "stock": 1 }));
    let strict = UpdateOptions {
        strict: true,
        ..UpdateOptions::default()
    };
    client
        .update_with(set(json!(["stock"]), json!(0)), strict)
        .unwrap();
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(5, 1, None);
    client.entry(3, set(json!(["stock"]), json!(5)));
    client.receive(entries(4, &own(), 1, set(json!(["stock"]), json!(0))));
    assert_eq!(client.told(), ["1 is 5 AsSent 0", "live"]);
    assert_eq!(client.text(), r#"{"stock":0}"#);
}

#[test]
fn a_strict_op_on_its_way_is_left_to_the_server() {
    let mut client = Client::live(3, json!({ "stock": 1 }));
    let strict = UpdateOptions {
        strict: true,
        ..UpdateOptions::default()
    };
    client
        .update_with(set(json!(["stock"]), json!(0)), strict)
        .unwrap();
    client.forget();
    client.entry(3, set(json!(["stock"]), json!(5)));
    assert_eq!(client.told(), Vec::<String>::new());
    let left = client.session.leave(true);
    assert_eq!((left.replica.ops.len(), &left.replica.ops[0].shown), (1, &None));
    client.disconnect();
    assert_eq!(client.told(), ["1 rejected Conflict", "offline"]);
    assert_eq!(client.text(), r#"{"stock":5}"#);
}

#[test]
fn entries_before_an_announced_state_cost_the_connection() {
    let mut client = Client::new(Some(json!({ "l": [] })));
    client.connect();
    client.welcome(5, 0, Some(4));
    client.forget();
    client.entry(0, add(json!(["l", 0]), json!("a")));
    assert_eq!(client.told(), ["disconnect", "offline"]);
    assert_eq!(client.text(), r#"{"l":[]}"#);
}

#[test]
fn an_op_that_is_too_far_behind_for_the_room_is_sent_again_from_where_the_client_is_then() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    client.receive(
        json!({ "type": "reject", "id": 1, "code": "base_forgotten", "reason": "gone", "after": 9000 }),
    );
    assert_eq!(client.text(), r#"{"l":["a","mine"]}"#);
    client.connect();
    client.forget();
    client.welcome(9000, 0, Some(9000));
    client.receive(json!({ "type": "snapshot", "seq": 9000, "state": { "l": ["x", "a"] } }));
    assert_eq!(
        client.sent(),
        [op(1, 9000, None, add(json!(["l", 2]), json!("mine")))]
    );
    assert_eq!(client.text(), r#"{"l":["x","a","mine"]}"#);
}
