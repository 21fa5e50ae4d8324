//! The app may call the client from within what the client calls.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::fake_browser;
use super::{App, Told, live, patches, status};

/// A function for JavaScript, and the closure that has to stay alive.
fn function(body: impl Fn() + 'static) -> (JsValue, Closure<dyn Fn()>) {
    let closure = Closure::<dyn Fn()>::new(body);
    (closure.as_ref().clone(), closure)
}

#[wasm_bindgen_test]
fn on_message_may_send() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    ann.react(|ann| {
        assert!(ann.send(&patches(2)));
        Ok(())
    });
    browser.socket().receive("[]".into());
    assert_eq!(browser.socket().sent_texts(), patches(2));
}

#[wasm_bindgen_test]
fn on_message_may_close_and_hears_nothing_more() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let socket = browser.socket();
    socket.open();
    ann.react(|ann| {
        ann.close();
        assert_eq!(ann.status(), "closed");
        assert!(!ann.send(&patches(1)));
        Ok(())
    });
    socket.receive("[]".into());
    assert!(socket.is_released());
    assert_eq!(ann.told(), [status("open"), Told::History("[]".to_owned())]);
}

#[wasm_bindgen_test]
fn on_message_may_connect_again() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let first = browser.socket();
    first.open();
    let second = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&second);
    ann.react(move |ann| {
        ann.close();
        keep.replace(Some(App::connect("ws://room")));
        Ok(())
    });
    first.receive("[]".into());
    assert_eq!(browser.socket_count(), 2);
    browser.socket().open();
    let second = second.take().expect("it connected");
    assert_eq!(second.told(), [status("open")]);
}

#[wasm_bindgen_test]
fn a_status_listener_may_close_and_those_behind_it_hear_nothing() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let socket = browser.socket();
    let closing = ann.clone();
    let (close, _owner) = function(move || closing.close());
    ann.method("onStatus", &close);
    let heard = ann.clone();
    let (hear, _owner) = function(move || heard.tell(Told::TimedOut));
    ann.method("onStatus", &hear);
    socket.open();
    assert_eq!(ann.told(), [status("open")]);
    assert!(socket.is_released());
}

#[wasm_bindgen_test]
fn what_is_sent_when_it_opens_goes_behind_what_was_queued() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let sending = ann.clone();
    let (send, _owner) = function(move || assert!(sending.send(&patches(3))));
    ann.method("onStatus", &send);
    ann.send(&patches(1));
    ann.send(&patches(2));
    browser.socket().open();
    let texts = [patches(1), patches(2), patches(3)].join("\n");
    assert_eq!(browser.socket().sent_texts(), texts);
}

#[wasm_bindgen_test]
fn what_is_sent_while_the_queue_is_written_keeps_its_place() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    ann.send(&patches(1));
    ann.send(&patches(2));
    let sending = ann.clone();
    let (send, _owner) = function(move || assert!(sending.send(&patches(3))));
    browser.during_next_send(&send);
    browser.socket().open();
    let texts = [patches(1), patches(2), patches(3)].join("\n");
    assert_eq!(browser.socket().sent_texts(), texts);
}

#[wasm_bindgen_test]
fn a_status_listener_that_was_taken_off_hears_nothing() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    let heard = ann.clone();
    let (hear, _owner) = function(move || heard.tell(live(1)));
    let unsubscribe: js_sys::Function = ann.method("onStatus", &hear).unchecked_into();
    browser.socket().open();
    assert_eq!(ann.told(), [status("open"), live(1)]);
    for _ in 0..2 {
        unsubscribe
            .call0(&JsValue::UNDEFINED)
            .expect("it may be called again");
    }
    browser.socket().lose(1006, "");
    assert_eq!(ann.told(), [status("reconnecting")]);
}
