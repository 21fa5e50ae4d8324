//! `patchcast patch`: one answer for each case.

use std::fmt::Write;

use patchcast_protocol::value::same;
use serde_json::{Value, json};

use super::run;

const FUZZ: &str = include_str!("../../../../protocol/tests/vectors/immer-fuzz-sample.jsonl");

/// The answers to lines, none of which may end the command.
async fn answers(command: &str, input: &str) -> Vec<Value> {
    let (code, out, error) = run(&["patch", command], input).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn only_answer(command: &str, case: &str) -> Value {
    let mut answers = answers(command, case).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

fn vectors() -> Vec<Value> {
    FUZZ.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn apply_and_invert_answer_each_case_in_its_order() {
    // Members that are of no concern are passed over.
    let results = answers("apply", FUZZ).await;
    let inverses = answers("invert", FUZZ).await;
    let vectors = vectors();
    assert_eq!((results.len(), inverses.len()), (vectors.len(), vectors.len()));
    let mut back = String::new();
    for ((vector, answer), inverse) in vectors.iter().zip(&results).zip(&inverses) {
        assert!(same(&answer["result"], &vector["result"]), "{vector}: {answer}");
        let case = json!({ "base": vector["result"], "patches": inverse["patches"] });
        writeln!(back, "{case}").unwrap();
    }
    for (vector, answer) in vectors.iter().zip(answers("apply", &back).await) {
        assert!(same(&answer["result"], &vector["base"]), "{vector}: {answer}");
    }
}

#[tokio::test]
async fn a_case_that_cannot_be_answered_gets_its_error_and_the_next_one_its_answer() {
    let input = [
        r#"{"base":{"a":{}},"patches":[{"op":"remove","path":["b",0]}]}"#,
        "",
        "what?",
        r#"{"patches":[]}"#,
        r#"{"base":1,"patches":{}}"#,
        r#"{"base":[1,2],"patches":[{"op":"move","path":[1],"from":0}]}"#,
    ];
    let answers = answers("apply", &input.join("\n")).await;
    let kind = |answer: &Value| answer["error"]["kind"].as_str().map(str::to_owned);
    let kinds: Vec<_> = answers.iter().filter_map(kind).collect();
    assert_eq!(kinds, ["path-unresolved", "malformed", "malformed", "malformed"]);
    assert_eq!(answers[0]["error"]["path"], json!(["b", 0]));
    assert!(answers[0]["error"]["message"].is_string());
    assert_eq!(answers[4], json!({ "result": [2, 1] }));
}

#[tokio::test]
async fn squash_gives_the_least_that_does_the_same_with_its_base_and_without() {
    let patches = json!([
        { "op": "add", "path": ["l", 0], "value": { "n": 1 } },
        { "op": "replace", "path": ["l", 0, "n"], "value": 2 },
        { "op": "add", "path": ["x"], "value": 1 },
        { "op": "remove", "path": ["x"] },
    ]);
    let input = [
        json!({ "patches": patches }),
        json!({ "base": { "l": [0] }, "patches": patches }),
    ];
    let least = json!({ "patches": [{ "op": "add", "path": ["l", 0], "value": { "n": 2 } }] });
    let answers = answers("squash", &input.map(|case| case.to_string()).join("\n")).await;
    assert_eq!(answers[1], least);
    let replayed = json!({ "base": { "l": [0] }, "patches": answers[0]["patches"] }).to_string();
    assert_eq!(
        only_answer("apply", &replayed).await,
        json!({ "result": { "l": [{ "n": 2 }, 0] } })
    );
    assert!(
        answers[0]["patches"].as_array().unwrap().len() <= 2,
        "{}",
        answers[0]
    );
}

#[tokio::test]
async fn expand_gives_patches_without_moves() {
    let case =
        json!({ "base": [1, 2, 3], "patches": [{ "op": "move", "path": [2], "from": 0 }] }).to_string();
    let expanded = only_answer("expand", &case).await;
    assert!(!expanded.to_string().contains(r#""move""#), "{expanded}");
    let replayed = json!({ "base": [1, 2, 3], "patches": expanded["patches"] }).to_string();
    assert_eq!(
        only_answer("apply", &replayed).await,
        json!({ "result": [2, 3, 1] })
    );
}

#[tokio::test]
async fn diff_finds_what_somebody_did() {
    let case =
        json!({ "before": { "l": [1, 2, 3], "x": 1 }, "after": { "l": [3, 1, 2], "x": 1.0 } }).to_string();
    let found = json!({ "patches": [{ "op": "move", "path": ["l", 0], "from": 2 }] });
    assert_eq!(only_answer("diff", &case).await, found);
}

#[tokio::test]
async fn transform_carries_patches_over_others() {
    let both = |side: Value| {
        let (patches, over) = (
            json!([{ "op": "replace", "path": ["l", 2], "value": 0 }, { "op": "replace", "path": ["x"], "value": 1 }]),
            json!([{ "op": "remove", "path": ["l", 0] }, { "op": "replace", "path": ["x"], "value": 2 }]),
        );
        json!({ "base": { "l": [1, 2, 3], "x": 0 }, "patches": patches, "over": over, "side": side })
            .to_string()
    };
    let item = json!({ "op": "replace", "path": ["l", 1], "value": 0 });
    let key = json!({ "op": "replace", "path": ["x"], "value": 1 });
    assert_eq!(
        only_answer("transform", &both(json!("later"))).await,
        json!({ "patches": [item, key] })
    );
    assert_eq!(
        only_answer("transform", &both(json!("earlier"))).await,
        json!({ "patches": [item] })
    );
    assert_eq!(
        only_answer("transform", &both(json!(1))).await["error"]["kind"],
        "malformed"
    );
}

#[tokio::test]
async fn merge_takes_ops_as_a_room_does_and_says_what_became_of_each() {
    let ops = json!([
        [{ "op": "remove", "path": ["l", 0] }],
        [{ "op": "replace", "path": ["l", 1, "n"], "value": 9 }],
        [{ "op": "add", "path": ["nowhere", 0], "value": 1 }],
        [{ "op": "replace", "path": ["l", 0, "n"], "value": 7 }],
        [{ "op": "replace", "path": ["x"], "value": 1 }],
    ]);
    let base = json!({ "l": [{ "id": 1, "n": 1 }, { "id": 2, "n": 2 }], "x": 0 });
    let merged = only_answer("merge", &json!({ "base": base, "ops": ops }).to_string()).await;
    assert_eq!(merged["result"], json!({ "l": [{ "id": 2, "n": 9 }], "x": 1 }));
    let receipts = merged["receipts"].as_array().unwrap();
    let outcomes: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt["outcome"].as_str())
        .collect();
    assert_eq!(
        outcomes,
        [
            Some("as-sent"),
            Some("transformed"),
            None,
            Some("absorbed"),
            Some("as-sent")
        ]
    );
    assert_eq!(receipts[2]["error"]["kind"], "path-unresolved");
    let conflicts = &receipts[3]["conflicts"];
    assert_eq!(
        (&conflicts[0]["by"], &conflicts[0]["lost"]),
        (&json!(0), &json!(true)),
        "{conflicts}"
    );
    assert_eq!(conflicts[0]["path"][0], "l");
}
