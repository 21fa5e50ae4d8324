//! Clients that do not read, or not yet: they cost their room nothing, and are owed everything.

use std::time::{Duration, Instant};

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Seq, Timestamp};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::dialect::read_message;
use patchcast_server::log::{Durability, SqliteStore, StartupCheck, Store};

use crate::harness::{Client, Frame, Opcode, Raw, Server, frame, handshake, history, patch, within};

const MIB: usize = 1 << 20;

/// A message that takes up room.
fn large(n: usize) -> String {
    patch("n", format!("{n:06} {}", "x".repeat(64 << 10)))
}

/// Sends messages through the room, a few at a time, each of which the reader must get before the next few.
async fn stream(writer: &mut Client, reader: &mut Client, messages: &[String]) {
    for few in messages.chunks(8) {
        for message in few {
            writer.send(message).await;
        }
        for message in few {
            assert!(&reader.text().await == message);
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_costs_no_memory_and_gets_everything_once_it_does() {
    let server = Server::start(&["--durability", "os"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let messages: Vec<_> = (0..1024).map(large).collect();
    let bytes: usize = messages.iter().map(String::len).sum();
    assert!(bytes >= 64 * MIB);
    // As much as the room keeps of its latest messages is there before.
    stream(&mut ann, &mut bob, &messages[..64]).await;
    let mut eve = Raw::join_narrow(&server, "/").await;
    assert!(eve.text().await == history(&messages[..64]));
    let before = server.resident_bytes();
    let mut own = Vec::new();
    for (round, some) in messages[64..].chunks(96).enumerate() {
        stream(&mut ann, &mut bob, some).await;
        // She writes all the same, so some of what she does not read is her own.
        own.push(patch("eve", round));
        let message = &own[own.len() - 1];
        eve.send(&frame(Opcode::FIN | Opcode::TEXT, message.as_bytes()))
            .await;
        assert_eq!(&bob.text().await, message);
        assert_eq!(&ann.text().await, message);
    }
    let grown = server.peak_resident_bytes().saturating_sub(before);
    assert!(
        grown < 16 * MIB,
        "{} MiB for a client that does not read",
        grown / MIB
    );

    for (n, message) in messages[64..].iter().enumerate() {
        assert!(&eve.text().await == message, "message {n}");
    }
    // She is live again, and none of her own came back to her.
    bob.send(patch("live", 1)).await;
    assert_eq!(eve.text().await, patch("live", 1));
    let grown = server.peak_resident_bytes().saturating_sub(before);
    assert!(
        grown < 24 * MIB,
        "{} MiB for a client that catches up",
        grown / MIB
    );
}

#[tokio::test]
async fn a_client_that_catches_up_while_others_write_misses_nothing() {
    let server = Server::start(&["--durability", "os"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut eve = Raw::join_narrow(&server, "/").await;
    assert_eq!(eve.text().await, "[]");
    let messages: Vec<_> = (0..400).map(large).collect();
    stream(&mut ann, &mut bob, &messages[..200]).await;
    let rest = messages[200..].to_vec();
    let writing = tokio::spawn(async move { stream(&mut ann, &mut bob, &rest).await });
    for (n, message) in messages.iter().enumerate() {
        assert!(&eve.text().await == message, "message {n}");
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off_at_the_write_timeout() {
    let args = [
        "--durability",
        "os",
        "--write-timeout",
        "0.5",
        "--max-connections",
        "3",
    ];
    let server = Server::start(&args).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut eve = Raw::join_narrow(&server, "/").await;
    assert_eq!(eve.text().await, "[]");
    // More than the kernel takes for her.
    let messages: Vec<_> = (0..200).map(large).collect();
    let began = Instant::now();
    stream(&mut ann, &mut bob, &messages).await;
    // The others go on, and her place is free again.
    let mut round = 0;
    let cut = async {
        while join_status(&server).await == 503 {
            round += 1;
            stream(&mut ann, &mut bob, &[patch("round", round)]).await;
        }
    };
    within("the cut", cut).await;
    assert!(
        began.elapsed() >= Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    // She had the beginning, in order, and no close frame within a message.
    let mut received = 0;
    while let Some(Frame { opcode, payload }) = eve.frame().await {
        assert_eq!(opcode, Opcode::TEXT);
        assert!(payload == messages[received].as_bytes(), "message {received}");
        received += 1;
    }
    assert!(received < messages.len());
}

/// The status that a handshake gets; the connection is gone afterwards.
async fn join_status(server: &Server) -> u16 {
    let mut raw = Raw::connect(server.address()).await;
    raw.send(handshake("/", "").as_bytes()).await;
    raw.head().await.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_cut_off() {
    // Regression: the kernel calls a socket writable only when a third of its buffer is free, and the time that a
    // slow reader takes for that was taken for silence.
    let server = Server::start(&["--durability", "os", "--write-timeout", "1.5"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut eve = Raw::join_narrow(&server, "/").await;
    assert_eq!(eve.text().await, "[]");
    let messages: Vec<_> = (0..200).map(large).collect();
    let expected = messages.clone();
    let reading = tokio::spawn(async move {
        let began = Instant::now();
        for (n, message) in expected.iter().enumerate() {
            assert!(&eve.text().await == message, "message {n}");
            // The pace is what is tested; after a while she has shown it and hurries.
            if began.elapsed() < Duration::from_millis(4_500) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    stream(&mut ann, &mut bob, &messages).await;
    within("the slow reader's end", reading).await.unwrap();
}

#[tokio::test]
async fn fifty_joiners_of_a_long_history_who_do_not_read_cost_no_memory() {
    let directory = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let messages: Vec<_> = (0..800).map(large).collect();
    write_history(&directory.path().join("data"), &messages).await;
    let expected = history(&messages);
    assert!(expected.len() >= 50 * MIB);
    let server = Server::on(directory, &[]).await;
    // What one joiner takes, the blocks that all of them share included.
    let (_, found) = Client::join(&server, "/").await;
    assert!(found == expected);
    let before = server.resident_bytes();
    let mut joiners = Vec::new();
    for _ in 0..50 {
        joiners.push(Raw::join_narrow(&server, "/").await);
    }
    // Nobody is held up by them, and by then each of them has been sent what its socket takes.
    let (mut ann, found) = Client::join(&server, "/").await;
    assert!(found == expected);
    let (mut bob, _) = Client::join(&server, "/").await;
    ann.send(patch("live", 1)).await;
    assert_eq!(bob.text().await, patch("live", 1));
    let grown = server.peak_resident_bytes().saturating_sub(before);
    assert!(grown < 16 * MIB, "{} MiB for fifty joiners", grown / MIB);
    let mut one = joiners.pop().unwrap();
    assert!(one.text().await == expected, "a joiner that reads at last");
    assert_eq!(one.text().await, patch("live", 1));
}

/// Writes the default room's history without a server.
async fn write_history(data: &std::path::Path, messages: &[String]) {
    let store = SqliteStore::open(data, Durability::Os, StartupCheck::Full).unwrap();
    let room = RoomId {
        dialect: Dialect::Patches,
        name: RoomName::default(),
    };
    let log = store.open(&room).await.unwrap();
    let mut head = Seq::START;
    for some in messages.chunks(100) {
        let entries: Vec<NewEntry> = some
            .iter()
            .map(|message| {
                read_message(Dialect::Patches, message, Author([1; 12]), Timestamp(1))
                    .unwrap()
                    .unwrap()
            })
            .collect();
        head = log.append(head, entries.into()).await.unwrap().seq;
    }
}

#[tokio::test]
async fn a_flood_of_pings_whose_answers_are_not_read_is_cut_off() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let mut eve = Raw::join_narrow(&server, "/").await;
    let before = server.resident_bytes();
    let pings = frame(Opcode::FIN | Opcode::PING, &[b'x'; 125]).repeat(100);
    let flood = async {
        let mut round = 0;
        while eve.try_send(&pings).await.is_ok() {
            // The room does not wait for her.
            round += 1;
            if round % 100 == 0 {
                stream(&mut ann, &mut bob, &[patch("round", round)]).await;
            }
        }
    };
    within("the cut", flood).await;
    let grown = server.peak_resident_bytes().saturating_sub(before);
    assert!(grown < 8 * MIB, "{} MiB for a flood of pings", grown / MIB);
    stream(&mut ann, &mut bob, &[patch("after", 1)]).await;
}

#[tokio::test]
async fn a_flood_of_pings_whose_answers_are_read_is_answered() {
    let server = Server::start(&[]).await;
    let mut eve = Raw::join(&server, "/").await;
    assert_eq!(eve.text().await, "[]");
    let ping = |n: u32| frame(Opcode::FIN | Opcode::PING, &n.to_be_bytes());
    for round in 0..100 {
        let pings: Vec<u8> = (0..100).flat_map(|n| ping(round * 100 + n)).collect();
        eve.send(&pings).await;
        for n in 0..100 {
            let pong = eve.frame().await.unwrap();
            assert_eq!(pong.opcode, Opcode::PONG);
            assert_eq!(pong.payload, (round * 100 + n).to_be_bytes());
        }
    }
}

#[tokio::test]
async fn a_chat_client_that_fell_behind_is_shown_the_newest_window_and_never_an_older_one() {
    let server = Server::start(&["--durability", "os"]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    let mut eve = Raw::join_chat_narrow(&server, "/").await;
    // Each delivery is a window of up to 200 KiB, so these are far more than the sockets and the tail hold.
    let mut newest = Vec::new();
    for n in 0..150 {
        ann.post("ann", &format!("{n:04} {}", "x".repeat(4_000))).await;
        newest = ann.window().await;
    }
    let (mut last, mut windows) = (String::new(), 0);
    loop {
        let message: serde_json::Value = serde_json::from_str(&eve.text().await).unwrap();
        let window = message["msg"].as_array().unwrap();
        if let Some(first) = window.first() {
            let text = first["text"].as_str().unwrap();
            assert!(text > &last[..], "a window again, or an older one");
            last = text.to_owned();
        }
        windows += 1;
        if window == &newest {
            break;
        }
    }
    assert!(windows < 150, "older windows are left out");
}

#[tokio::test]
async fn a_sender_that_is_faster_than_the_disk_is_held_back_and_loses_nothing() {
    let server = Server::start(&[]).await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let before = server.resident_bytes();
    let messages: Vec<_> = (0..600).map(large).collect();
    let sent = messages.clone();
    let writing = tokio::spawn(async move {
        for message in &sent {
            ann.send(message).await;
        }
        ann
    });
    for message in &messages {
        assert!(&bob.text().await == message);
    }
    let mut ann = writing.await.unwrap();
    let grown = server.peak_resident_bytes().saturating_sub(before);
    assert!(grown < 40 * MIB, "{} MiB for a fast sender", grown / MIB);
    // Nothing comes twice.
    ann.send(patch("last", 1)).await;
    assert_eq!(bob.text().await, patch("last", 1));
}
