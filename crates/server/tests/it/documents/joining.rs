//! Joining a document: the state, and a short tail.

use serde_json::{Value, json};

use crate::harness::{Document, Server, Session, document_hello};

#[tokio::test]
async fn the_first_hello_makes_the_document_and_later_ones_do_not() {
    let server = Server::start(&[]).await;
    let ann = Document::open(&server, "/", "ann", json!({"a": 1})).await;
    assert_eq!((ann.seq, &ann.value), (1, &json!({"a": 1})));
    let bob = Document::open(&server, "/", "bob", json!({"b": 2})).await;
    assert_eq!((bob.seq, &bob.value), (1, &json!({"a": 1})));
    let mut ann = ann.again(&server, "/", "ann").await;
    ann.session.nothing_more().await;
    assert_eq!(ann.seq, 1);
}

#[tokio::test]
async fn a_document_that_nobody_has_made_is_null() {
    let server = Server::start(&[]).await;
    let mut ann = Document::join(&server, "/", "ann").await;
    assert_eq!((ann.seq, &ann.value), (0, &Value::Null));
    let bob = Document::open(&server, "/", "bob", json!([])).await;
    ann.until(1).await;
    assert_eq!((&ann.value, &bob.value), (&json!([]), &json!([])));
}

#[tokio::test]
async fn a_stream_and_a_document_of_one_name_are_two_rooms() {
    let server = Server::start(&[]).await;
    let mut stream = Session::join(&server, "/board", "ann").await;
    let mut document = Document::open(&server, "/board", "ann", json!({})).await;
    stream.op(1, "said").await;
    assert_eq!(stream.stream().await, [json!([1, "ack 1"])]);
    document
        .make(json!([{"op": "add", "path": ["a"], "value": 1}]))
        .await;
    assert_eq!((document.seq, &document.value), (2, &json!({"a": 1})));
    stream.nothing_more().await;
}

#[tokio::test]
async fn a_joiner_gets_the_state_and_not_the_history() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    for n in 1..=3_000 {
        ann.change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
    }
    ann.until(3_001).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    assert_eq!((bob.seq, &bob.value), (3_001, &json!({"n": 3_000})));
    let snapshot = bob.session.welcome["snapshot"].as_u64().unwrap();
    assert!(snapshot > 3_001 - 1_100, "the snapshot is as of {snapshot}");
    bob.session.nothing_more().await;
}

#[tokio::test]
async fn who_comes_back_soon_gets_what_it_missed() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    let bob = Document::join(&server, "/", "bob").await;
    let hello = {
        let mut hello = document_hello("bob");
        hello["since"] = bob.session.at(bob.seq);
        hello
    };
    bob.session.close().await;
    for n in 1..=500 {
        ann.change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
    }
    ann.until(501).await;
    let mut bob = Session::hello(&server, "/", hello.clone()).await;
    assert_eq!(bob.welcome["snapshot"], Value::Null);
    let entries = bob.entries(500).await;
    assert_eq!(entries.first().unwrap()[0], 2);
    drop(bob);
    for n in 501..=3_000 {
        ann.change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
    }
    ann.until(3_001).await;
    let bob = Document::hello(&server, "/", hello).await;
    assert!(bob.session.welcome["snapshot"].as_u64().unwrap() > 1_900);
    assert_eq!(bob.value, json!({"n": 3_000}));
}

#[tokio::test]
async fn a_position_of_another_log_is_reset_and_gets_the_state() {
    let server = Server::start(&["--store", "memory"]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    ann.make(json!([{"op": "replace", "path": ["n"], "value": 1}]))
        .await;
    for since in [
        json!({"epoch": "00000000000000ff", "seq": 1}),
        json!({"epoch": ann.session.welcome["epoch"], "seq": 99}),
    ] {
        let mut hello = document_hello("bob");
        hello["since"] = since;
        let mut bob = Session::silent(&server, "/").await;
        bob.send(hello).await;
        assert_eq!(bob.next().await["type"], "reset");
        assert_eq!(bob.next().await["type"], "welcome");
        let snapshot = bob.next().await;
        assert_eq!(snapshot["type"], "snapshot");
    }
}

#[tokio::test]
async fn a_large_state_arrives_whole_beside_a_writer_who_goes_on() {
    let server = Server::start(&["--max-message", "1000000"]).await;
    let items: Vec<_> = (0..300)
        .map(|id| json!({"id": id, "text": "x".repeat(1_000)}))
        .collect();
    let mut ann = Document::open(&server, "/", "ann", json!({"items": items, "n": 0})).await;
    for n in 1..=50 {
        ann.change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
        if n % 10 == 0 {
            let mut bob = Document::join(&server, "/", &format!("bob {n}").replace(' ', "-")).await;
            bob.session.nothing_more().await;
            assert_eq!(bob.value["items"].as_array().unwrap().len(), 300);
        }
    }
    ann.until(51).await;
    let bob = Document::join(&server, "/", "bob").await;
    assert_eq!(bob.value.to_string(), ann.value.to_string());
}
