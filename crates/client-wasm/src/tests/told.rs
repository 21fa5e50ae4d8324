//! What callbacks are given beside a message or a status is what `types.ts` says: plain objects, and no member too many.

use js_sys::{JSON, Object};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::told::{Saved, StatusDetail, message_info};

/// `entries` is the JSON of the object's names and values.
fn check(object: &JsValue, entries: &str) {
    let object: &Object = object.dyn_ref().expect("it is an object");
    let plain = Object::get_prototype_of(&Object::new());
    assert_eq!(Object::get_prototype_of(object), plain);
    let found = JSON::stringify(&Object::entries(object)).expect("it has a JSON form");
    assert_eq!(String::from(found), entries);
}

#[wasm_bindgen_test]
fn the_info_of_a_message_says_whether_it_is_history() {
    for history in [true, false] {
        check(&message_info(history), &format!(r#"[["history",{history}]]"#));
    }
}

#[wasm_bindgen_test]
fn what_is_not_known_of_a_status_is_no_member_of_its_detail() {
    check(&StatusDetail::default().to_object(), "[]");
    let detail = StatusDetail {
        code: Some(1013),
        reason: Some("try again later"),
        retry_in_ms: Some(0.5),
        protocol: Some("sessions"),
    };
    let entries = r#"[["code",1013],["reason","try again later"],["retryInMs",0.5],["protocol","sessions"]]"#;
    check(&detail.to_object(), entries);
    let detail = StatusDetail { code: None, ..detail };
    let entries = r#"[["reason","try again later"],["retryInMs",0.5],["protocol","sessions"]]"#;
    check(&detail.to_object(), entries);
}

#[wasm_bindgen_test]
fn what_the_plain_dialects_do_not_know_of_a_saved_message_is_no_member() {
    check(&Saved::UNKNOWN.to_object(), r#"[["durability","unknown"]]"#);
    let saved = Saved {
        seq: Some(3.0),
        time: Some(1_767_225_600_000.0),
        durability: "fsync",
    };
    let entries = r#"[["seq",3],["time",1767225600000],["durability","fsync"]]"#;
    check(&saved.to_object(), entries);
}
