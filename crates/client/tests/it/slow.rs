//! Apps that take their time.

use std::time::Duration;

use patchcast_client::{Config, Options};

use crate::server::{ANN, Server, ack, entry, expect, json, told, within};

#[tokio::test]
async fn a_server_is_held_back_by_an_app_that_takes_no_events_and_nothing_is_lost() {
    let server = Server::start().await;
    let config = Config {
        heartbeat: Duration::from_millis(100),
        heartbeat_timeout: Duration::from_millis(100),
        ..Config::default()
    };
    let (_client, mut events) = server.client(Options {
        config,
        ..Options::default()
    });
    let mut peer = server.welcomed(0).await;
    let large = format!("\"{}\"", "x".repeat(100_000));
    let mut sent = 0;
    while peer.try_send(&entry(sent, ANN, 1, &large)).await {
        sent += 1;
        assert!(
            sent < 2000,
            "200 MB are on their way to an app that takes nothing"
        );
    }
    // The last one is on its way still. The client was held back for longer than its heartbeat, and gave nothing up for it.
    expect(&mut events, &["connecting", "welcomed 0", "live"]).await;
    for seq in 1..=sent {
        let event = told(&mut events).await;
        assert_eq!(event.split(' ').next(), Some(&*seq.to_string()));
    }
}

#[tokio::test]
async fn an_app_that_wants_no_events_still_gets_its_receipts() {
    let server = Server::start().await;
    let (client, events) = server.client(Options::default());
    drop(events);
    let mut peer = server.welcomed(0).await;
    for id in 1..=1000 {
        let receipt = client.submit(json("1")).await;
        peer.text().await;
        peer.send(ack(id, id)).await;
        within("the ack", receipt).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_submits_more_than_may_wait_waits_too() {
    let server = Server::start().await;
    let (client, _events) = server.client(Options::default());
    let mut receipts = Vec::new();
    for _ in 0..1000 {
        receipts.push(within("room", client.submit(json("1"))).await);
    }
    let mut more = std::pin::pin!(client.submit(json("2")));
    tokio::select! {
        biased;
        _ = &mut more => panic!("more than a thousand wait"),
        () = std::future::ready(()) => {}
    }
    let mut peer = server.welcomed(0).await;
    peer.text().await;
    peer.send(ack(1, 1)).await;
    drop(within("room", more).await);
}
