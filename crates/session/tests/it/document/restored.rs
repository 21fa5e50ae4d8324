//! A client's next life.

use patchcast_session::document::{DocumentConfig, RestoredDocument, UpdateOptions};
use serde_json::{Value, json};

use super::client::{Client, add, entries, op, own, set};

/// What a client leaves that has two ops on their way, behind entry 4.
fn left(with_value: bool) -> RestoredDocument {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 1]), json!("one"))).unwrap();
    client.update(add(json!(["l", 2]), json!("two"))).unwrap();
    client.entry(3, add(json!(["l", 0]), json!("first")));
    client.session.leave(with_value)
}

fn born(left: RestoredDocument) -> Client {
    let mut client = Client::with(DocumentConfig::default(), left);
    client.connect();
    client
}

#[test]
fn with_its_value_it_goes_on_where_it_was() {
    let mut client = born(left(true));
    assert_eq!(client.text(), r#"{"l":["first","a","one","two"]}"#);
    assert_eq!(client.sent()[0]["since"]["seq"], 4);
    client.forget();
    client.welcome(4, 0, None);
    assert_eq!(
        client.sent(),
        [
            op(1, 4, None, add(json!(["l", 2]), json!("one"))),
            op(2, 4, Some(1), add(json!(["l", 3]), json!("two"))),
        ]
    );
    client.update(set(json!(["l", 0]), json!("x"))).unwrap();
    assert_eq!(client.sent()[0]["id"], 3);
}

#[test]
fn without_its_value_its_ops_are_shown_once_they_are_entries() {
    let mut client = born(left(false));
    assert_eq!(client.text(), "null");
    assert_eq!(client.sent()[0].get("since"), None);
    client.welcome(5, 0, Some(5));
    client.receive(json!({ "type": "snapshot", "seq": 5, "state": { "l": ["first"] } }));
    // In the context that they were left in: behind entry 4, upon each other.
    assert_eq!(
        client.sent(),
        [
            op(1, 4, None, add(json!(["l", 2]), json!("one"))),
            op(2, 4, Some(1), add(json!(["l", 3]), json!("two"))),
        ]
    );
    assert_eq!(client.text(), r#"{"l":["first"]}"#);
    client.update(add(json!(["l", 0]), json!("new"))).unwrap();
    assert_eq!(
        client.sent(),
        Vec::<Value>::new(),
        "the room would take it for made upon the others"
    );
    let made = |at: u64, what: &str| add(json!(["l", at]), json!(what));
    client.receive(
        json!({ "type": "ack", "id": 1, "seq": 6, "time": 1, "durability": "memory",
        "outcome": "transformed", "patches": made(1, "one") }),
    );
    assert_eq!(client.text(), r#"{"l":["new","first","one"]}"#);
    client.reject(2, "conflict", 6);
    assert_eq!(
        client.sent(),
        [op(3, 6, None, add(json!(["l", 0]), json!("new")))]
    );
    client.ack(3, 7);
    assert_eq!(client.session.pending_ops().count(), 0);
}

#[test]
fn without_its_value_it_asks_first_about_what_the_room_may_have() {
    let mut client = born(left(false));
    client.forget();
    client.welcome(6, 1, Some(6));
    client.receive(json!({ "type": "snapshot", "seq": 6, "state": { "l": [] } }));
    // As it was sent, which is what the room knows it by.
    assert_eq!(
        client.sent(),
        [op(1, 3, None, add(json!(["l", 1]), json!("one")))]
    );
    client.ack(1, 5);
    assert_eq!(
        client.sent(),
        [op(2, 4, Some(1), add(json!(["l", 3]), json!("two")))]
    );
}

/// A page that is reloaded twice while it has no connection: the life between has sent nothing, but what was left to it was sent.
#[test]
fn left_again_before_it_was_welcomed_it_asks_with_what_was_sent() {
    let between = born(left(false));
    let mut client = born(between.session.leave(false));
    client.forget();
    client.welcome(6, 1, Some(6));
    client.receive(json!({ "type": "snapshot", "seq": 6, "state": { "l": [] } }));
    assert_eq!(
        client.sent(),
        [op(1, 3, None, add(json!(["l", 1]), json!("one")))]
    );
    client.ack(1, 5);
    assert_eq!(
        client.sent(),
        [op(2, 4, Some(1), add(json!(["l", 3]), json!("two")))]
    );
    // The connection breaks, and the room has it: as it was sent now, not as in the first life.
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(7, 2, Some(7));
    client.receive(json!({ "type": "snapshot", "seq": 7, "state": { "l": [] } }));
    assert_eq!(
        client.sent(),
        [op(2, 4, Some(1), add(json!(["l", 3]), json!("two")))]
    );
}

#[test]
fn what_was_made_on_an_op_that_nobody_knows_is_not_sent() {
    let mut client = born(left(false));
    client.forget();
    client.welcome(6, 1, Some(6));
    client.receive(json!({ "type": "snapshot", "seq": 6, "state": { "l": [] } }));
    client.forget();
    client.reject(1, "id_passed", 6);
    assert_eq!(client.told(), ["2 rejected BaseForgotten", "1 rejected IdPassed"]);
    assert_eq!((client.sent(), client.session.pending_ops().count()), (vec![], 0));
}

#[test]
fn ops_of_a_log_that_is_not_there_any_more_end() {
    let mut restored = left(false);
    restored.replica.position.as_mut().unwrap().epoch.0 = 9;
    let mut client = born(restored);
    client.forget();
    client.welcome(0, 0, None);
    assert_eq!(
        client.told(),
        ["1 rejected BaseForgotten", "2 rejected BaseForgotten", "live"]
    );
}

#[test]
fn what_was_never_near_a_room_is_made_on_what_the_app_begins_with() {
    let config = || DocumentConfig {
        initial: Some(json!({ "l": [] })),
        ..DocumentConfig::default()
    };
    let mut client = Client::with(config(), RestoredDocument::default());
    client.update(add(json!(["l", 0]), json!("mine"))).unwrap();
    let left = client.session.leave(false);
    let mut client = Client::with(config(), left);
    assert_eq!(client.text(), r#"{"l":["mine"]}"#);
    client.connect();
    client.forget();
    client.welcome(1, 0, None);
    client.receive(entries(0, &own(), 0, set(json!([]), json!({ "l": [] }))));
    assert_eq!(
        client.sent(),
        [op(1, 1, None, add(json!(["l", 0]), json!("mine")))]
    );
}

#[test]
fn the_beginning_of_every_log_is_the_same() {
    let mut client = Client::new(None);
    client.connect();
    client.welcome(0, 0, None);
    let reset = UpdateOptions {
        reset: true,
        ..UpdateOptions::default()
    };
    client.update_with(set(json!([]), json!([])), reset).unwrap();
    client.update(add(json!([0]), json!("a"))).unwrap();
    let mut left = client.session.leave(false);
    left.replica.position.as_mut().unwrap().epoch.0 = 9;
    let mut client = born(left);
    client.forget();
    client.welcome(0, 0, None);
    assert_eq!(client.told(), ["live", "1 sent", "2 sent"]);
    client.ack(1, 1);
    assert_eq!(client.text(), "[]");
    // From then on the second one, which is upon the first, is of this log.
    client.disconnect();
    client.connect();
    client.forget();
    client.welcome(1, 1, None);
    assert_eq!(client.told(), ["live", "2 sent"]);
    client.ack(2, 2);
    assert_eq!(client.text(), r#"["a"]"#);
}

#[test]
fn what_another_life_has_sent_is_asked_about() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.disconnect();
    client.update(add(json!(["l", 1]), json!("mine"))).unwrap();
    let mut client = born(client.session.leave(true));
    client.forget();
    client.welcome(9, 1, Some(9));
    client.receive(json!({ "type": "snapshot", "seq": 9, "state": { "l": ["a", "mine"] } }));
    assert_eq!(client.text(), r#"{"l":["a","mine"]}"#);
    assert_eq!(
        client.sent(),
        [op(1, 3, None, add(json!(["l", 1]), json!("mine")))]
    );
    client.ack(1, 5);
    assert_eq!(client.session.pending_ops().count(), 0);
}
