//! The client agrees with the other implementations on the shared JSON vectors.

use js_sys::JSON;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::patches::check_message;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{get, json};
use crate::plain::codec::{decode, encode};

const SEMANTICS: &str = include_str!("../../../protocol/tests/vectors/immer-semantics.jsonl");
const FUZZ: &str = include_str!("../../../protocol/tests/vectors/immer-fuzz-sample.jsonl");
const MALFORMED: &str = include_str!("../../../protocol/tests/vectors/malformed.jsonl");

fn lines(vectors: &str) -> impl Iterator<Item = JsValue> {
    vectors
        .lines()
        .map(|line| JSON::parse(line).expect("a vector is JSON"))
}

fn text(vector: &JsValue, member: &str) -> String {
    get(vector, member).as_string().expect("the member is a string")
}

#[wasm_bindgen_test]
fn every_patch_list_of_immer_is_sent_and_received_unchanged() {
    let mut count = 0;
    for vector in lines(SEMANTICS).chain(lines(FUZZ)) {
        for list in ["patches", "inversePatches"] {
            let patches = get(&vector, list);
            let sent = encode(Dialect::Patches, &patches).expect("Immer's patches are sent");
            assert_eq!(check_message(&String::from(&sent.text)).err(), None);
            let received = decode(Dialect::Patches, &sent.text).expect("they are received");
            assert_eq!(json(&received), json(&patches));
            count += 1;
        }
    }
    assert!(count > 400, "{count} lists");
}

#[wasm_bindgen_test]
fn a_malformed_message_is_never_sent() {
    let mut refused = 0;
    for vector in lines(MALFORMED) {
        let dialect = match text(&vector, "dialect").as_str() {
            "patches" => Dialect::Patches,
            // What a chat message is made of is the app's and the server's business.
            _ => continue,
        };
        let Ok(message) = JSON::parse(&text(&vector, "message")) else {
            // No value has this text.
            refused += 1;
            continue;
        };
        match encode(dialect, &message) {
            Err(_) => refused += 1,
            // `JSON.parse` kept one of two members, or made a number of what is none: that is sound again.
            Ok(sent) => assert_eq!(check_message(&String::from(&sent.text)).err(), None, "{vector:?}"),
        }
    }
    assert!(refused > 25, "{refused} refused");
}
