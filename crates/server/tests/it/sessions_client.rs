//! The native client against the real server: what one of them believes of the protocol, the other keeps.

use std::collections::BTreeSet;

use patchcast_client::{Client, Event, Events, NotStored, Options, RawValue, Secret};

use crate::harness::{Server, secret, within};

fn connect(server: &Server, options: Options) -> (Client, Events) {
    Client::connect(&format!("ws://{}/room", server.address()), options).unwrap()
}

/// A client by its name, with what its last life left.
fn named(name: &str, restored: Option<patchcast_client::Restored<std::sync::Arc<RawValue>>>) -> Options {
    Options {
        secret: Some(Secret::parse(&secret(name)).unwrap()),
        restored: restored.unwrap_or_default(),
        ..Options::default()
    }
}

fn json(value: impl Into<serde_json::Value>) -> Box<RawValue> {
    serde_json::value::to_raw_value(&value.into()).unwrap()
}

/// The next entries' numbers and contents.
async fn entries(events: &mut Events, count: usize) -> Vec<(u64, String)> {
    let mut entries = Vec::new();
    while entries.len() < count {
        match within("an entry", events.next()).await.unwrap() {
            Event::Entry(entry) => entries.push((entry.seq.0, entry.data.get().to_owned())),
            Event::Reset { reason, .. } | Event::Error { reason, .. } => panic!("{reason}"),
            Event::Closed(closure) => panic!("{closure:?}"),
            _ => {}
        }
    }
    entries
}

#[tokio::test]
async fn clients_that_write_at_once_see_one_order_without_a_gap() {
    let server = Server::start(&[]).await;
    let mut clients: Vec<_> = (0..4).map(|_| connect(&server, Options::default())).collect();
    let mut receipts = Vec::new();
    for round in 0..100 {
        for (index, (client, _)) in clients.iter().enumerate() {
            receipts.push(client.submit(json(format!("{index}/{round}"))).await);
        }
    }
    let mut seen = Vec::new();
    for (_, events) in &mut clients {
        seen.push(entries(events, 400).await);
    }
    let mut seqs = BTreeSet::new();
    for receipt in receipts {
        let ack = within("the ack", receipt).await.unwrap();
        assert!(seqs.insert(ack.seq), "{} twice", ack.seq);
    }
    assert!(seen[0].iter().map(|(seq, _)| *seq).eq(1..=400));
    assert!(seen.iter().all(|order| *order == seen[0]));
    for index in 0..4 {
        let own = seen[0]
            .iter()
            .filter(|(_, data)| data.starts_with(&format!("\"{index}/")));
        let expected = (0..100).map(|round| format!("\"{index}/{round}\""));
        assert!(own.map(|(_, data)| data.clone()).eq(expected));
    }
}

#[tokio::test]
async fn a_server_that_is_killed_loses_and_doubles_nothing() {
    let mut server = Server::start(&[]).await;
    let address = server.address().to_string();
    let (writer, mut own) = connect(&server, named("writer", None));
    let (_reader, mut others) = connect(&server, Options::default());
    let mut receipts = Vec::new();
    for round in 0..5 {
        for n in 0..50 {
            receipts.push(writer.submit(json(round * 50 + n)).await);
        }
        let directory = server.kill().await;
        server = Server::on(directory, &["--listen", &address]).await;
    }
    let expected: Vec<_> = (0..250).map(|n| (n + 1, n.to_string())).collect();
    assert_eq!(entries(&mut own, 250).await, expected);
    assert_eq!(entries(&mut others, 250).await, expected);
    for (n, receipt) in (1..).zip(receipts) {
        assert_eq!(within("the ack", receipt).await.unwrap().seq.0, n);
    }
}

#[tokio::test]
async fn a_client_that_lives_again_sends_what_was_left_once() {
    let server = Server::start(&[]).await;
    let mut left = None;
    let mut seen = Vec::new();
    for life in 0..10 {
        let (client, mut events) = connect(&server, named("ann", left.take()));
        for n in 0..5 {
            drop(client.submit(json(life * 5 + n)).await);
        }
        // Each life ends with more or less of it on its way.
        seen.extend(entries(&mut events, life as usize % 4).await);
        left = Some(within("the end", client.close()).await);
        while let Some(event) = within("the end", events.next()).await {
            if let Event::Entry(entry) = event {
                seen.push((entry.seq.0, entry.data.get().to_owned()));
            }
        }
    }
    let (_client, mut events) = connect(&server, named("ann", left));
    seen.extend(entries(&mut events, 50 - seen.len()).await);
    let expected: Vec<_> = (0..50).map(|n| (n + 1, n.to_string())).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_newer_connection_of_the_same_client_ends_the_older() {
    let server = Server::start(&[]).await;
    let (older, mut events) = connect(&server, named("ann", None));
    while !matches!(within("the start", events.next()).await, Some(Event::Live)) {}
    let (_newer, _events) = connect(&server, named("ann", None));
    let closed = loop {
        match within("the end", events.next()).await.unwrap() {
            Event::Closed(closure) => break closure,
            Event::Offline(closure) => panic!("{closure:?}"),
            _ => {}
        }
    };
    assert_eq!(closed.code, 4003);
    let receipt = older.submit(json(1)).await;
    assert_eq!(within("the outcome", receipt).await, Err(NotStored::Closed));
}

#[tokio::test]
async fn clients_see_each_other_come_and_go() {
    let server = Server::start(&[]).await;
    let mut options = Options::default();
    options.config.presence = true;
    let (_ann, mut events) = connect(&server, options);
    let (bob, _) = connect(&server, Options::default());
    bob.show(json("here"));
    let mut next_change = async || loop {
        match within("presence", events.next()).await.unwrap() {
            Event::Presence(change) if !(change.present.is_empty() && change.gone.is_empty()) => {
                break change;
            }
            _ => {}
        }
    };
    let come = next_change().await;
    assert_eq!(come.present[0].data.get(), "\"here\"");
    let bobs_id = come.present[0].client;
    drop(bob);
    assert_eq!(next_change().await.gone, [bobs_id]);
}
