//! A server that does not speak sessions is found out, and spoken to plainly.

use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::fake_browser;
use super::sessions::welcome;
use super::{App, Told, get, live, patches, state, status};

#[wasm_bindgen_test]
fn a_server_that_chooses_what_is_offered_first_is_a_plain_one_and_was_sent_nothing() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    let first = browser.socket();
    assert_eq!(first.offers(), r#"["patchcast.none","patchcast.v1"]"#);
    ann.send(&patches(1));
    first.open_as("patchcast.none");
    assert!(first.is_released());
    assert_eq!(first.sent_texts(), "");
    assert_eq!(browser.socket_count(), 2);
    let plain = browser.socket();
    assert_eq!(plain.offers(), "[]");
    plain.open();
    assert_eq!(plain.sent_texts(), patches(1));
    assert_eq!(ann.told(), [status("open")]);
    plain.receive("[]".into());
    plain.receive(patches(2).into());
    assert_eq!(ann.told(), [Told::History("[]".to_owned()), live(2)]);
}

#[wasm_bindgen_test]
fn a_server_that_chooses_nothing_though_the_browser_lets_it_is_a_plain_one() {
    let browser = fake_browser();
    let _ann = App::connect_with("ws://room", "{}");
    browser.socket().open_as("");
    assert_eq!(browser.socket().offers(), "[]");
}

#[wasm_bindgen_test]
fn a_server_that_is_up_and_fails_sessions_twice_is_a_plain_one() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().lose(1006, "");
    assert_eq!(browser.socket().offers(), "[]");
    let probe = browser.socket();
    probe.open();
    // Kept open, so that the server is known to be up.
    assert!(!probe.is_released());
    assert_eq!(browser.socket_count(), 3);
    browser.socket().lose(1006, "");
    assert!(probe.is_released());
    assert_eq!(browser.socket_count(), 4);
    assert_eq!(browser.socket().offers(), "[]");
    browser.socket().open();
    assert_eq!(ann.told(), [status("open")]);
    assert_eq!(ann.detail("protocol"), "patches");
}

#[wasm_bindgen_test]
fn a_server_that_was_only_slow_to_start_is_spoken_to_in_sessions() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().lose(1006, "");
    let probe = browser.socket();
    probe.open();
    browser.socket().open();
    assert!(probe.is_released());
    browser.socket().receive(welcome(0, 0).into());
    assert_eq!(ann.told(), [status("open")]);
    assert_eq!(ann.detail("protocol"), "sessions");
}

#[wasm_bindgen_test]
fn a_server_that_is_down_is_tried_again_later() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    for sockets in [2, 4] {
        browser.socket().lose(1006, "");
        browser.socket().lose(1006, "");
        assert_eq!(browser.socket_count(), sockets);
        assert_eq!(ann.told(), [status("reconnecting")]);
        browser.fire_timer();
    }
    // It went down between the two.
    browser.socket().lose(1006, "");
    browser.socket().open();
    browser.older_socket().lose(1006, "");
    assert_eq!(ann.told(), [status("reconnecting")]);
    assert!(browser.socket().is_released());
}

#[wasm_bindgen_test]
fn who_has_spoken_sessions_speaks_nothing_else() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    browser.socket().lose(1006, "");
    browser.fire_timer();
    browser.socket().lose(1006, "");
    assert_eq!(browser.socket_count(), 2);
    browser.fire_timer();
    browser.socket().open_as("");
    assert_eq!(browser.socket_count(), 3);
    let why = "the server does not speak sessions any more".to_owned();
    let refused = Told::Status("reconnecting".to_owned(), None, why);
    let lost = || status("reconnecting");
    assert_eq!(ann.told(), [lost(), lost(), refused]);
}

#[wasm_bindgen_test]
fn what_a_plain_server_does_not_take_is_rejected() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    let no_patches = ann.receipt(r#"{"text":"hello"}"#);
    let patches = ann.receipt(&patches(1));
    browser.socket().open_as("");
    browser.socket().open();
    assert_eq!(
        (state(&no_patches).as_str(), state(&patches).as_str()),
        ("rejected", "sent")
    );
    assert_eq!(get(&get(&no_patches, "error"), "code"), "bad_data");
    let refused = "not sent: the server takes Immer patches only: send takes an array of patches";
    assert_eq!(ann.told(), [Told::Error(refused.to_owned()), status("open")]);
    assert_eq!(get(&ann.send_function(), "client"), JsValue::UNDEFINED);
}
