//! Sessions: nothing is lost and nothing doubled, against a real server and against one that the test plays.

use js_sys::{Function, Map, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::browser::{fake_browser, tracked_sockets};
use super::{App, Told, get, json, new_room, state, status};

/// An app that is in the room, with this history.
async fn joined(room: &str, options: &str, values: &[u32]) -> App {
    let app = App::connect_with(room, options);
    for value in values {
        app.expect(Told::History(value.to_string())).await;
    }
    app.expect(status("open")).await;
    app
}

fn live(value: u32) -> Told {
    Told::Live(value.to_string())
}

fn missed(value: u32) -> Told {
    Told::History(value.to_string())
}

async fn saved(receipt: &JsValue) -> JsValue {
    JsFuture::from(Promise::resolve(receipt))
        .await
        .expect("it is saved")
}

/// The welcome of the server that the test plays.
pub(super) fn welcome(head: u32, last_op: u32) -> String {
    format!(
        r#"{{"type":"welcome","version":1,"client":"me","epoch":"00000000000000ab","head":{head},"last_op":{last_op},"durability":"fsync","max_message":100,"idle_timeout":60000}}"#
    )
}

#[wasm_bindgen_test]
async fn a_message_reaches_the_others_and_not_its_sender() {
    let room = new_room();
    let ann = joined(&room, "{}", &[]).await;
    let bob = joined(&room, "{}", &[]).await;
    assert!(ann.send("1"));
    bob.expect(live(1)).await;
    assert!(bob.send("2"));
    // Ann's own message would have come before Bob's.
    ann.expect(live(2)).await;
    assert_eq!(bob.told(), []);
    assert_eq!(ann.info("seq"), 2);
    assert_eq!(ann.info("own"), false);
    assert_eq!(ann.info("client"), get(&bob.send_function(), "client"));
    assert!(ann.info("time").as_f64() > Some(1.7e12));
    let eve = joined(&room, "{}", &[1, 2]).await;
    assert_eq!(eve.info("seq"), 2);
    assert_eq!(eve.detail("protocol"), "sessions");
}

#[wasm_bindgen_test]
async fn a_receipt_tells_when_the_message_is_durable_and_where() {
    let room = new_room();
    let ann = App::connect_with(&room, "{}");
    let first = ann.receipt(r#"{"text":"one"}"#);
    let second = ann.receipt(r#"{"text":"two"}"#);
    assert_eq!((state(&first).as_str(), ann.queued()), ("queued", 2));
    let where_saved = saved(&second).await;
    assert_eq!(get(&where_saved, "seq"), 2);
    assert_eq!(get(&where_saved, "durability"), "fsync");
    assert_eq!(
        (state(&first).as_str(), state(&second).as_str()),
        ("durable", "durable")
    );
    assert_eq!((get(&first, "seq"), get(&first, "id")), (1.into(), 1.into()));
    assert_eq!(ann.queued(), 0);
}

#[wasm_bindgen_test]
async fn after_a_cut_exactly_what_was_missed_comes() {
    let room = new_room();
    let bob = joined(&room, "{}", &[]).await;
    let sockets = tracked_sockets();
    let ann = joined(&room, r#"{"backoff":{"maxMs":50}}"#, &[]).await;
    bob.send("1");
    ann.expect(live(1)).await;
    sockets.cut();
    ann.expect(status("reconnecting")).await;
    let receipt = ann.receipt("2");
    assert_eq!(state(&receipt), "queued");
    let from_bob = bob.receipt("3");
    saved(&from_bob).await;
    ann.expect(missed(3)).await;
    ann.expect(status("open")).await;
    bob.expect(live(2)).await;
    saved(&receipt).await;
    bob.send("4");
    ann.expect(live(4)).await;
    assert_eq!(bob.told(), []);
}

#[wasm_bindgen_test]
async fn the_others_see_what_a_client_shows_until_it_goes() {
    let room = new_room();
    let ann = joined(&room, "{}", &[]).await;
    let bob = joined(&room, "{}", &[]).await;
    let presence = |app: &App| get(&app.send_function(), "presence");
    let others = |app: &App| {
        let others: Map = get(&presence(app), "others").unchecked_into();
        json(&js_sys::Array::from(&others.values()))
    };
    let on_change: Function = get(&presence(&bob), "onChange").unchecked_into();
    let hear = bob.callback(|bob, _, _| {
        bob.tell(live(9));
        Ok(())
    });
    on_change.call1(&presence(&bob), &hear).expect("it listens");
    let show = |value: JsValue| {
        let set: Function = get(&presence(&ann), "set").unchecked_into();
        set.call1(&presence(&ann), &value).expect("it is small");
    };
    show(JsValue::from("typing"));
    bob.expect(live(9)).await;
    assert_eq!(others(&bob), r#"["typing"]"#);
    // Not of oneself.
    assert_eq!(others(&ann), "[]");
    show(JsValue::NULL);
    bob.expect(live(9)).await;
    assert_eq!(others(&bob), "[]");
    show(JsValue::from(1));
    bob.expect(live(9)).await;
    ann.close();
    bob.expect(live(9)).await;
    assert_eq!(others(&bob), "[]");
}

#[wasm_bindgen_test]
fn an_op_whose_ack_was_lost_goes_out_again_unchanged() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    browser.socket().receive(welcome(1, 0).into());
    // Not before it has caught up.
    let receipt = ann.receipt(r#"["ä"]"#);
    assert_eq!(state(&receipt), "queued");
    let entry =
        r#"{"type":"entries","after":0,"entries":[{"client":"other","id":1,"time":5,"data":{"n":1}}]}"#;
    browser.socket().receive(entry.into());
    let op = r#"{"type":"op","id":1,"data":["ä"]}"#;
    assert!(browser.socket().sent_texts().ends_with(op));
    assert_eq!(state(&receipt), "sent");
    browser.socket().lose(1006, "");
    browser.fire_timer();
    browser.socket().open();
    let hello = browser.socket().sent_texts();
    assert!(
        hello.contains(r#""since":{"epoch":"00000000000000ab","seq":1}"#),
        "{hello}"
    );
    browser.socket().receive(welcome(1, 0).into());
    assert!(browser.socket().sent_texts().ends_with(op));
    let ack = r#"{"type":"ack","id":1,"seq":2,"time":6,"durability":"os"}"#;
    browser.socket().receive(ack.into());
    // The operator chose less than a synced disk.
    assert_eq!((state(&receipt).as_str(), ann.queued()), ("ordered", 0));
    let message = Told::History(r#"{"n":1}"#.to_owned());
    let open = || status("open");
    assert_eq!(ann.told(), [message, open(), status("reconnecting"), open()]);
}

#[wasm_bindgen_test]
fn each_client_has_a_secret_of_its_own() {
    let browser = fake_browser();
    let secret = |_app: &App| {
        browser.socket().open();
        let hello = js_sys::JSON::parse(&browser.socket().sent_texts()).expect("it is JSON");
        get(&hello, "secret").as_string().expect("it is text")
    };
    let (ann, bob) = (
        secret(&App::connect_with("ws://room", "{}")),
        secret(&App::connect_with("ws://room", "{}")),
    );
    assert_eq!((ann.len(), bob.len()), (32, 32));
    assert_ne!(ann, bob);
}

#[wasm_bindgen_test]
fn a_message_above_the_servers_limit_is_rejected_and_not_sent() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    let large = format!(r#""{}""#, "x".repeat(100));
    let early = ann.receipt(&large);
    browser.socket().open();
    browser.socket().receive(welcome(0, 0).into());
    let late = ann.receipt(&large);
    for receipt in [early, late] {
        assert_eq!(get(&get(&receipt, "error"), "code"), "too_large");
    }
    assert!(!browser.socket().sent_texts().contains("xxx"));
    let refused = || Told::Error("not sent: above the size that the server takes".to_owned());
    assert_eq!(ann.told(), [status("open"), refused(), refused()]);
}

#[wasm_bindgen_test]
fn a_server_that_rejects_says_why() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    browser.socket().receive(welcome(0, 0).into());
    for code in ["bad_data", "id_reused", "id_passed"] {
        let receipt = ann.receipt("1");
        let id = get(&receipt, "id").as_f64().expect("it has a number");
        let reject = format!(r#"{{"type":"reject","id":{id},"code":"{code}","reason":"so it is"}}"#);
        browser.socket().receive(reject.into());
        assert_eq!(get(&get(&receipt, "error"), "code"), code);
    }
    let rejected = || Told::Error("not taken by the server: so it is".to_owned());
    assert_eq!(ann.told(), [status("open"), rejected(), rejected(), rejected()]);
    let error = r#"{"type":"error","code":"bad_presence","reason":"too large"}"#;
    browser.socket().receive(error.into());
    assert_eq!(ann.told(), [Told::Error("the server says: too large".to_owned())]);
}

#[wasm_bindgen_test]
fn a_log_that_was_replaced_is_told_and_comes_from_the_start() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    browser.socket().receive(welcome(1, 0).into());
    let entries = |n: u32| {
        format!(
            r#"{{"type":"entries","after":0,"entries":[{{"client":"other","id":1,"time":5,"data":{n}}}]}}"#
        )
    };
    browser.socket().receive(entries(1).into());
    browser.socket().lose(1006, "");
    browser.fire_timer();
    browser.socket().open();
    let reset = r#"{"type":"reset","code":"other_epoch","reason":"the log was lost"}"#;
    browser.socket().receive(reset.into());
    browser.socket().receive(welcome(1, 0).into());
    browser.socket().receive(entries(2).into());
    let reset = Told::Reset("the log was lost".to_owned());
    let open = || status("open");
    assert_eq!(
        ann.told(),
        [
            missed(1),
            open(),
            status("reconnecting"),
            reset,
            missed(2),
            open()
        ]
    );
}

#[wasm_bindgen_test]
fn whatever_the_server_sends_nothing_breaks() {
    let bad = [
        "null",
        "1",
        "[]",
        "{}",
        "x",
        r#"{"type":5}"#,
        r#"{"type":"entries"}"#,
        r#"{"type":"entries","after":0,"entries":[null]}"#,
        r#"{"type":"entries","after":"x","entries":[{}]}"#,
        r#"{"type":"entries","after":1e300,"entries":[{"data":1}]}"#,
        r#"{"type":"entries","after":-1,"entries":{}}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":"ack","id":0.5,"seq":-5}"#,
        r#"{"type":"reject"}"#,
        r#"{"type":"presence"}"#,
        r#"{"type":"presence","present":5,"gone":null}"#,
        r#"{"type":"error"}"#,
        r#"{"type":"welcome","epoch":"xyz"}"#,
        r#"{"type":"welcome"}"#,
        r#"{"type":"reset"}"#,
    ];
    for text in bad {
        for greeted in [false, true] {
            let browser = fake_browser();
            let ann = App::connect_with("ws://room", "{}");
            browser.socket().open();
            if greeted {
                browser.socket().receive(welcome(0, 0).into());
            }
            browser.socket().receive(text.into());
            // Whatever it made of it, it works on: a broken one would not.
            if ann.status() != "open" {
                if ann.status() == "reconnecting" {
                    browser.fire_timer();
                    browser.socket().open();
                }
                browser.socket().receive(welcome(0, 0).into());
            }
            assert_eq!(ann.status(), "open", "{text}");
            let receipt = ann.receipt("1");
            assert_eq!(state(&receipt), "sent", "{text}");
        }
    }
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    let socket = browser.socket();
    socket.receive(js_sys::ArrayBuffer::new(1).into());
    assert_eq!(socket.closed_with(), Some(4000.0));
    let why = Some("a frame that is not a message".to_owned());
    assert_eq!(ann.detail("reason").as_string(), why);
}

#[wasm_bindgen_test]
fn close_rejects_what_waits_and_calls_nothing_more() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", r#"{"queueLimit":1}"#);
    let waiting = ann.receipt("1");
    assert_eq!(get(&get(&ann.receipt("2"), "error"), "code"), "queue_full");
    assert_eq!(
        ann.told(),
        [Told::Error("not sent: the queue is full".to_owned())]
    );
    ann.close();
    let after = ann.receipt("3");
    for receipt in [waiting, after] {
        assert_eq!(get(&get(&receipt, "error"), "code"), "closed");
    }
    assert!(browser.socket().is_released());
    assert_eq!((ann.told(), ann.status().as_str()), (vec![], "closed"));
}

#[wasm_bindgen_test]
fn an_app_that_closes_between_two_entries_gets_no_more() {
    let browser = fake_browser();
    let ann = App::connect_with("ws://room", "{}");
    browser.socket().open();
    browser.socket().receive(welcome(2, 0).into());
    ann.react(|ann| {
        assert!(ann.send("7"));
        ann.close();
        Ok(())
    });
    let entries = r#"{"type":"entries","after":0,"entries":[{"client":"o","id":1,"time":5,"data":1},{"client":"o","id":2,"time":5,"data":2}]}"#;
    browser.socket().receive(entries.into());
    assert_eq!(ann.told(), [missed(1)]);
}
