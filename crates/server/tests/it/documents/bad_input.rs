//! Ops that cannot be: their authors are told, the document and everybody else are as before.

use serde_json::{Value, json};

use crate::harness::{Document, End, Server, Session, document_hello};

#[tokio::test]
async fn an_op_that_cannot_be_made_is_rejected_and_changes_nothing() {
    let server = Server::start(&["--max-document", "2000"]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"l": [1], "o": {}})).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    let deep = (0..120).fold(json!(1), |value, _| json!([value]));
    let cases = [
        (json!({"patches": {}}), "bad_patches", Value::Null),
        (json!({"patches": [1]}), "bad_patches", Value::Null),
        (
            json!({"patches": [{"op": "test", "path": []}]}),
            "bad_patches",
            Value::Null,
        ),
        (
            json!({"patches": [{"op": "add", "path": ["x", "y"], "value": 1}]}),
            "does_not_apply",
            json!(["x", "y"]),
        ),
        (
            json!({"patches": [{"op": "add", "path": ["l", 3], "value": 1}]}),
            "does_not_apply",
            json!(["l", 3]),
        ),
        (
            json!({"patches": [{"op": "remove", "path": ["l", "foo"]}]}),
            "does_not_apply",
            json!(["l", "foo"]),
        ),
        (
            json!({"patches": [{"op": "add", "path": ["__proto__"], "value": 1}]}),
            "bad_patches",
            Value::Null,
        ),
        (
            json!({"patches": [{"op": "replace", "path": ["l", "length"], "value": 4e9}]}),
            "does_not_apply",
            json!(["l", "length"]),
        ),
        (
            json!({"patches": [{"op": "add", "path": ["o", "d"], "value": [[deep]]}]}),
            "too_deep",
            json!(["o", "d"]),
        ),
        (
            json!({"patches": [{"op": "add", "path": ["o", "s"], "value": "x".repeat(2000)}]}),
            "too_large",
            Value::Null,
        ),
        (json!({"base": 2, "patches": []}), "base_ahead", Value::Null),
        (
            json!({"patches": [{"op": "replace", "path": [], "value": 1}]}),
            "reset_needed",
            Value::Null,
        ),
        // Nothing of an op is made when a part of it cannot be.
        (
            json!({"patches": [{"op": "add", "path": ["o", "a"], "value": 1}, {"op": "add", "path": ["x", "y"], "value": 1}]}),
            "does_not_apply",
            json!(["x", "y"]),
        ),
    ];
    for (op, code, path) in cases {
        let id = ann.op(op.clone()).await;
        let reject = ann.answer(id).await;
        assert_eq!(
            (&reject["type"], &reject["code"]),
            (&json!("reject"), &json!(code)),
            "{op}: {reject}"
        );
        assert_eq!(reject["after"], 1, "{op}");
        if !path.is_null() {
            assert_eq!(reject["path"], path, "{op}: {reject}");
        }
        assert!(!reject["reason"].as_str().unwrap().is_empty());
    }
    bob.session.nothing_more().await;
    ann.make(json!([{"op": "add", "path": ["o", "a"], "value": 1}]))
        .await;
    bob.until(2).await;
    assert_eq!(
        (&ann.value, &bob.value),
        (
            &json!({"l": [1], "o": {"a": 1}}),
            &json!({"l": [1], "o": {"a": 1}})
        )
    );
}

#[tokio::test]
async fn an_op_of_the_other_kind_is_rejected() {
    let server = Server::start(&[]).await;
    let mut document = Document::open(&server, "/", "ann", json!({})).await;
    document.session.op(1, "data").await;
    assert_eq!(document.session.next().await["code"], "wrong_kind");
    let mut stream = Session::join(&server, "/", "ann").await;
    stream
        .send(json!({"type": "op", "id": 1, "base": 0, "patches": []}))
        .await;
    assert_eq!(stream.next().await["code"], "wrong_kind");
}

#[tokio::test]
async fn an_initial_value_that_cannot_be_a_document_makes_none() {
    let server = Server::start(&["--max-document", "100"]).await;
    for initial in [
        json!("x".repeat(200)),
        (0..123).fold(json!(1), |value, _| json!([value])),
        json!({"__proto__": 1}),
    ] {
        let mut hello = document_hello("ann");
        hello["initial"] = initial;
        let mut ann = Session::silent(&server, "/").await;
        ann.send(hello).await;
        assert_eq!(ann.next().await["code"], "bad_initial");
        assert!(matches!(ann.end().await, End::Closed(4000, _)));
    }
    let bob = Document::join(&server, "/", "bob").await;
    assert_eq!((bob.seq, &bob.value), (0, &Value::Null));
}

#[tokio::test]
async fn a_reject_does_not_repeat_a_message_of_any_length() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"l": []})).await;
    let long = "x".repeat(300_000);
    for patch in [
        json!({"op": long, "path": []}),
        json!({"op": "add", "path": long}),
        json!({"op": "add", "path": [long, "b"], "value": 1}),
        json!({"op": "add", "path": vec![1; 100_000], "value": 1}),
    ] {
        let id = ann.change(json!([patch])).await;
        let reject = ann.answer(id).await;
        assert_eq!(reject["type"], "reject");
        assert!(
            reject.to_string().len() < 4_000,
            "{} bytes",
            reject.to_string().len()
        );
    }
}
