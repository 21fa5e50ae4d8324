//! A connection that breaks comes back by itself.

use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::{fake_browser, tracked_sockets};
use super::{App, Told, history, live, new_room, patches, status};

#[wasm_bindgen_test]
async fn after_a_cut_the_history_comes_again_and_then_what_was_queued_goes() {
    let sockets = tracked_sockets();
    let room = new_room();
    let bob = App::connect(&room);
    bob.expect(status("open")).await;
    bob.expect(history(&[])).await;
    let ann = App::connect_with(&room, r#"{"protocol":"patches","backoff":{"maxMs":50}}"#);
    ann.expect(status("open")).await;
    ann.expect(history(&[])).await;
    ann.send(&patches(1));
    bob.expect(live(1)).await;

    sockets.cut();
    ann.expect(status("reconnecting")).await;
    assert_eq!(ann.status(), "reconnecting");
    assert!(ann.send(&patches(2)));
    assert_eq!(ann.queued(), 1);
    ann.expect(status("open")).await;
    ann.expect(Told::Reset(
        "reconnected: the whole history comes again".to_owned(),
    ))
    .await;
    // Her own message from before the cut is in it; the one that waited is not.
    ann.expect(history(&[1])).await;
    bob.expect(live(2)).await;
    bob.send(&patches(3));
    ann.expect(live(3)).await;
}

#[wasm_bindgen_test]
async fn where_nobody_listens_it_tries_again_until_it_is_closed() {
    // The server listens on another address of this machine.
    let nobody = new_room().replace("127.0.0.1", "127.0.0.2");
    let options = r#"{"protocol":"patches","backoff":{"maxMs":10},"queueLimit":2}"#;
    let ann = App::connect_with(&nobody, options);
    assert_eq!(ann.status(), "connecting");
    for _ in 0..3 {
        ann.expect(status("reconnecting")).await;
    }
    assert!(ann.send(&patches(1)));
    assert!(ann.send(&patches(2)));
    assert!(!ann.send(&patches(3)));
    ann.close();
    assert_eq!(
        ann.told(),
        [Told::Error("not sent: the queue is full".to_owned())]
    );
}

#[wasm_bindgen_test]
fn an_attempt_without_an_answer_is_given_up() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let first = browser.socket();
    assert_eq!(browser.running_timers(), "[10000]");
    browser.fire_timer();
    let no_answer = Told::Status("reconnecting".to_owned(), None, "no answer in time".to_owned());
    assert_eq!(ann.told(), [no_answer]);
    assert!(first.is_released());
    browser.fire_timer();
    assert_eq!(browser.socket_count(), 2);
    browser.socket().open();
    assert_eq!(browser.running_timers(), "[]");
    assert_eq!(ann.told(), [status("open")]);
}

#[wasm_bindgen_test]
fn when_the_network_is_back_a_waiting_connection_tries_at_once() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    // Under way already.
    browser.go_online();
    assert_eq!(browser.socket_count(), 1);
    browser.socket().lose(1006, "");
    assert_eq!(browser.socket_count(), 1);
    browser.go_online();
    assert_eq!(browser.socket_count(), 2);
    assert_eq!(browser.running_timers(), "[10000]");
    browser.socket().open();
    browser.go_online();
    assert_eq!(browser.socket_count(), 2);
    assert_eq!(ann.told(), [status("reconnecting"), status("open")]);
}

#[wasm_bindgen_test]
fn a_code_of_the_server_is_told_with_its_reason() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    browser.socket().lose(1013, "try again later");
    browser.fire_timer();
    browser.socket().lose(4000, "malformed message");
    let overloaded = Told::Status(
        "reconnecting".to_owned(),
        Some(1013),
        "try again later".to_owned(),
    );
    let malformed = Told::Status("closed".to_owned(), Some(4000), "malformed message".to_owned());
    assert_eq!(ann.told(), [status("open"), overloaded, malformed]);
}

#[wasm_bindgen_test]
fn what_a_closing_socket_would_swallow_waits_for_the_next_connection() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    browser.socket().begin_to_close();
    assert!(ann.send(&patches(1)));
    assert_eq!(browser.socket().sent_texts(), "");
    browser.socket().lose(1006, "");
    browser.fire_timer();
    browser.socket().open();
    assert_eq!(browser.socket().sent_texts(), patches(1));
}

#[wasm_bindgen_test]
fn a_network_that_takes_nothing_fills_no_memory() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    browser.socket().congest(crate::limits::BUFFERED_BYTES + 1);
    assert!(!ann.send(&patches(1)));
    let refused = Told::Error("not sent: the network takes less than is sent".to_owned());
    assert_eq!(ann.told(), [status("open"), refused]);
    browser.socket().congest(0);
    assert!(ann.send(&patches(2)));
    assert_eq!(browser.socket().sent_texts(), patches(2));
}

#[wasm_bindgen_test]
fn a_browser_that_forbids_a_later_attempt_is_asked_again() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().lose(1006, "");
    browser.refuse_sockets();
    browser.fire_timer();
    let refuses = Told::Status(
        "reconnecting".to_owned(),
        None,
        "cannot connect to ws://room: forbidden here".to_owned(),
    );
    assert_eq!(ann.told(), [status("reconnecting"), refuses]);
    assert_ne!(browser.running_timers(), "[]");
}

#[wasm_bindgen_test]
fn a_message_that_is_no_json_text_is_told_and_the_connection_lives_on() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    for bad in [
        JsValue::from("[1,"),
        JsValue::from("{}"),
        js_sys::ArrayBuffer::new(1).into(),
    ] {
        browser.socket().receive(bad);
    }
    browser.socket().receive(patches(1).into());
    let mut told = ann.told().into_iter();
    assert_eq!(told.next(), Some(status("open")));
    for expected in [
        "that is not JSON: ",
        "that is not an array of patches",
        "a binary message",
    ] {
        let Some(Told::Error(error)) = told.next() else {
            panic!("no error: {expected}");
        };
        assert!(error.contains(expected), "{error}");
    }
    // It was not the first message, whatever became of that.
    assert_eq!(told.next(), Some(live(1)));
    assert_eq!(told.next(), None);
}
