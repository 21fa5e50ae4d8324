//! Ops and their receipts.

use patchcast_client::{NotStored, OpId, Options, Seq};

use crate::server::{ANN, ME, Server, ack, entry, expect, json, told, within};

#[tokio::test]
async fn a_receipt_resolves_with_the_ack_and_the_entry_comes_in_its_place() {
    let server = Server::start().await;
    let (client, mut events) = server.client(Options::default());
    let first = client.submit(json("{\"n\": 1}")).await;
    let second = client.submit(json("2")).await;
    let mut peer = server.welcomed(0).await;
    assert_eq!(peer.text().await, r#"{"type":"op","id":1,"data":{"n": 1}}"#);
    assert_eq!(peer.text().await, r#"{"type":"op","id":2,"data":2}"#);
    peer.send(entry(0, ANN, 1, "0")).await;
    peer.send(ack(1, 2)).await;
    peer.send(ack(2, 3)).await;
    assert_eq!(within("the ack", first).await.unwrap().seq, Seq(2));
    assert_eq!(within("the ack", second).await.unwrap().id, OpId(2));
    let live = ["connecting", "welcomed 0", "live"];
    expect(&mut events, &live).await;
    expect(&mut events, &["1 0", "2 {\"n\": 1} own", "3 2 own"]).await;
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again() {
    let server = Server::start().await;
    let (client, _events) = server.client(Options::default());
    let mut peer = server.welcomed(0).await;
    let lost = client.submit(json("1")).await;
    let stored = client.submit(json("2")).await;
    peer.text().await;
    peer.text().await;
    drop(peer);
    // The second had reached the room, its ack had not reached the client.
    let mut peer = server.welcomed(1).await;
    peer.send(entry(0, ME, 2, "2")).await;
    assert_eq!(within("the entry", stored).await.unwrap().seq, Seq(1));
    assert_eq!(peer.text().await, r#"{"type":"op","id":1,"data":1}"#);
    peer.send(r#"{"type":"reject","id":1,"code":"id_passed","reason":"r"}"#)
        .await;
    let refused = within("the reject", lost).await.unwrap_err();
    assert!(matches!(refused, NotStored::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn an_op_above_the_servers_limit_is_told_apart() {
    let server = Server::start().await;
    let (client, _events) = server.client(Options::default());
    let receipt = client.submit(json(&format!("\"{}\"", "x".repeat(1000)))).await;
    let _peer = server.welcomed(0).await;
    assert_eq!(within("the outcome", receipt).await, Err(NotStored::TooLarge));
}

#[tokio::test]
async fn the_presence_is_sent_and_the_others_are_told() {
    let server = Server::start().await;
    let mut options = Options::default();
    options.config.presence = true;
    let (client, mut events) = server.client(options);
    client.show(json("\"here\""));
    let (mut peer, hello) = server.greeted().await;
    assert!(hello.presence);
    peer.send(crate::server::welcome(0)).await;
    assert_eq!(peer.text().await, r#"{"type":"presence","data":"here"}"#);
    peer.send(format!(
        r#"{{"type":"presence","all":true,"present":[{{"client":"{ANN}","data":1}}]}}"#
    ))
    .await;
    expect(&mut events, &["connecting", "welcomed 0", "live", "presence 1"]).await;
    drop(peer);
    assert_eq!(told(&mut events).await, "presence lost");
}
