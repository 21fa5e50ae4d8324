//! Peers that take their time before they have become a connection.

use std::time::{Duration, Instant};

use crate::harness::{Client, Raw, Server, handshake, within};

/// How long the server gives a handshake here.
const TIMEOUT: Duration = Duration::from_millis(400);

/// By when it must be over, on a busy machine too, and long before any other deadline.
const AT_LAST: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_handshake_that_is_not_there_in_time_is_cut_off() {
    let server = Server::start(&["--handshake-timeout", "0.4"]).await;
    for part in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let began = Instant::now();
        let mut raw = Raw::connect(server.address()).await;
        raw.send(part.as_bytes()).await;
        raw.rest().await;
        let took = began.elapsed();
        assert!(
            (TIMEOUT..AT_LAST).contains(&took),
            "{part:?} was cut off after {took:?}"
        );
    }
}

#[tokio::test]
async fn sending_a_byte_now_and_then_does_not_buy_time() {
    let server = Server::start(&["--handshake-timeout", "0.4"]).await;
    let began = Instant::now();
    let mut raw = Raw::connect(server.address()).await;
    let request = handshake("/", &"X-Slow: 1\r\n".repeat(30));
    let dripping = async {
        for byte in request.bytes() {
            if raw.try_send(&[byte]).await.is_err() {
                return;
            }
            // The pace is what is tested; nothing is waited for.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        panic!("the whole request was taken");
    };
    within("the cut", dripping).await;
    assert!(began.elapsed() < AT_LAST, "{:?}", began.elapsed());
}

#[tokio::test]
async fn slow_peers_in_numbers_do_not_keep_others_out() {
    let server = Server::start(&["--handshake-timeout", "5"]).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut raw = Raw::connect(server.address()).await;
        raw.send(b"GET / HTTP/1.1\r\n").await;
        slow.push(raw);
    }
    let began = Instant::now();
    let (_, none) = Client::join(&server, "/").await;
    assert_eq!(none, "[]");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_is_not_cut_off_because_its_handshake_is_long_past() {
    let server = Server::start(&["--handshake-timeout", "0.2"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let mut slow = Raw::connect(server.address()).await;
    slow.rest().await;
    // The other, which came later, has been cut off by now.
    let (mut bob, _) = Client::join(&server, "/").await;
    ann.send("[]").await;
    assert_eq!(bob.text().await, "[]");
}
