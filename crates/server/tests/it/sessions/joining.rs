//! Joining and resuming: nothing is left out, nothing comes twice, and a position that is no good is answered.

use serde_json::{Value, json};

use crate::harness::{Server, Session};

#[tokio::test]
async fn an_op_is_acknowledged_to_its_author_and_shown_to_the_others_in_one_order() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let mut bob = Session::join(&server, "/", "bob").await;
    ann.op(1, "a").await;
    let ack = ann.next().await;
    assert_eq!(
        (&ack["type"], &ack["id"], &ack["seq"], &ack["durability"]),
        (&json!("ack"), &json!(1), &json!(1), &json!("fsync"))
    );
    let entries = bob.next().await;
    assert_eq!(entries["after"], 0);
    let entry = &entries["entries"][0];
    assert_eq!((&entry["id"], &entry["data"]), (&json!(1), &json!("a")));
    assert_eq!(entry["client"], ann.id());
    assert_eq!(entry["time"], ack["time"]);
    bob.op(1, "b").await;
    assert_eq!(bob.stream().await, [json!([2, "ack 1"])]);
    assert_eq!(ann.stream().await, [json!([2, "b"])]);
    ann.nothing_more().await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn a_joiner_gets_the_whole_room_in_a_few_large_messages() {
    let server = Server::start(&["--store", "memory"]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    for id in 1..=5_000 {
        ann.op(id, json!({"n": id, "text": "x".repeat(80)})).await;
    }
    for seq in 1..=5_000 {
        assert_eq!(ann.stream().await, [json!([seq, format!("ack {seq}")])]);
    }
    let mut bob = Session::join(&server, "/", "bob").await;
    assert_eq!(bob.welcome["head"], 5_000);
    let (mut messages, mut next) = (0, 1);
    while next <= 5_000 {
        for entry in bob.stream().await {
            assert_eq!((&entry[0], &entry[1]["n"]), (&json!(next), &json!(next)));
            next += 1;
        }
        messages += 1;
    }
    assert!(messages <= 4, "{messages} messages");
    bob.nothing_more().await;
}

#[tokio::test]
async fn resuming_gives_just_what_was_missed() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    for id in 1..=10 {
        ann.op(id, id).await;
    }
    ann.entries(10).await;
    for since in 0..=10 {
        let mut bob = Session::resume(&server, "/", "bob", ann.at(since)).await;
        let missed: Vec<Value> = (since + 1..=10).map(|n| json!([n, n])).collect();
        assert_eq!(bob.entries(missed.len()).await, missed);
        bob.nothing_more().await;
        bob.close().await;
    }
}

#[tokio::test]
async fn what_a_client_wrote_before_comes_to_it_as_an_entry_of_its_own() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    ann.op(1, "a").await;
    ann.op(2, "b").await;
    ann.entries(2).await;
    let mut again = Session::join(&server, "/", "ann").await;
    assert_eq!(again.welcome["last_op"], 2);
    let client = again.id().to_owned();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        for entry in again.next().await["entries"].as_array().unwrap() {
            assert_eq!(entry["client"], client);
            seen.push(entry["data"].clone());
        }
    }
    assert_eq!(seen, ["a", "b"]);
    again.op(3, "c").await;
    assert_eq!(again.stream().await, [json!([3, "ack 3"])]);
}

#[tokio::test]
async fn a_position_that_is_not_in_the_log_is_answered_with_a_reset_and_everything_comes_again() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    ann.op(1, "a").await;
    ann.entries(1).await;
    let other = json!({"epoch": "00000000deadbeef", "seq": 1});
    for (since, code) in [
        (ann.at(2), "ahead"),
        (ann.at(1 << 50), "ahead"),
        (other, "other_epoch"),
    ] {
        let mut bob = Session::silent(&server, "/").await;
        bob.send(json!({
            "type": "hello", "version": 1, "secret": crate::harness::secret("bob"), "since": since,
        }))
        .await;
        let reset = bob.next().await;
        assert_eq!((&reset["type"], &reset["code"]), (&json!("reset"), &json!(code)));
        assert_eq!(bob.next().await["type"], "welcome");
        assert_eq!(bob.stream().await, [json!([1, "a"])]);
        bob.close().await;
    }
    // The beginning of every log is the beginning of this one.
    let start = json!({"epoch": "00000000deadbeef", "seq": 0});
    let mut bob = Session::resume(&server, "/", "bob", start).await;
    assert_eq!(bob.stream().await, [json!([1, "a"])]);
}

#[tokio::test]
async fn a_room_has_the_same_epoch_after_a_restart_and_another_room_another() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/a", "ann").await;
    ann.op(1, "a").await;
    ann.entries(1).await;
    let other = Session::join(&server, "/b", "ann").await;
    assert_ne!(other.welcome["epoch"], ann.welcome["epoch"]);
    let server = Server::on(server.kill().await, &[]).await;
    let mut ann = Session::resume(&server, "/a", "ann", ann.at(1)).await;
    assert_eq!(ann.welcome["last_op"], 1);
    ann.nothing_more().await;
}

#[tokio::test]
async fn rooms_of_sessions_and_of_the_plain_dialects_are_apart() {
    let server = Server::start(&[]).await;
    let (mut plain, _) = crate::harness::Client::join(&server, "/a").await;
    plain.send(crate::harness::patch("plain", 1)).await;
    let mut ann = Session::join(&server, "/a", "ann").await;
    assert_eq!(ann.welcome["head"], 0);
    ann.op(1, "a").await;
    ann.entries(1).await;
    let (_, history) = crate::harness::Client::join(&server, "/a").await;
    assert_eq!(history, crate::harness::patch("plain", 1));
}

#[tokio::test]
async fn a_memory_store_acknowledges_what_it_keeps() {
    let server = Server::start(&["--store", "memory"]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    assert_eq!(ann.welcome["durability"], "memory");
    ann.op(1, "a").await;
    assert_eq!(ann.next().await["durability"], "memory");
}
