//! With the subprotocol `json`: the chat, whose newest messages everyone is shown after each.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};

use crate::harness::{Client, Server};

fn texts(window: &[Value]) -> Vec<&str> {
    window
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect()
}

fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

#[tokio::test]
async fn a_chat_is_empty_before_anyone_writes() {
    let server = Server::start(&[]).await;
    let mut ann = Client::connect_chat(&server, "/").await;
    assert_eq!(ann.text().await, r#"{"msg":[]}"#);
}

#[tokio::test]
async fn everyone_gets_the_messages_newest_first_the_sender_too() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    let (mut bob, _) = Client::chat(&server, "/").await;
    let before = now();
    ann.post("ann", "hi").await;
    let window = ann.window().await;
    assert_eq!(window, bob.window().await);
    let time = window[0]["time"].as_u64().unwrap();
    assert!((before..=now()).contains(&time), "{time} is the server's time");
    assert_eq!(window, [json!({"user": "ann", "text": "hi", "time": time})]);
    bob.post("bob", "hello").await;
    let window = ann.window().await;
    assert_eq!(window, bob.window().await);
    assert_eq!(texts(&window), ["hello", "hi"]);
    let (_, joined) = Client::chat(&server, "/").await;
    assert_eq!(joined, window);
}

#[tokio::test]
async fn the_message_has_the_lessons_members_in_its_order_and_no_others() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    ann.send(r#" {"text":"a\u0062\"c\n😀","time":1,"admin":true,"user":"änn"} "#)
        .await;
    let message = ann.text().await;
    let time = serde_json::from_str::<Value>(&message).unwrap()["msg"][0]["time"].clone();
    let time = time.as_u64().unwrap();
    assert!(time > 1_600_000_000_000, "{time}");
    let expected = format!(r#"{{"msg":[{{"user":"änn","text":"ab\"c\n😀","time":{time}}}]}}"#);
    assert_eq!(message, expected);
}

#[tokio::test]
async fn the_newest_fifty_are_shown_and_a_restart_keeps_them() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    let mut shown = Vec::new();
    for n in 1..=60 {
        ann.post("ann", &n.to_string()).await;
        shown = ann.window().await;
        assert_eq!(shown.len(), n.min(50));
    }
    let newest: Vec<_> = (11..=60).rev().map(|n| n.to_string()).collect();
    assert_eq!(texts(&shown), newest);
    let times: Vec<_> = shown
        .iter()
        .map(|message| message["time"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let server = Server::on(server.terminate().await, &[]).await;
    let (mut bob, window) = Client::chat(&server, "/").await;
    assert_eq!(window, shown);
    let server = {
        bob.post("bob", "61").await;
        let window = bob.window().await;
        assert_eq!(window[1..], shown[..49]);
        shown = window;
        Server::on(server.kill().await, &[]).await
    };
    let (_, window) = Client::chat(&server, "/").await;
    assert_eq!(window, shown);
}

#[tokio::test]
async fn a_room_that_everyone_left_still_knows_its_messages() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/lobby").await;
    ann.post("ann", "anyone?").await;
    let shown = ann.window().await;
    ann.close().await;
    let (mut bob, window) = Client::chat(&server, "/lobby").await;
    assert_eq!(window, shown);
    bob.post("bob", "yes").await;
    assert_eq!(texts(&bob.window().await), ["yes", "anyone?"]);
}

#[tokio::test]
async fn empty_frames_are_ignored() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    ann.send("").await;
    ann.post("ann", "after").await;
    assert_eq!(texts(&ann.window().await), ["after"]);
    ann.post("ann", "").await;
    assert_eq!(texts(&ann.window().await), ["", "after"]);
}

#[tokio::test]
async fn every_message_of_a_burst_is_shown_to_all_in_one_order() {
    let server = Server::start(&[]).await;
    let (mut watcher, _) = Client::chat(&server, "/").await;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let (mut client, _) = Client::chat(&server, "/").await;
        writers.push(tokio::spawn(async move {
            for n in 0..25 {
                client.post(&writer.to_string(), &n.to_string()).await;
            }
            client
        }));
    }
    // Nobody is too slow here, so each message comes with its own window, one longer or moved by one.
    let mut newest: Vec<Value> = Vec::new();
    let mut seen = Vec::new();
    while seen.len() < 100 {
        let window = watcher.window().await;
        let kept = newest.len().min(49);
        assert_eq!(window[1..], newest[..kept]);
        seen.push(window[0].clone());
        newest = window;
    }
    for writer in writers {
        let mut client = writer.await.unwrap();
        let mut last = client.window().await;
        while last != newest {
            last = client.window().await;
        }
    }
    for writer in ["0", "1", "2", "3"] {
        let own = seen.iter().filter(|message| message["user"] == writer);
        let own: Vec<_> = own.map(|message| message["text"].as_str().unwrap()).collect();
        assert_eq!(own, (0..25).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
