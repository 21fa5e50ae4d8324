//! A server that is killed while many write: what was acknowledged is there, once, and everybody comes to the same value.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Document, End, Server, document_hello};

const WRITERS: u64 = 8;
const ROUNDS: u64 = 6;

/// Adds numbers of its own to the list, several at a time and each in another place, until the server goes. Gives those that were acknowledged.
async fn write(mut document: Document, writer: u64, round: u64) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    let mut under_way = Vec::new();
    for n in 0.. {
        let number = (writer * ROUNDS + round) * 1_000_000 + n;
        let items = document.value["l"].as_array().map_or(0, Vec::len);
        let index = (number as usize * 7) % (items + 1);
        let insert = json!([{"op": "add", "path": ["l", index], "value": number}]);
        let Ok(id) = document.try_change(insert).await else {
            break;
        };
        under_way.push((id, number));
        // What is under way is seen by nobody yet, so each is made on the value without it.
        while let Some(&(id, number)) = under_way.first() {
            match document.try_next().await {
                Ok(message) if message["id"] == id && message["type"] == "ack" => {
                    acknowledged.insert(number);
                    under_way.remove(0);
                }
                Ok(message) => assert_ne!(message["type"], "reject", "{message}"),
                Err(End::Closed(..) | End::Broken) => return acknowledged,
            }
        }
    }
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_is_there_once_after_every_kill() {
    let mut server = Server::start(&[]).await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let mut hello = document_hello(&format!("writer-{writer}"));
            hello["initial"] = json!({"l": []});
            let document = Document::hello(&server, "/", hello).await;
            writers.spawn(write(document, writer, round));
        }
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        let directory = server.kill().await;
        while let Some(numbers) = writers.join_next().await {
            acknowledged.extend(numbers.unwrap());
        }
        server = Server::on(directory, &[]).await;
    }
    let ann = Document::join(&server, "/", "ann").await;
    let numbers: Vec<u64> = ann.value["l"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    let there: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), there.len(), "none is there twice");
    assert!(
        acknowledged.is_subset(&there),
        "{:?} are missing",
        acknowledged.difference(&there)
    );
    // One of each writer may have been stored in each round without anybody hearing of it.
    assert!(there.len() as u64 <= acknowledged.len() as u64 + WRITERS * ROUNDS);
    assert!(
        acknowledged.len() > 100,
        "only {} were acknowledged",
        acknowledged.len()
    );
}
