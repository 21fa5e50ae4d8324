//! What of a document is on disk: found again after a crash, as short as the operator wants it, and never believed blindly.

use std::path::Path;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, SqliteStore, StartupCheck, Store};
use serde_json::json;

use crate::harness::{Document, End, Server, Session, document_hello};

/// Sends `count` changes, each of which is the last to be seen, and waits for all of them.
async fn write(document: &mut Document, from: u64, count: u64) {
    for n in from..from + count {
        document
            .change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
    }
    document.until(document.seq.max(from + count)).await;
}

#[tokio::test]
async fn a_document_is_what_it_was_after_a_kill_with_and_without_a_snapshot() {
    let mut server = Server::start(&[]).await;
    let mut written = 0;
    for round in 0..3 {
        let mut ann = Document::open(&server, "/", "ann", json!({"n": 0, "l": []})).await;
        assert_eq!(ann.value["n"], written);
        let count = [10, 2_500, 700][round];
        write(&mut ann, written + 1, count).await;
        written += count;
        let before = ann.value.to_string();
        server = Server::on(server.kill().await, &[]).await;
        let bob = Document::join(&server, "/", "bob").await;
        assert_eq!(bob.value.to_string(), before);
        assert_eq!(bob.seq, written + 1);
    }
}

#[tokio::test]
async fn what_is_older_than_the_operator_wants_to_keep_goes_when_a_snapshot_has_it() {
    let server = Server::start(&["--retain", "100"]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    for start in (1..=6_000).step_by(500) {
        write(&mut ann, start, 500).await;
    }
    bob.until(6_001).await;
    let server = Server::on(server.kill().await, &["--retain", "100"]).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    assert_eq!(bob.value, json!({"n": 6_000}));
    let id = bob
        .op(json!({"base": 1, "patches": [{"op": "add", "path": ["b"], "value": 1}]}))
        .await;
    assert_eq!(bob.answer(id).await["code"], "base_forgotten");
    // Ann's ops are known although their entries have gone.
    let mut ann = Document::join(&server, "/", "ann").await;
    assert_eq!(ann.session.welcome["last_op"], 6_000);
    let id = ann
        .change(json!([{"op": "add", "path": ["a"], "value": 1}]))
        .await;
    assert_eq!((id, &ann.answer(id).await["type"]), (6_001, &json!("ack")));
}

#[tokio::test]
async fn who_was_away_longer_than_entries_are_kept_gets_the_state() {
    let server = Server::start(&["--retain", "10"]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    let bob = Document::join(&server, "/", "bob").await;
    let mut hello = document_hello("bob");
    hello["since"] = bob.session.at(1);
    write(&mut ann, 1, 3_000).await;
    let server = Server::on(server.kill().await, &["--retain", "10"]).await;
    let bob = Document::hello(&server, "/", hello).await;
    assert_eq!((bob.seq, &bob.value), (3_001, &json!({"n": 3_000})));
}

#[tokio::test]
async fn clients_can_check_that_they_have_what_the_room_has() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"n": 0})).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    for n in 1..=600 {
        ann.change(json!([{"op": "replace", "path": ["n"], "value": n}]))
            .await;
    }
    let mut checked = 0;
    for document in [&mut ann, &mut bob] {
        while document.seq < 601 {
            let message = document.next().await;
            if message["type"] == "check" {
                let hash = patchcast_protocol::value::state_hash(&document.value).to_string();
                assert_eq!(
                    (&message["seq"], &message["hash"]),
                    (&json!(document.seq), &json!(hash))
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 2, "{checked} checks for two clients");
    bob.session
        .send(json!({"type": "diverged", "seq": 512, "hash": "0000000000000000"}))
        .await;
    bob.session.send(json!({"type": "ping"})).await;
    while bob.session.next().await["type"] != "pong" {}
    assert!(server.log().contains("diverged"), "{}", server.log());
}

#[tokio::test]
async fn a_document_whose_history_does_not_apply_is_a_loud_error_and_other_rooms_go_on() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/broken", "ann", json!({"n": 0})).await;
    ann.make(json!([{"op": "add", "path": ["l"], "value": [1]}]))
        .await;
    let directory = server.kill().await;
    // As a bug might leave it: sums and numbers are right, the patches are not.
    let entry = concat!(
        r#"{"patches":[{"op":"remove","path":["l",5]}]}"#,
        "\n",
        r#"{"base":2,"upon":2,"sent":"0000000000000000"}"#
    );
    append(&directory.path().join("data"), "broken", Seq(2), entry).await;
    let server = Server::on(directory, &[]).await;
    let mut ann = Session::silent(&server, "/broken").await;
    ann.send(document_hello("ann")).await;
    let end = ann.end().await;
    assert!(matches!(end, End::Closed(1011, _)), "{end:?}");
    let log = server.log();
    assert!(log.contains("broken") && log.contains("entry 3"), "{log}");
    let other = Document::open(&server, "/other", "ann", json!(1)).await;
    assert_eq!(other.value, json!(1));
}

/// Appends an entry to a document's log behind the server's back.
async fn append(data: &Path, room: &str, head: Seq, payload: &str) {
    let store = SqliteStore::open(data, Durability::Fsync, StartupCheck::Full).unwrap();
    let room = RoomId {
        dialect: Dialect::Documents,
        name: RoomName::parse(room).unwrap(),
    };
    let log = store.open(&room).await.unwrap();
    let entry = NewEntry {
        author: Author([9; 12]),
        op: OpId(1),
        time: Timestamp(0),
        weight: payload.len() as u64,
        payload: payload.as_bytes().to_vec(),
    };
    log.append(head, [entry].into()).await.unwrap();
}
