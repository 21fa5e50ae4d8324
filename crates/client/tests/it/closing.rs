//! How a client ends, and what it leaves.

use patchcast_client::{Epoch, NotStored, OpId, Options, Position, Seq};

use crate::server::{ANN, Server, ack, entry, expect, json, welcome, within};

#[tokio::test]
async fn dropping_the_client_closes_the_connection() {
    let server = Server::start().await;
    let (client, mut events) = server.client(Options::default());
    let peer = server.welcomed(0).await;
    expect(&mut events, &["connecting", "welcomed 0", "live"]).await;
    drop(client);
    assert_eq!(peer.end().await, (1000, String::new()));
    assert!(within("the end", events.next()).await.is_none());
}

#[tokio::test]
async fn a_close_that_says_stop_ends_it_and_its_receipts() {
    let server = Server::start().await;
    let (client, mut events) = server.client(Options::default());
    let mut peer = server.welcomed(0).await;
    let receipt = client.submit(json("1")).await;
    peer.text().await;
    peer.close(4003, "a newer connection").await;
    expect(&mut events, &["connecting", "welcomed 0", "live"]).await;
    expect(&mut events, &["closed 4003 a newer connection"]).await;
    assert!(within("the end", events.next()).await.is_none());
    assert_eq!(within("the outcome", receipt).await, Err(NotStored::Closed));
    let late = client.submit(json("2")).await;
    assert_eq!(within("the outcome", late).await, Err(NotStored::Closed));
}

#[tokio::test]
async fn the_next_life_goes_on_with_what_the_last_one_left() {
    let server = Server::start().await;
    let secret = patchcast_client::Secret::parse("a-secret-of-22-letters").unwrap();
    let (client, mut events) = server.client(Options {
        secret: Some(secret.clone()),
        ..Options::default()
    });
    let mut peer = server.welcomed(1).await;
    peer.send(entry(0, ANN, 1, "0")).await;
    let stored = client.submit(json("1")).await;
    let waiting = client.submit(json("2")).await;
    peer.text().await;
    peer.text().await;
    peer.send(ack(1, 2)).await;
    within("the ack", stored).await.unwrap();
    expect(
        &mut events,
        &["connecting", "welcomed 1", "1 0", "live", "2 1 own"],
    )
    .await;
    let left = within("the end", client.close()).await;
    assert_eq!(within("the outcome", waiting).await, Err(NotStored::Closed));
    let position = Position {
        epoch: Epoch(10),
        seq: Seq(2),
    };
    assert_eq!((left.last_id, left.position), (OpId(2), Some(position)));

    let (client, mut events) = server.client(Options {
        secret: Some(secret.clone()),
        restored: left,
        ..Options::default()
    });
    let (mut peer, hello) = server.greeted().await;
    assert_eq!((hello.secret, hello.since), (secret, Some(position)));
    peer.send(welcome(2)).await;
    assert_eq!(peer.text().await, r#"{"type":"op","id":2,"data":2}"#);
    peer.send(ack(2, 3)).await;
    expect(&mut events, &["connecting", "welcomed 2", "live", "3 2 own"]).await;
    let left = within("the end", client.close()).await;
    assert!(left.pending.is_empty());
}

#[tokio::test]
async fn events_that_were_not_taken_are_the_next_lifes() {
    let server = Server::start().await;
    let (client, events) = server.client(Options::default());
    let mut peer = server.welcomed(0).await;
    let many = r#"{"client":"BBBBBBBBBBBBBBBB","id":1,"time":5,"data":0}"#;
    let many = [many; 1000].join(",");
    peer.send(format!(r#"{{"type":"entries","after":0,"entries":[{many}]}}"#))
        .await;
    let receipt = client.submit(json("1")).await;
    peer.text().await;
    let left = within("the end", client.close()).await;
    let mut events = events;
    let mut seen = 0;
    while let Some(event) = within("the end", events.next()).await {
        if let patchcast_client::Event::Entry(entry) = event {
            seen = entry.seq.0;
        }
    }
    assert_eq!(left.position.unwrap().seq.0, seen);
    assert_eq!(left.pending.len(), 1);
    assert_eq!(within("the outcome", receipt).await, Err(NotStored::Closed));
}
