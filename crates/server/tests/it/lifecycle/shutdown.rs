//! SIGTERM and SIGINT: everyone is told, everything is kept, and it does not take long.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Client, End, Raw, Server, head, history, patch, within};

fn going_away() -> End {
    End::Closed(1001, "the server is shutting down".into())
}

#[tokio::test]
async fn a_signal_closes_everyone_with_1001_and_ends_the_process_with_success() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start(&["--threads", "2"]).await;
        let mut clients = Vec::new();
        for room in ["/", "/a", "/b"] {
            clients.push(Client::join(&server, room).await.0);
            clients.push(Client::join(&server, room).await.0);
            clients.push(Client::chat(&server, room).await.0);
        }
        server.signal(signal);
        for client in &mut clients {
            assert_eq!(client.end().await, going_away());
        }
        assert_eq!(server.exited().await.code(), Some(0));
    }
}

#[tokio::test]
async fn nobody_can_hold_up_the_end() {
    let mut server = Server::start(&["--durability", "os"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    // One does not read, one does not answer, one has not finished its handshake, one keeps HTTP alive.
    let _deaf = Raw::join_narrow(&server, "/").await;
    let mut mute = Raw::join(&server, "/").await;
    let mut hesitant = Raw::connect(server.address()).await;
    hesitant.send(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n").await;
    let mut lingering = Raw::connect(server.address()).await;
    let request = head("GET /readyz HTTP/1.1", "Host: a\r\n");
    lingering.send(request.as_bytes()).await;
    assert!(lingering.head().await.starts_with("HTTP/1.1 200 "));
    let large = patch("large", "x".repeat(200_000));
    for _ in 0..100 {
        ann.send(&large).await;
        bob.text().await;
    }
    let began = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(ann.end().await, going_away());
    assert_eq!(bob.end().await, going_away());
    assert_eq!(mute.end().await, going_away());
    assert_eq!(server.exited().await.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_shuts_down_is_not_ready_and_accepts_nobody() {
    let server = Server::start(&[]).await;
    let _slow_to_go = Raw::join(&server, "/").await;
    let mut asking = Raw::connect(server.address()).await;
    let request = head("GET /readyz HTTP/1.1", "Host: a\r\n");
    let mut ask = async || {
        asking.send(request.as_bytes()).await;
        let head = asking.head().await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        asking.bytes(length.unwrap().parse().unwrap()).await;
        head
    };
    assert!(ask().await.starts_with("HTTP/1.1 200 "));
    server.signal(Signal::SIGTERM);
    within("the end of readiness", async {
        while !ask().await.starts_with("HTTP/1.1 503 ") {}
    })
    .await;
    asking.send(crate::harness::handshake("/", "").as_bytes()).await;
    assert!(asking.head().await.starts_with("HTTP/1.1 503 "));
    // Whether the kernel refuses it or the server drops it: it gets no answer.
    let mut late = match tokio::net::TcpStream::connect(server.address()).await {
        Ok(_) => Raw::connect(server.address()).await,
        Err(_) => return,
    };
    let _ = late.try_send(crate::harness::handshake("/", "").as_bytes()).await;
    assert!(late.rest().await.is_empty());
}

#[tokio::test]
async fn what_was_forwarded_before_the_end_is_in_the_history_and_in_its_order() {
    let mut server = Server::start(&[]).await;
    let mut known: Vec<Value> = Vec::new();
    for round in 0..3 {
        let (mut witness, found) = Client::join(&server, "/").await;
        let found: Vec<Value> = serde_json::from_str(&found).unwrap();
        // What nobody was shown may be there too, but only after what was.
        assert_eq!(found[..known.len()], known, "round {round}");
        known = found;
        let mut writers = Vec::new();
        for writer in 0..3 {
            let (mut client, _) = Client::join(&server, "/").await;
            writers.push(tokio::spawn(async move {
                for n in 0..2_000 {
                    let name = format!("{round} {writer} {n}");
                    if client.try_send(patch(&name, n)).await.is_err() {
                        break;
                    }
                }
                client
            }));
        }
        for _ in 0..150 * (round + 1) {
            known.extend(patches(&witness.text().await));
        }
        server.signal(Signal::SIGTERM);
        loop {
            match witness.next().await {
                Ok(message) => known.extend(patches(message.to_text().unwrap())),
                Err(end) => {
                    assert_eq!(end, going_away());
                    break;
                }
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(server.exited().await.code(), Some(0));
        server = Server::on(server.directory(), &[]).await;
    }
    let (_, found) = Client::join(&server, "/").await;
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    assert_eq!(found[..known.len()], known);
    let mut names: Vec<_> = found
        .iter()
        .map(|patch| patch["path"][0].as_str().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), found.len(), "each is there once");
}

fn patches(message: &str) -> Vec<Value> {
    serde_json::from_str(&history([&message.to_owned()])).unwrap()
}
