//! What the client takes from the browser it gives back.

use std::rc::Rc;

use patchcast_protocol::dialect::Dialect;
use patchcast_session::Config;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::{FakeBrowser, InPlace, fake_browser};
use crate::app::{App, Callbacks};
use crate::plain::Plain;
use crate::sessions::{Purpose, Sessions, Start};

/// An app that does not listen; whoever keeps the connection alive shows in its count.
fn app() -> Rc<App> {
    App::new(Callbacks::default())
}

fn connected() -> Rc<Plain> {
    let config = Config::default();
    let (limit, backoff) = (config.pending_limit, config.backoff);
    Plain::connect(app(), "ws://room".to_owned(), Dialect::Patches, limit, backoff).expect("it connects")
}

fn session() -> Rc<Sessions> {
    let start = Start {
        config: Config::default(),
        outbox: None,
        goes_on_after: None,
        downgrade: Some(Box::new(|_| ())),
    };
    Sessions::connect(app(), "ws://room".to_owned(), Purpose::Courier, start).expect("it connects")
}

fn assert_released<T>(browser: &InPlace<FakeBrowser>, connection: &Rc<T>) {
    assert!(browser.socket().is_released());
    assert_eq!(browser.running_timers(), "[]");
    assert_eq!(browser.listener_count(), 0);
    assert_eq!(Rc::strong_count(connection), 1);
}

#[wasm_bindgen_test]
fn a_connection_that_nobody_keeps_lives_on() {
    let browser = fake_browser();
    let plain = Rc::downgrade(&connected());
    browser.socket().open();
    assert!(plain.upgrade().is_some());
    plain.upgrade().expect("it is alive").close();
    assert!(plain.upgrade().is_none());
}

#[wasm_bindgen_test]
fn a_close_while_connecting_gives_all_back() {
    let browser = fake_browser();
    let plain = connected();
    assert_eq!(browser.listener_count(), 1);
    plain.close();
    assert_released(&browser, &plain);
}

#[wasm_bindgen_test]
fn a_close_while_open_gives_all_back() {
    let browser = fake_browser();
    let plain = connected();
    browser.socket().open();
    plain.close();
    assert_released(&browser, &plain);
}

#[wasm_bindgen_test]
fn a_close_while_waiting_gives_all_back() {
    let browser = fake_browser();
    let plain = connected();
    browser.socket().lose(1006, "");
    assert_ne!(browser.running_timers(), "[]");
    plain.close();
    assert_released(&browser, &plain);
}

#[wasm_bindgen_test]
fn a_close_by_the_server_gives_all_back() {
    let browser = fake_browser();
    let plain = connected();
    browser.socket().open();
    browser.socket().lose(4000, "malformed message");
    assert_released(&browser, &plain);
}

#[wasm_bindgen_test]
fn a_hundred_reconnects_keep_one_socket() {
    let browser = fake_browser();
    let plain = connected();
    for _ in 0..100 {
        let before = browser.socket();
        before.open();
        before.lose(1006, "");
        assert!(before.is_released());
        browser.fire_timer();
    }
    assert_eq!(browser.socket_count(), 101);
    // The socket, its deadline, the listener for the network, and this test.
    assert_eq!(Rc::strong_count(&plain), 4);
    plain.close();
    assert_released(&browser, &plain);
}

#[wasm_bindgen_test]
fn a_session_gives_all_back_whenever_it_is_closed() {
    let reached: [fn(&FakeBrowser); 5] = [
        |_| (),
        |browser| browser.socket().open(),
        |browser| browser.socket().lose(1006, ""),
        |browser| {
            browser.socket().lose(1006, "");
            browser.socket().open();
        },
        |browser| {
            browser.socket().open();
            browser.socket().lose(1001, "");
        },
    ];
    for (case, reach) in reached.into_iter().enumerate() {
        let browser = fake_browser();
        let session = session();
        reach(&browser);
        assert_eq!(browser.listener_count(), 1, "{case}");
        session.close();
        assert_released(&browser, &session);
    }
}

#[wasm_bindgen_test]
fn a_session_that_the_server_ends_gives_all_back() {
    let browser = fake_browser();
    let session = session();
    browser.socket().open();
    browser.socket().lose(4003, "replaced");
    assert_released(&browser, &session);
}
