//! What the app does, and what the room makes of it.

use patchcast_protocol::apply::ErrorKind;
use patchcast_session::SubmitError;
use patchcast_session::document::{
    DocumentConfig, DocumentInput, RestoredDocument, Update, UpdateError, UpdateOptions,
};
use serde_json::{Value, json};

use super::client::{Client, NOW, add, entries, op, own, remove, set};

const RESET: UpdateOptions = UpdateOptions {
    strict: false,
    reset: true,
    group: None,
};

#[test]
fn an_update_is_shown_at_once_and_says_what_it_was_made_on() {
    let mut client = Client::live(7, json!({ "l": ["a", "b"] }));
    client.update(add(json!(["l", 2]), json!("c"))).unwrap();
    assert_eq!(client.text(), r#"{"l":["a","b","c"]}"#);
    assert_eq!(client.sent(), [op(1, 7, None, add(json!(["l", 2]), json!("c")))]);
    assert_eq!(client.told(), ["1 sent"]);

    client.entry(7, remove(json!(["l", 0])));
    assert_eq!(client.text(), r#"{"l":["b","c"]}"#);
    client.update(set(json!(["l", 1]), json!("C"))).unwrap();
    assert_eq!(
        client.sent(),
        [op(2, 8, Some(1), set(json!(["l", 1]), json!("C")))]
    );
    client.forget();
    client.receive(json!({
        "type": "ack", "id": 1, "seq": 9, "time": 1, "durability": "memory", "outcome": "transformed",
        "patches": add(json!(["l", 1]), json!("c")),
    }));
    client.ack(2, 10);
    assert_eq!(client.told(), ["1 is 9 Transformed 0", "2 is 10 AsSent 0"]);
    assert_eq!(client.session.replica().confirmed().to_string(), client.text());
}

#[test]
fn the_next_state_is_as_good_as_patches() {
    let mut client = Client::live(1, json!({ "l": [{ "id": 1 }, { "id": 2 }], "n": 1 }));
    let next = json!({ "l": [{ "id": 2, "done": true }], "n": 1.0 });
    client
        .session
        .update(NOW, Update::Next(next), UpdateOptions::default())
        .unwrap();
    client.drain();
    let patches = json!([
        { "op": "add", "path": ["l", 1, "done"], "value": true },
        { "op": "remove", "path": ["l", 0] },
    ]);
    assert_eq!(client.sent(), [op(1, 1, None, patches)]);
    let same = Update::Next(client.session.value().clone());
    assert_eq!(
        client.session.update(NOW, same, UpdateOptions::default()),
        Ok(None)
    );
}

#[test]
fn what_the_room_made_otherwise_is_shown() {
    let mut client = Client::live(1, json!({ "n": 1 }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.update(add(json!(["m"]), json!(3))).unwrap();
    client.forget();
    client.receive(json!({
        "type": "ack", "id": 1, "seq": 2, "time": 1, "durability": "memory", "outcome": "absorbed",
        "conflicts": [{ "path": ["n"], "lost": true, "seq": 2, "client": own() }], "patches": [],
    }));
    assert_eq!(client.text(), r#"{"n":1,"m":3}"#);
    assert_eq!(client.told(), ["1 is 2 Absorbed 1"]);
    client.ack(2, 3);
    assert_eq!(client.session.replica().confirmed().to_string(), client.text());
}

#[test]
fn exactly_the_rejected_op_is_taken_back() {
    let mut client = Client::live(3, json!({ "l": ["a"] }));
    client.update(add(json!(["l", 0]), json!("mine"))).unwrap();
    client.update(add(json!(["l", 2]), json!("z"))).unwrap();
    client.update(set(json!(["l", 0]), json!("mine too"))).unwrap();
    client.forget();
    client.reject(1, "conflict", 3);
    assert_eq!(client.text(), r#"{"l":["mine too","a","z"]}"#);
    assert_eq!(client.told(), ["1 rejected Conflict"]);
}

#[test]
fn a_reject_waits_for_the_entries_that_came_before_it() {
    let mut client = Client::live(3, json!({ "n": 1, "l": ["a"] }));
    client.update(set(json!(["n"]), json!(2))).unwrap();
    client.forget();
    client.reject(1, "conflict", 5);
    assert_eq!(
        (client.text(), client.told()),
        (r#"{"n":2,"l":["a"]}"#.into(), vec![])
    );
    client.update(set(json!(["n"]), json!(3))).unwrap();
    assert_eq!(client.sent(), [op(2, 3, Some(1), set(json!(["n"]), json!(3)))]);
    client.forget();
    client.receive(json!({ "type": "entries", "after": 3, "entries": [
        { "client": super::client::OTHER, "id": 1, "time": 1, "patches": set(json!(["l", 0]), json!("b")) },
        { "client": super::client::OTHER, "id": 2, "time": 1, "patches": set(json!(["n"]), json!(9)) },
        { "client": super::client::OTHER, "id": 3, "time": 1, "patches": add(json!(["l", 1]), json!("c")) },
    ] }));
    assert_eq!(client.told(), ["1 rejected Conflict"]);
    // The other one was made upon it, and stays.
    assert_eq!(client.text(), r#"{"n":3,"l":["b","c"]}"#);
    client.update(remove(json!(["l"]))).unwrap();
    assert_eq!(client.sent(), [op(3, 6, Some(2), remove(json!(["l"])))]);
}

#[test]
fn a_strict_op_that_was_rejected_can_be_made_again_on_the_fresh_view() {
    let mut client = Client::live(1, json!({ "stock": 2 }));
    let strict = UpdateOptions {
        strict: true,
        ..UpdateOptions::default()
    };
    let take_one = |client: &mut Client| {
        let stock = client.session.value()["stock"].as_u64().unwrap();
        client
            .update_with(set(json!(["stock"]), json!(stock - 1)), strict)
            .unwrap();
    };
    take_one(&mut client);
    assert_eq!(client.sent()[0]["strict"], true);
    client.reject(1, "conflict", 2);
    client.entry(1, set(json!(["stock"]), json!(1)));
    assert_eq!(client.told().last().unwrap(), "1 rejected Conflict");
    assert_eq!(client.text(), r#"{"stock":1}"#);
    take_one(&mut client);
    assert_eq!(client.text(), r#"{"stock":0}"#);
    assert_eq!(client.sent()[0]["base"], 2);
}

#[test]
fn an_update_that_cannot_be_made_changes_nothing_and_says_where() {
    let mut client = Client::live(1, json!({ "l": [] }));
    let error = |found: Result<_, UpdateError>| match found {
        Err(UpdateError::DoesNotApply(error)) => (error.kind, json!(error.path)),
        other => panic!("{other:?}"),
    };
    let batch = json!([{ "op": "add", "path": ["k"], "value": 1 }, { "op": "remove", "path": ["l", 0] }]);
    assert_eq!(
        error(client.update(batch)),
        (ErrorKind::IndexOutOfRange, json!(["l", 0]))
    );
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        error(client.update(add(json!(["k"]), deep))).0,
        ErrorKind::TooDeep
    );
    assert_eq!(
        client.update(set(json!([]), json!({}))),
        Err(UpdateError::ResetNeeded)
    );
    let long = "x".repeat(1000);
    let too_large = client.update(add(json!(["k"]), json!(long)));
    assert_eq!(too_large, Err(UpdateError::NotTaken(SubmitError::TooLarge)));
    assert_eq!(
        (client.text(), client.sent(), client.told()),
        (r#"{"l":[]}"#.into(), vec![], vec![])
    );

    client.update_with(set(json!([]), json!({})), RESET).unwrap();
    assert_eq!(client.sent()[0]["reset"], true);
}

#[test]
fn a_document_grows_no_larger_than_the_app_allows() {
    let config = DocumentConfig {
        initial: Some(json!([1, 2])),
        max_document: 10,
        ..DocumentConfig::default()
    };
    let mut client = Client::with(config, RestoredDocument::default());
    client.update(add(json!([2]), json!(3))).unwrap();
    let found = client.update(add(json!([3]), json!("long")));
    assert!(
        matches!(&found, Err(UpdateError::DoesNotApply(error)) if error.kind == ErrorKind::TooLarge),
        "{found:?}"
    );
    assert_eq!(client.text(), "[1,2,3]");
}

#[test]
fn a_closed_session_takes_no_update() {
    let mut client = Client::live(1, json!({ "n": 1 }));
    client.session.handle_input(NOW, DocumentInput::Close);
    client.drain();
    let found = client.update(set(json!(["n"]), json!(2)));
    assert_eq!(found, Err(UpdateError::NotTaken(SubmitError::Closed)));
    assert_eq!(client.text(), r#"{"n":1}"#);
    assert_eq!(
        client.session.undo(NOW),
        Err(patchcast_session::document::UndoError::Nothing)
    );
}

#[test]
fn with_nothing_pending_keys_stand_as_in_the_room() {
    let mut client = Client::live(1, json!({ "o": {} }));
    client.update(add(json!(["o", "mine"]), json!(1))).unwrap();
    client.entry(1, add(json!(["o", "theirs"]), json!(2)));
    assert_eq!(client.text(), r#"{"o":{"mine":1,"theirs":2}}"#);
    client.forget();
    client.ack(1, 3);
    assert_eq!(client.text(), r#"{"o":{"theirs":2,"mine":1}}"#);
    assert!(
        client
            .told()
            .iter()
            .any(|told| told == r#"order ["theirs", "mine"]"#)
    );
}

#[test]
fn a_frame_that_is_none_of_a_document_costs_the_connection() {
    for frame in [
        json!({ "type": "entries", "after": 1, "entries": [{ "client": own(), "id": 1, "time": 1, "data": 1 }] }),
        entries(1, &own(), 1, json!([{ "op": "test", "path": [] }])),
        json!({ "type": "snapshot", "seq": 1, "state": 1 }),
    ] {
        let mut client = Client::live(1, Value::Null);
        client.receive(frame);
        assert_eq!(client.told(), ["disconnect", "offline"]);
    }
}
