//! A wrong argument is a real error that names what is wrong, before anything happens.

use std::time::Duration;

use js_sys::JSON;
use patchcast_session::backoff::{Backoff, Bounds};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::fake_browser;
use super::{App, get, patches, set, thrown};
use crate::host;

/// What `send` throws for the value that `text` is the JSON of.
fn thrown_for(app: &App, text: &str) -> String {
    thrown(app.try_send(&JSON::parse(text).expect("it is JSON")))
}

#[wasm_bindgen_test]
fn send_says_where_a_list_of_patches_is_wrong() {
    let browser = fake_browser();
    let ann = App::connect("ws://room");
    browser.socket().open();
    for (message, expected) in [
        (r#"{"op":"add","path":[]}"#, "send takes an array of patches"),
        ("null", "send takes an array of patches"),
        ("[1]", "patches[0] is not an object"),
        ("[null]", "patches[0] is not an object"),
        ("[{}]", r#"patches[0].op is not "add", "replace" or "remove""#),
        (
            r#"[{"op":"test","path":[]}]"#,
            r#"patches[0].op is not "add", "replace" or "remove""#,
        ),
        (
            r#"[{"op":"add","path":[]},{"op":"add"}]"#,
            "patches[1].path is not an array",
        ),
        (r#"[{"op":"add","path":"/a"}]"#, "patches[0].path is not an array"),
        (
            r#"[{"op":"add","path":["a",-1]}]"#,
            "patches[0].path[1] is not a string or an index",
        ),
        (
            r#"[{"op":"add","path":[0.5]}]"#,
            "patches[0].path[0] is not a string or an index",
        ),
        (
            r#"[{"op":"add","path":[null]}]"#,
            "patches[0].path[0] is not a string or an index",
        ),
        (
            r#"[{"op":"add","path":["__proto__"]}]"#,
            r#"patches[0].path holds "__proto__""#,
        ),
    ] {
        assert_eq!(
            thrown_for(&ann, message),
            format!("TypeError: {expected}"),
            "{message}"
        );
    }
    assert_eq!(browser.socket().sent_texts(), "");
    assert!(ann.send(&patches(1)));
}

#[wasm_bindgen_test]
fn send_refuses_what_has_no_json_form_or_none_that_the_server_takes() {
    let _browser = fake_browser();
    let ann = App::connect_with("ws://room", r#"{"protocol":"json"}"#);
    assert_eq!(
        thrown(ann.try_send(&JsValue::UNDEFINED)),
        "TypeError: the message has no JSON form"
    );
    let circular = JsValue::from(js_sys::Object::new());
    set(&circular, "self", &circular);
    assert!(thrown(ann.try_send(&circular)).starts_with("TypeError: "));
    assert_eq!(
        thrown_for(&ann, r#"{"text":"\ud83d"}"#),
        "TypeError: the message holds half of a surrogate pair, which is no character"
    );
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert_eq!(
        thrown_for(&ann, &deep),
        "TypeError: the message is nested too deep"
    );
    assert_eq!(ann.queued(), 0);
    assert!(ann.send("null"));
}

#[wasm_bindgen_test]
fn a_presence_that_the_server_does_not_take_is_an_error_at_once() {
    let _browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    let show = |value: JsValue| {
        let presence = get(&ann.send_function(), "presence");
        let set: js_sys::Function = get(&presence, "set").unchecked_into();
        thrown(set.call1(&presence, &value))
    };
    let too_large = "TypeError: a presence has at most 1024 bytes as JSON";
    assert_eq!(show("x".repeat(1023).into()), too_large);
    assert_eq!(show("x".repeat(1022).into()), "nothing");
    assert_eq!(
        show(JsValue::UNDEFINED),
        "TypeError: the message has no JSON form"
    );
    assert_eq!(show(JsValue::NULL), "nothing");
}

#[wasm_bindgen_test]
fn connect_says_which_option_is_wrong() {
    let browser = fake_browser();
    for (options, expected) in [
        (
            r#"{"protocol":"soap"}"#,
            r#"options.protocol must be "patches", "json", or left out"#,
        ),
        (
            r#"{"protocol":"json","persist":"a"}"#,
            "options.persist is for sessions, without options.protocol",
        ),
        (r#"{"persist":5}"#, "options.persist must be an object"),
        (r#"{"persist":{}}"#, "options.persist.name must be a string"),
        (
            r#"{"persist":{"name":"a","from":"end"}}"#,
            r#"options.persist.from must be "start" or "position""#,
        ),
        (
            r#"{"queueLimit":-1}"#,
            "options.queueLimit must be an integer from 0",
        ),
        (
            r#"{"queueLimit":"9"}"#,
            "options.queueLimit must be an integer from 0",
        ),
        (r#"{"backoff":5}"#, "options.backoff must be an object"),
        (
            r#"{"backoff":{"minMs":0}}"#,
            "options.backoff.minMs must be a number of milliseconds from 1 to 86400000",
        ),
        (
            r#"{"backoff":{"minMs":2,"maxMs":1}}"#,
            "options.backoff.minMs is above options.backoff.maxMs",
        ),
    ] {
        let thrown = thrown(App::try_connect("ws://room", options));
        assert_eq!(thrown, format!("TypeError: {expected}"), "{options}");
    }
    assert_eq!(browser.socket_count(), 0);
}

#[wasm_bindgen_test]
fn one_bound_of_the_backoff_moves_the_default_of_the_other() {
    let browser = fake_browser();
    let ms = Duration::from_millis;
    for (options, min, max) in [
        ("{}", ms(500), ms(20_000)),
        (r#"{"minMs":60000}"#, ms(60_000), ms(60_000)),
        (r#"{"maxMs":100}"#, ms(100), ms(100)),
    ] {
        // Both draw from the same seed, for chance is held fast here.
        let mut backoff = Backoff::new(Bounds { min, max }, host::seed());
        let options = format!(r#"{{"protocol":"patches","backoff":{options}}}"#);
        let _app = App::connect_with("ws://room", &options);
        for _ in 0..2 {
            browser.socket().lose(1006, "");
            let wait = backoff.next_wait().as_millis();
            assert_eq!(browser.running_timers(), format!("[{wait}]"), "{options}");
            browser.fire_timer();
        }
    }
}

#[wasm_bindgen_test]
fn connect_wants_a_url_and_a_function() {
    let _browser = fake_browser();
    let nothing = JsValue::UNDEFINED;
    let connect = |url: &str, on_message: &str| {
        thrown(crate::connect(
            JSON::parse(url).expect("it is JSON"),
            JSON::parse(on_message).expect("it is JSON"),
            nothing.clone(),
        ))
    };
    assert_eq!(connect("5", "5"), "TypeError: url must be a string");
    assert_eq!(
        connect(r#""ws://room""#, "5"),
        "TypeError: onMessage must be a function"
    );
    let ann = App::connect("ws://room");
    let on_status: js_sys::Function = get(&ann.send_function(), "onStatus").unchecked_into();
    assert_eq!(
        thrown(on_status.call0(&JsValue::UNDEFINED)),
        "TypeError: onStatus takes a function"
    );
}

#[wasm_bindgen_test]
fn a_url_that_the_browser_refuses_is_a_real_error() {
    for url in ["ftp://room", "ws://", "ws://room:port/"] {
        let thrown = thrown(App::try_connect(url, "{}"));
        assert!(
            thrown.starts_with(&format!("Error: cannot connect to {url}: ")),
            "{url}: {thrown}"
        );
    }
}
