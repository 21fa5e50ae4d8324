//! Joining while others write: every patch arrives exactly once, in the history or after it.

use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::{Client, Server, client_of, history, patch};

const WRITERS: usize = 4;
const MESSAGES: usize = 150;
const JOINERS: usize = 30;

/// The patches of messages, one after another, as the text of an array.
fn joined(messages: &[String]) -> Vec<Value> {
    serde_json::from_str(&history(messages)).unwrap()
}

#[tokio::test]
async fn a_late_joiner_during_a_burst_gets_every_patch_exactly_once_in_one_order() {
    let server = Server::start(&[]).await;
    for round in 0..5 {
        let path = format!("/burst/{round}");
        let (mut witness, _) = Client::join(&server, &path).await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(server.address(), path.clone(), writer)))
            .collect();
        // Joining again and again spreads the joiners over the whole burst.
        let mut joiners = Vec::new();
        for _ in 0..JOINERS {
            let (mut client, history) = Client::join(&server, &path).await;
            joiners.push(tokio::spawn(async move {
                let mut patches: Vec<Value> = serde_json::from_str(&history).unwrap();
                let early = patches.len();
                while patches.len() < WRITERS * MESSAGES {
                    patches.extend(joined(&[client.text().await]));
                }
                (early, patches)
            }));
        }
        let mut order = Vec::new();
        while order.len() < WRITERS * MESSAGES {
            order.extend(joined(&[witness.text().await]));
        }
        for writer in (0..WRITERS).map(|writer| writer.to_string()) {
            let own = order.iter().filter(|patch| patch["path"][0] == writer);
            let own: Vec<_> = own.map(|patch| patch["value"].as_u64().unwrap()).collect();
            assert_eq!(own, (0..MESSAGES as u64).collect::<Vec<_>>());
        }
        for joiner in joiners {
            let (early, patches) = joiner.await.unwrap();
            assert_eq!(patches, order, "a joiner whose history held {early}");
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let (_, history) = Client::join(&server, &path).await;
        assert_eq!(serde_json::from_str::<Vec<Value>>(&history).unwrap(), order);
    }
}

async fn write(address: SocketAddr, path: String, writer: usize) -> Client {
    let mut client = client_of(address, &path, None).await;
    for n in 0..MESSAGES {
        client.send(patch(&writer.to_string(), n)).await;
    }
    client
}

#[tokio::test]
async fn a_writer_that_joins_late_gets_others_patches_once_and_its_own_never() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let mut expected = Vec::new();
    for round in 0..100 {
        let from_ann = patch("ann", round);
        ann.send(&from_ann).await;
        // Bob speaks before he has read anything, so his message may lie on either side of Ann's.
        let mut bob = Client::connect(&server, "/").await;
        let from_bob = patch("bob", round);
        bob.send(&from_bob).await;
        assert_eq!(ann.text().await, from_bob);
        let history: Vec<Value> = serde_json::from_str(&bob.text().await).unwrap();
        expected.extend(joined(&[from_ann]));
        let seen = match history.len() {
            len if len == expected.len() => history,
            _ => [history, joined(&[bob.text().await])].concat(),
        };
        assert_eq!(seen, expected);
        // The next thing that he sees is Ann's.
        let marker = patch("marker", round);
        ann.send(&marker).await;
        assert_eq!(bob.text().await, marker);
        let (_, history) = Client::join(&server, "/").await;
        expected = serde_json::from_str(&history).unwrap();
        assert_eq!(expected.len(), (round + 1) * 3);
    }
}
