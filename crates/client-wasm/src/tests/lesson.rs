//! Both lessons' ways of speaking, against a real server.

use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{App, Told, get, history, json, live, new_room, patches, status};

/// An app that is in the room, with this history.
async fn joined(room: &str, values: &[u32]) -> App {
    let app = App::connect(room);
    app.expect(status("open")).await;
    app.expect(history(values)).await;
    app
}

#[wasm_bindgen_test]
async fn a_message_reaches_the_others_and_not_its_sender() {
    let room = new_room();
    let ann = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    assert!(ann.send(&patches(1)));
    bob.expect(live(1)).await;
    assert!(bob.send(&patches(2)));
    // Ann's own message would have come before Bob's.
    ann.expect(live(2)).await;
    assert_eq!(bob.told(), []);
}

#[wasm_bindgen_test]
async fn who_joins_late_gets_the_whole_history_first() {
    let room = new_room();
    let ann = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    ann.send(&patches(1));
    ann.send(&patches(2));
    bob.expect(live(1)).await;
    bob.expect(live(2)).await;
    let eve = joined(&room, &[1, 2]).await;
    ann.send(&patches(3));
    eve.expect(live(3)).await;
}

#[wasm_bindgen_test]
async fn what_is_sent_while_connecting_arrives_in_order() {
    let room = new_room();
    let bob = joined(&room, &[]).await;
    let ann = App::connect(&room);
    assert_eq!(ann.status(), "connecting");
    for value in 1..=3 {
        assert!(ann.send(&patches(value)));
    }
    assert_eq!(ann.queued(), 3);
    for value in 1..=3 {
        bob.expect(live(value)).await;
    }
    ann.expect(status("open")).await;
    assert_eq!(ann.queued(), 0);
    ann.expect(history(&[])).await;
}

#[wasm_bindgen_test]
async fn an_undefined_value_is_left_out_on_the_wire() {
    let room = new_room();
    let ann = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    let patch = js_sys::JSON::parse(r#"[{"op":"replace","path":["a",0]}]"#).expect("it is JSON");
    super::set(&get(&patch, "0"), "value", &JsValue::UNDEFINED);
    assert_eq!(ann.try_send(&patch), Ok(true));
    bob.expect(Told::Live(r#"[{"op":"replace","path":["a",0]}]"#.to_owned()))
        .await;
}

#[wasm_bindgen_test]
async fn connecting_closing_and_connecting_again_gives_one_connection() {
    let room = new_room();
    // What StrictMode makes of an effect that connects.
    let first = App::connect(&room);
    first.close();
    let second = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    bob.send(&patches(1));
    second.expect(live(1)).await;
    assert_eq!(second.told(), []);
    assert_eq!(first.told(), []);
    assert_eq!(first.status(), "closed");
}

#[wasm_bindgen_test]
async fn after_close_nothing_comes_and_nothing_goes() {
    let room = new_room();
    let ann = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    let eve = joined(&room, &[]).await;
    ann.close();
    ann.close();
    assert_eq!(ann.status(), "closed");
    assert!(!ann.send(&patches(1)));
    bob.send(&patches(2));
    eve.expect(live(2)).await;
    assert_eq!(ann.told(), []);
}

#[wasm_bindgen_test]
async fn a_thrown_on_message_is_told_and_the_connection_lives_on() {
    let room = new_room();
    let ann = joined(&room, &[]).await;
    let bob = joined(&room, &[]).await;
    bob.react(|_| Err(js_sys::Error::new("the app's own mistake").into()));
    ann.send(&patches(1));
    bob.expect(live(1)).await;
    bob.expect(Told::Error("the app's own mistake".to_owned())).await;
    bob.react(|_| Err("just a string".into()));
    ann.send(&patches(2));
    bob.expect(live(2)).await;
    let text = "onMessage threw something that is no Error: just a string";
    bob.expect(Told::Error(text.to_owned())).await;
    ann.send(&patches(3));
    bob.expect(live(3)).await;
}

#[wasm_bindgen_test]
async fn the_chat_comes_back_to_its_sender_too_newest_first() {
    let room = new_room();
    let ann = App::connect_with(&room, r#"{"protocol":"json"}"#);
    let bob = App::connect_with(&room, r#"{"protocol":"json"}"#);
    for app in [&ann, &bob] {
        app.expect(status("open")).await;
        app.expect(Told::History(r#"{"msg":[]}"#.to_owned())).await;
    }
    ann.send(r#"{"user":"ann","text":"hello"}"#);
    assert_eq!(chat_texts(ann.next().await), ["hello"]);
    assert_eq!(chat_texts(bob.next().await), ["hello"]);
    bob.send(r#"{"user":"bob","text":"hi"}"#);
    assert_eq!(chat_texts(ann.next().await), ["hi", "hello"]);
}

fn chat_texts(told: Told) -> Vec<String> {
    let Told::Live(message) = told else {
        panic!("no live message: {told:?}");
    };
    let message = js_sys::JSON::parse(&message).expect("it is JSON");
    let messages: js_sys::Array = get(&message, "msg").into();
    let text = |message: JsValue| get(&message, "text").as_string();
    messages
        .iter()
        .map(|message| text(message.clone()).unwrap_or_else(|| json(&message)))
        .collect()
}

#[wasm_bindgen_test]
async fn a_message_that_the_server_refuses_closes_for_good_with_the_reason() {
    let room = new_room();
    let ann = App::connect_with(&room, r#"{"protocol":"json"}"#);
    ann.expect(status("open")).await;
    ann.expect(Told::History(r#"{"msg":[]}"#.to_owned())).await;
    assert!(ann.send(r#"{"user":"ann"}"#));
    let Told::Status(status, code, reason) = ann.next().await else {
        panic!("no status");
    };
    assert_eq!((status.as_str(), code), ("closed", Some(4000)));
    assert!(reason.contains("text"), "{reason}");
    assert_eq!(ann.status(), "closed");
    assert!(!ann.send(r#"{"user":"ann","text":"hello"}"#));
    let refused = "not sent: the connection is closed for good";
    assert_eq!(ann.told(), [Told::Error(refused.to_owned())]);
}
