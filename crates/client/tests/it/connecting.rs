//! Connecting, resuming, and being refused.

use std::time::Duration;

use patchcast_client::{Config, Epoch, Event, Options, Position, Seq};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::server::{ANN, Server, entry, expect, next, told, welcome, within};

#[tokio::test]
async fn a_client_gets_the_rooms_entries_and_resumes_after_the_last() {
    let server = Server::start().await;
    let (_client, mut events) = server.client(Options::default());
    let mut peer = server.welcomed(1).await;
    peer.send(entry(0, ANN, 1, "\"a\"")).await;
    peer.send(entry(1, ANN, 2, "{\"b\": 1}")).await;
    expect(
        &mut events,
        &["connecting", "welcomed 1", "1 \"a\"", "live", "2 {\"b\": 1}"],
    )
    .await;
    drop(peer);
    let (mut peer, hello) = server.greeted().await;
    let position = Position {
        epoch: Epoch(10),
        seq: Seq(2),
    };
    assert_eq!(hello.since, Some(position));
    assert!(told(&mut events).await.starts_with("offline 1006"));
    peer.send(welcome(3)).await;
    peer.send(entry(2, ANN, 3, "3")).await;
    expect(&mut events, &["connecting", "welcomed 3", "3 3", "live"]).await;
}

#[tokio::test]
async fn a_client_that_has_a_position_starts_there() {
    let server = Server::start().await;
    let position = Position {
        epoch: Epoch(10),
        seq: Seq(7),
    };
    let (_client, mut events) = server.client(Options::after(position));
    let (mut peer, hello) = server.greeted().await;
    assert_eq!(hello.since, Some(position));
    peer.send(r#"{"type":"reset","code":"ahead","reason":"r"}"#).await;
    peer.send(welcome(0)).await;
    expect(&mut events, &["connecting", "reset Ahead", "welcomed 0", "live"]).await;
}

#[tokio::test]
async fn two_clients_have_two_secrets() {
    let server = Server::start().await;
    let (_ann, _) = server.client(Options::default());
    let (_bob, _) = server.client(Options::default());
    let ((_first, ann), (_second, bob)) = (server.greeted().await, server.greeted().await);
    assert_ne!(ann.secret, bob.secret);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let server = Server::start().await;
    let address = server.address();
    let (_client, mut events) = server.client(Options::default());
    drop(server);
    // The kernel may have taken the first attempt.
    loop {
        if told(&mut events).await.contains("refused") {
            break;
        }
    }
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    within("another attempt", listener.accept()).await.unwrap();
}

#[tokio::test]
async fn a_refused_handshake_ends_it_with_the_servers_words() {
    let server = Server::start().await;
    let (_client, mut events) = server.client(Options::default());
    let mut tcp = server.tcp().await;
    let mut head = [0; 16];
    tcp.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"GET /r HTTP/1.1\r");
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 12\r\n\r\nno such room";
    tcp.write_all(answer.as_bytes()).await.unwrap();
    let closed = "closed 1008 the server answered 400 Bad Request: no such room";
    expect(&mut events, &["connecting", closed]).await;
    assert!(within("the end", events.next()).await.is_none());
}

#[tokio::test]
async fn a_busy_server_is_tried_again() {
    let server = Server::start().await;
    let (_client, _events) = server.client(Options::default());
    let mut tcp = server.tcp().await;
    tcp.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    server.greeted().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_and_tried_again() {
    let server = Server::start().await;
    let config = Config {
        connect_timeout: Duration::from_millis(50),
        join_timeout: Duration::from_millis(50),
        heartbeat: Duration::from_millis(50),
        heartbeat_timeout: Duration::from_millis(50),
        ..Config::default()
    };
    let (_client, mut events) = server.client(Options {
        config,
        ..Options::default()
    });
    let _no_handshake = server.tcp().await;
    expect(&mut events, &["connecting", "offline 4200 no answer in time"]).await;
    let (_no_welcome, _) = server.greeted().await;
    expect(&mut events, &["connecting", "offline 4200 no welcome in time"]).await;
    let mut silent = server.welcomed(0).await;
    assert_eq!(silent.text().await, r#"{"type":"ping"}"#);
    let live = ["connecting", "welcomed 0", "live", "offline 4200 no sign of life"];
    expect(&mut events, &live).await;
    assert_eq!(silent.end().await, (4200, "no sign of life".into()));
    server.greeted().await;
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_and_the_next_one_goes_on() {
    let server = Server::start().await;
    let (_client, mut events) = server.client(Options::default());
    let mut peer = server.welcomed(0).await;
    peer.send("[]").await;
    assert_eq!(peer.end().await, (4000, "not a message".into()));
    expect(&mut events, &["connecting", "welcomed 0", "live"]).await;
    assert!(matches!(next(&mut events).await, Event::Offline(_)));
    let mut peer = server.welcomed(0).await;
    // Of a later version.
    peer.send(r#"{"type":"weather"}"#).await;
    peer.send(entry(0, ANN, 1, "1")).await;
    expect(&mut events, &["connecting", "welcomed 0", "live", "1 1"]).await;
}
