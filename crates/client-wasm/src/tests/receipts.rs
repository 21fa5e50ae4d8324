//! What an app has of a receipt, whatever made it what it is.

use js_sys::{Error, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{get, json, state};
use crate::handles::{Receipt, numbered, rejected, saved, sent};
use crate::told::Saved;

const SAVED: Saved = Saved {
    seq: Some(7.0),
    time: Some(5.0),
    durability: "fsync",
};

fn save(receipt: &Receipt) {
    saved(receipt, "durable", SAVED.to_object()).expect("no listener throws");
}

/// What `await` waits for.
fn promise(receipt: &Receipt) -> Promise {
    let value: &JsValue = receipt.as_ref();
    Promise::resolve(value)
}

async fn awaited(receipt: &Receipt) -> Result<JsValue, JsValue> {
    JsFuture::from(promise(receipt)).await
}

#[wasm_bindgen_test]
async fn a_receipt_that_is_awaited_gives_where_the_message_was_saved() {
    let saved = r#"{"seq":7,"time":5,"durability":"fsync"}"#;
    let receipt = Receipt::new();
    let waiting = promise(&receipt);
    assert_eq!(state(&receipt), "queued");
    numbered(&receipt, 3.0);
    sent(&receipt).expect("no listener throws");
    assert_eq!(state(&receipt), "sent");
    save(&receipt);
    assert_eq!(state(&receipt), "durable");
    assert_eq!((get(&receipt, "id"), get(&receipt, "seq")), (3.into(), 7.into()));
    let early = JsFuture::from(waiting).await.expect("it is saved");
    let late = awaited(&receipt).await.expect("it is saved");
    assert_eq!((json(&early), json(&late)), (saved.to_owned(), saved.to_owned()));
}

#[wasm_bindgen_test]
async fn a_rejected_receipt_throws_when_it_is_awaited_and_says_why() {
    let receipt = Receipt::new();
    rejected(&receipt, "queue_full", "no room").expect("no listener throws");
    assert_eq!(state(&receipt), "rejected");
    let thrown: Error = awaited(&receipt)
        .await
        .expect_err("it is rejected")
        .unchecked_into();
    assert_eq!(String::from(thrown.message()), "no room");
    assert_eq!(get(&thrown, "code"), "queue_full");
    assert_eq!(get(&receipt, "error"), JsValue::from(thrown));
}

#[wasm_bindgen_test]
async fn a_rejection_that_nobody_waits_for_is_no_unhandled_one() {
    let told = js_sys::Array::new();
    let heard = told.clone();
    let listener = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        heard.push(&event);
    });
    let global: web_sys::EventTarget = js_sys::global().unchecked_into();
    let function = listener.as_ref().unchecked_ref();
    let event = "unhandledrejection";
    global
        .add_event_listener_with_callback(event, function)
        .expect("it is added");
    rejected(&Receipt::new(), "closed", "it was closed").expect("no listener throws");
    // A browser tells of unhandled rejections after the turn; what is made to be one comes last.
    let _unhandled = Promise::reject(&"of this test".into());
    while told.length() == 0 {
        super::next_turn().await;
    }
    global
        .remove_event_listener_with_callback(event, function)
        .expect("it is removed");
    let reasons: Vec<_> = told.iter().map(|event| get(&event, "reason")).collect();
    assert_eq!(reasons, ["of this test"]);
}

#[wasm_bindgen_test]
fn listeners_hear_of_each_change_until_they_are_taken_off() {
    let receipt = Receipt::new();
    let heard = js_sys::Array::new();
    let listen = |name: &str, throws: bool| -> Function {
        let (heard, name) = (heard.clone(), name.to_owned());
        let closure = Closure::<dyn Fn(JsValue) -> Result<(), JsValue>>::new(move |receipt: JsValue| {
            heard.push(&format!("{name} {}", state(&receipt)).into());
            if throws {
                Err("a listener's own".into())
            } else {
                Ok(())
            }
        });
        let on_change: Function = get(&receipt, "onChange").unchecked_into();
        let listener = closure.into_js_value();
        on_change
            .call1(&receipt, &listener)
            .expect("it takes a function")
            .unchecked_into()
    };
    let off = listen("ann", true);
    listen("bob", false);
    assert_eq!(sent(&receipt), Err("a listener's own".into()));
    off.call0(&JsValue::UNDEFINED).expect("it is taken off");
    off.call0(&JsValue::UNDEFINED).expect("it is off already");
    // An op that is sent again.
    sent(&receipt).expect("nothing is called");
    save(&receipt);
    assert_eq!(json(&heard), r#"["ann sent","bob sent","bob durable"]"#);
}
