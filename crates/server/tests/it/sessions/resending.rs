//! Ops that are sent again: each becomes one entry, whatever happens to its connection and to the server.

use serde_json::{Value, json};

use crate::harness::{End, Server, Session, secret};

#[tokio::test]
async fn an_op_that_is_sent_again_is_acknowledged_again_and_stored_once() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let mut bob = Session::join(&server, "/", "bob").await;
    ann.op(1, "a").await;
    let first = ann.next().await;
    ann.op(1, "a").await;
    assert_eq!(ann.next().await, first);
    ann.op(2, "b").await;
    ann.op(2, "b").await;
    ann.op(1, "a").await;
    assert_eq!(ann.stream().await, [json!([2, "ack 2"])]);
    // The second of the two may have come before the first was in the stream: then the stream alone tells.
    loop {
        match ann.next().await {
            again if again["id"] == 2 => assert_eq!(again["seq"], 2),
            last => break assert_eq!(last, first),
        }
    }
    assert_eq!(bob.entries(2).await, [json!([1, "a"]), json!([2, "b"])]);
    bob.nothing_more().await;
}

#[tokio::test]
async fn the_same_id_with_another_content_is_refused() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    ann.op(1, "a").await;
    ann.entries(1).await;
    ann.op(1, "b").await;
    let reject = ann.next().await;
    assert_eq!(
        (&reject["type"], &reject["id"], &reject["code"]),
        (&json!("reject"), &json!(1), &json!("id_reused"))
    );
    ann.op(5, "e").await;
    assert_eq!(ann.stream().await, [json!([2, "ack 5"])]);
    ann.op(3, "c").await;
    assert_eq!(ann.next().await["code"], "id_passed");
    ann.op(6, "f").await;
    assert_eq!(ann.stream().await, [json!([3, "ack 6"])]);
}

#[tokio::test]
async fn ops_are_known_after_a_kill_and_many_ops_later() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let mut bob = Session::join(&server, "/", "bob").await;
    let mut acks = Vec::new();
    for id in 1..=3 {
        ann.op(id, format!("a{id}")).await;
        acks.push(ann.next().await);
    }
    for id in 1..=2_000 {
        bob.op(id, id).await;
    }
    // Three of Ann's come first.
    bob.entries(2_003).await;
    let server = Server::on(server.kill().await, &[]).await;
    let mut ann = Session::resume(&server, "/", "ann", ann.at(3)).await;
    ann.entries(2_000).await;
    for (id, ack) in (1..).zip(&acks) {
        ann.op(id, format!("a{id}")).await;
        assert_eq!(ann.next().await, *ack);
    }
    ann.op(4, "a4").await;
    assert_eq!(ann.stream().await, [json!([2_004, "ack 4"])]);
}

#[tokio::test]
async fn clients_do_not_share_their_ids() {
    let server = Server::start(&[]).await;
    let mut ann = Session::join(&server, "/", "ann").await;
    let mut bob = Session::join(&server, "/", "bob").await;
    ann.op(1, "same").await;
    ann.entries(1).await;
    bob.op(1, "same").await;
    assert_eq!(bob.entries(2).await, [json!([1, "same"]), json!([2, "ack 1"])]);
}

#[tokio::test]
async fn a_newer_connection_of_a_client_ends_the_older_one() {
    let server = Server::start(&[]).await;
    let mut older = Session::join(&server, "/", "ann").await;
    older.op(1, "a").await;
    older.entries(1).await;
    let mut newer = Session::resume(&server, "/", "ann", older.at(1)).await;
    assert!(matches!(older.end().await, End::Closed(4003, _)));
    newer.op(2, "b").await;
    assert_eq!(newer.stream().await, [json!([2, "ack 2"])]);
}

/// Its hello was longer under way than the next connection took: the client had given it up, was told that it was replaced all the
/// same, and stayed closed for good.
#[tokio::test]
async fn a_connection_that_says_hello_late_does_not_end_the_one_made_after_it() {
    let server = Server::start(&[]).await;
    let mut older = Session::silent(&server, "/").await;
    let mut newer = Session::join(&server, "/", "ann").await;
    older
        .send(json!({"type": "hello", "version": 1, "secret": secret("ann")}))
        .await;
    assert!(matches!(older.end().await, End::Closed(4003, _)));
    newer.op(1, "a").await;
    assert_eq!(newer.stream().await, [json!([1, "ack 1"])]);
}

#[tokio::test]
async fn whatever_a_replaced_connection_had_under_way_is_stored_once_or_not_at_all() {
    let server = Server::start(&[]).await;
    for round in 0..20 {
        let path = format!("/{round}");
        let mut older = Session::join(&server, &path, "ann").await;
        for id in 1..=50 {
            older.op(id, id).await;
        }
        let mut newer = Session::join(&server, &path, "ann").await;
        let head = newer.welcome["head"].as_u64().unwrap();
        let mut seen = newer.entries(head as usize).await;
        for id in 1..=60 {
            newer.op(id, id).await;
        }
        while seen.len() < 60 {
            let message = newer.next().await;
            // Answers to what is known already stand beside the stream.
            if message["type"] == "ack" && message["seq"].as_u64() <= Some(seen.len() as u64) {
                continue;
            }
            assert_eq!(message["type"], "ack", "{message}");
            seen.push(json!([message["seq"], message["id"]]));
        }
        let expected: Vec<Value> = (1..=60).map(|n| json!([n, n])).collect();
        assert_eq!(seen, expected);
        let mut reader = Session::join(&server, &path, "bob").await;
        assert_eq!(reader.entries(60).await, expected);
    }
}
