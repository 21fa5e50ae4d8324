//! Connections over which nothing comes.

use std::time::{Duration, Instant};

use crate::harness::{Client, End, Opcode, Raw, Server, frame, patch};

#[tokio::test]
async fn a_silent_client_is_pinged_and_closed_when_it_does_not_answer() {
    let server = Server::start(&["--idle-timeout", "0.6"]).await;
    let began = Instant::now();
    let mut raw = Raw::join(&server, "/").await;
    assert_eq!(raw.text().await, "[]");
    let ping = raw.frame().await.unwrap();
    assert_eq!((ping.opcode, &ping.payload[..]), (Opcode::PING, &b""[..]));
    assert!(began.elapsed() >= Duration::from_millis(300), "half-way through");
    let close = raw.frame().await.unwrap();
    assert_eq!(close.opcode, Opcode::CLOSE);
    assert_eq!(close.payload[..2], 4200_u16.to_be_bytes());
    assert_eq!(&close.payload[2..], b"nothing was heard for 0.6 s");
    assert!(
        began.elapsed() >= Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
    // It does not answer the close frame either, and is let go all the same.
    assert!(raw.rest().await.is_empty());
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let server = Server::start(&["--idle-timeout", "1.5"]).await;
    let mut raw = Raw::join(&server, "/").await;
    assert_eq!(raw.text().await, "[]");
    let began = Instant::now();
    for _ in 0..3 {
        let ping = raw.frame().await.unwrap();
        assert_eq!(ping.opcode, Opcode::PING);
        raw.send(&frame(Opcode::FIN | Opcode::PONG, &ping.payload)).await;
    }
    assert!(
        began.elapsed() > Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
    let (mut ann, _) = Client::join(&server, "/").await;
    ann.send(patch("a", 1)).await;
    assert_eq!(raw.text().await, patch("a", 1));
}

#[tokio::test]
async fn what_a_client_is_sent_is_no_sign_of_life() {
    let server = Server::start(&["--idle-timeout", "0.4"]).await;
    let mut silent = Raw::join(&server, "/").await;
    let writing = tokio::spawn({
        let (mut ann, _) = Client::join(&server, "/").await;
        async move {
            for n in 0.. {
                ann.send(patch("n", n)).await;
                // Often enough that nobody could call the connection quiet.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let end = silent.end().await;
    assert_eq!(end, End::Closed(4200, "nothing was heard for 0.4 s".into()));
    writing.abort();
}

#[tokio::test]
async fn a_client_that_writes_is_not_pinged() {
    let server = Server::start(&["--idle-timeout", "2", "--store", "memory"]).await;
    let mut raw = Raw::join(&server, "/").await;
    assert_eq!(raw.text().await, "[]");
    let (mut ann, _) = Client::join(&server, "/").await;
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_millis(2_500) {
        let message = patch("n", count);
        raw.send(&frame(Opcode::FIN | Opcode::TEXT, message.as_bytes()))
            .await;
        assert_eq!(ann.text().await, message);
        count += 1;
    }
    // A ping would lie before Ann's message.
    ann.send(patch("ann", 1)).await;
    assert_eq!(raw.text().await, patch("ann", 1));
}
