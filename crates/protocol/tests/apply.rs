//! Patches apply as in the real Immer, and can be taken back: held to vectors that it wrote, natively and in browsers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::apply::{self, Document};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::value::{bytes, same};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

const SEMANTICS: &str = include_str!("vectors/immer-semantics.jsonl");
const FUZZ: &str = include_str!("vectors/immer-fuzz-sample.jsonl");
const ERRORS: &str = include_str!("vectors/immer-errors.jsonl");

fn lines(vectors: &str) -> impl Iterator<Item = Value> {
    vectors.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn patches(list: &Value) -> Vec<Patch> {
    serde_json::from_value(list.clone()).unwrap()
}

/// Applies patches both ways, takes them back both ways, and gives what they made.
fn replay(base: &Value, list: &Value) -> Value {
    let mut document = Document::new(base.clone()).unwrap();
    let before = document.clone();
    let undo = document
        .apply(&patches(list))
        .unwrap_or_else(|error| panic!("{error}: {list}"));
    let result = document.value().clone();
    assert_eq!(document.bytes(), bytes(&result), "{list}");

    let mut unread = before.clone();
    unread.apply_unread(list.as_array().unwrap().clone()).unwrap();
    assert_eq!(unread, document);

    undo.roll_back(&mut document);
    assert_eq!(document.value().to_string(), before.value().to_string());
    assert_eq!(document, before);

    let inverse = apply::invert(base.clone(), &patches(list)).unwrap();
    let back = apply::apply(result.clone(), &inverse).unwrap();
    assert!(same(&back, base), "{list} is not undone by {inverse:?}");
    result
}

/// What the vector says that replaying over JSON gives, respectively taking it back. `None` where JSON cannot say it.
fn expected(vector: &Value, on_the_wire: &str, otherwise: &str) -> Option<Value> {
    match &vector[on_the_wire] {
        Value::Null => Some(vector[otherwise].clone()),
        Value::Object(says) if says.contains_key("v") => Some(says["v"].clone()),
        // Immer refuses a key that is an ordinary one here.
        Value::Object(says) if says.contains_key("error") => Some(vector[otherwise].clone()),
        // The root is undefined, which is null here.
        Value::Object(says) if says.contains_key("undefined") => Some(Value::Null),
        _ => None,
    }
}

#[test]
fn patches_of_immer_give_its_result_and_their_inverse_gives_the_base_again() {
    let mut count = 0;
    for vector in lines(SEMANTICS).chain(lines(FUZZ)) {
        let name = format!("{} {}", vector["name"], vector["seed"]);
        if let Some(result) = expected(&vector, "wireReplay", "result") {
            let replayed = replay(&vector["base"], &vector["patches"]);
            assert!(same(&replayed, &result), "{name}: {replayed}");
            count += 1;
        }
        if let Some(base) = expected(&vector, "wireInverse", "base") {
            let replayed = replay(&vector["result"], &vector["inversePatches"]);
            assert!(same(&replayed, &base), "{name}: {replayed}");
            count += 1;
        }
    }
    assert!(count > 500, "{count} replays");
}

#[test]
fn what_immer_refuses_is_refused_for_the_same_reason_and_leaves_the_value_as_it_was() {
    let mut count = 0;
    for vector in lines(ERRORS) {
        let mut document = Document::new(vector["base"].clone()).unwrap();
        let before = document.clone();
        let error = document
            .apply_unread(vector["patches"].as_array().unwrap().clone())
            .unwrap_err();
        assert_eq!(
            document.value().to_string(),
            before.value().to_string(),
            "{vector}"
        );
        assert_eq!(document, before);
        let kind = serde_json::to_value(error.kind).unwrap();
        let expected = vector["error"]["kind"].as_str().unwrap();
        match expected {
            // An error of the JavaScript engine has no kind.
            "native" => {}
            // Immer counts it among the reserved keys.
            "reserved-key" if vector["patches"].to_string().contains("constructor") => {}
            _ => assert_eq!(kind, expected, "{vector}: {error}"),
        }
        // Whoever reads the patches first refuses them too, at the latest when they are applied.
        if let Ok(read) = serde_json::from_value::<Vec<Patch>>(vector["patches"].clone()) {
            let typed = document.apply(&read).unwrap_err();
            assert_eq!(typed, error);
        }
        count += 1;
    }
    assert_eq!(count, 78);
}
