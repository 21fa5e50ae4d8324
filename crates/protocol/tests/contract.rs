//! What every implementation of the wire format agrees on, held to shared JSON vectors: natively, and in browsers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::limits::MAX_DEPTH;
use patchcast_protocol::message::{
    ErrorCode, Refusal, Reject, RejectCode, read_client, read_server, write_client, write_server,
};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::patches::check_message;
use patchcast_protocol::{Malformed, chat::ChatPost};
use serde_json::value::RawValue;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

const SEMANTICS: &str = include_str!("vectors/immer-semantics.jsonl");
const FUZZ: &str = include_str!("vectors/immer-fuzz-sample.jsonl");
const MALFORMED: &str = include_str!("vectors/malformed.jsonl");
const SESSIONS: &str = include_str!("vectors/sessions.jsonl");

fn lines(vectors: &str) -> impl Iterator<Item = Value> {
    vectors.lines().map(|line| serde_json::from_str(line).unwrap())
}

#[test]
fn every_patch_list_of_immer_is_a_message_and_survives_a_round_trip() {
    let mut count = 0;
    for vector in lines(SEMANTICS).chain(lines(FUZZ)) {
        for list in ["patches", "inversePatches"] {
            let text = vector[list].to_string();
            let typed: Vec<Patch> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(serde_json::to_string(&typed).unwrap(), text);
            assert_eq!(check_message(&text), Ok(typed.len()), "{text}");
            count += typed.len();
        }
    }
    assert!(count > 1000, "the vectors hold {count} patches");
}

#[test]
fn a_malformed_message_is_refused_with_its_reason() {
    for vector in lines(MALFORMED) {
        let text = vector["message"].as_str().unwrap();
        let error = match vector["dialect"].as_str().unwrap() {
            "patches" => {
                // What is checked without building it and what is built agree.
                assert!(serde_json::from_str::<Vec<Patch>>(text).is_err(), "{vector}");
                check_message(text).map(drop)
            }
            "json" => ChatPost::parse(text).map(drop),
            other => panic!("unknown dialect {other}"),
        };
        let reason = error.expect_err(&vector["name"].to_string()).to_string();
        let expected = vector["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{vector}: {reason}");
    }
}

/// `means` is the message as its own side writes it; without one, `error` or `reject` is the code that answers it.
#[test]
fn a_message_of_a_session_means_the_same_everywhere_or_is_refused_with_its_code() {
    for vector in lines(SESSIONS) {
        let text = vector["message"].as_str().unwrap();
        let outcome = match vector["from"].as_str().unwrap() {
            "client" => client_outcome(text),
            "server" => server_outcome(text),
            other => panic!("{other} speaks in no session"),
        };
        match outcome {
            Ok(means) => assert_eq!(Some(&means), vector.get("means"), "{vector}"),
            Err((refusal, reason)) => {
                for member in ["error", "reject", "id"] {
                    assert_eq!(
                        refusal.get(member),
                        vector.get(member),
                        "{member} of {vector}: {reason}"
                    );
                }
                assert!(vector.get("means").is_none(), "{vector}: {reason}");
                let expected = vector["reason"].as_str().unwrap();
                assert!(reason.contains(expected), "{vector}: {reason}");
            }
        }
    }
}

fn client_outcome(text: &str) -> Result<Value, (Value, String)> {
    match read_client(text) {
        Ok(message) => Ok(serde_json::from_str(&write_client(&message)).unwrap()),
        Err(Refusal::Error { code, reason }) => Err((json!({ "error": code }), reason)),
        Err(Refusal::Reject(reject)) => {
            Err((json!({ "reject": reject.code, "id": reject.id.0 }), reject.reason))
        }
    }
}

fn server_outcome(text: &str) -> Result<Value, (Value, String)> {
    match read_server::<Box<RawValue>>(text) {
        Ok(Some(message)) => Ok(serde_json::from_str(&write_server(&message)).unwrap()),
        Ok(None) => Ok(Value::Null),
        Err(malformed) => Err((json!({ "error": ErrorCode::Malformed }), malformed.to_string())),
    }
}

#[test]
fn an_op_of_a_hundred_thousand_levels_is_refused_without_using_the_stack() {
    let deep = "[".repeat(100_000);
    let whole = format!("{deep}{}", "]".repeat(100_000));
    for (member, expected) in [
        (r#""data""#, RejectCode::BadData),
        (r#""base":1,"patches""#, RejectCode::BadPatches),
    ] {
        let op = |value: &str| read_client(&format!(r#"{{"type":"op","id":9,{member}:{value}}}"#)).map(drop);
        let refusal = op(&whole).unwrap_err();
        assert!(
            matches!(&refusal, Refusal::Reject(Reject { id, code, .. }) if id.0 == 9 && *code == expected),
            "{refusal:?}"
        );
        let refusal = op(&deep).unwrap_err();
        assert!(
            matches!(
                refusal,
                Refusal::Error {
                    code: ErrorCode::Malformed,
                    ..
                }
            ),
            "{refusal:?}"
        );
    }
}

#[test]
fn a_message_of_a_hundred_thousand_levels_is_refused_without_using_the_stack() {
    let text = format!("[{{\"op\":\"add\",\"path\":[],\"value\":{}", "[".repeat(100_000));
    assert_eq!(check_message(&text).unwrap_err(), Malformed::TooDeep(MAX_DEPTH));
    assert_eq!(
        check_message(&"[".repeat(100_000))
            .unwrap_err()
            .to_string()
            .split(':')
            .next(),
        Some("invalid type")
    );
}

#[test]
fn a_message_may_be_nested_just_as_deep_as_the_limit_says() {
    let message = |levels: usize| {
        // The list and the patch are two of the levels.
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        format!("[{{\"op\":\"add\",\"path\":[],\"value\":{open}{close}}}]")
    };
    assert_eq!(check_message(&message(MAX_DEPTH)), Ok(1));
    assert_eq!(
        check_message(&message(MAX_DEPTH + 1)),
        Err(Malformed::TooDeep(MAX_DEPTH))
    );
}

#[test]
fn a_value_keeps_the_order_of_its_members_and_members_that_no_patch_has_are_passed_over() {
    let text = r#"[{"by":"ann","op":"add","path":["z","a",0],"value":{"z":1.5,"a":null,"10":1e300}}]"#;
    let typed: Vec<Patch> = serde_json::from_str(text).unwrap();
    assert_eq!(
        serde_json::to_string(&typed).unwrap(),
        text.replace(r#""by":"ann","#, "").replace("1e300", "1e+300")
    );
}

#[test]
fn a_move_survives_a_round_trip_and_needs_an_index_to_take_from() {
    let text = r#"{"op":"move","path":["a",1],"from":0}"#;
    let typed: Patch = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&typed).unwrap(), text);
    for from in [
        "",
        r#","from":-1"#,
        r#","from":0.5"#,
        r#","from":"0""#,
        r#","from":null"#,
        r#","from":["a"]"#,
    ] {
        let text = format!(r#"{{"op":"move","path":["a",1]{from}}}"#);
        let reason = serde_json::from_str::<Patch>(&text).unwrap_err().to_string();
        assert!(reason.contains("needs `from`"), "{text}: {reason}");
    }
}

#[test]
fn an_absent_value_stays_absent_and_null_stays_null() {
    for text in [
        r#"[{"op":"replace","path":["a"]}]"#,
        r#"[{"op":"replace","path":["a"],"value":null}]"#,
    ] {
        let typed: Vec<Patch> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&typed).unwrap(), text);
    }
}
