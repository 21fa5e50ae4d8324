//! Two servers on one store: what the log's contract promises to more than one machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use patchcast_server::connection::ConnectionLimits;
use patchcast_server::handshake::Origins;
use patchcast_server::log::{MemoryStore, Store};
use patchcast_server::rooms::Policy;
use patchcast_server::server::{Server, Settings};

use crate::harness::client_of;

async fn start(store: &Arc<MemoryStore>) -> (Server, SocketAddr) {
    let minute = Duration::from_secs(60);
    let settings = Settings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        threads: 1,
        max_connections: 100,
        connection: ConnectionLimits {
            max_message: 1 << 20,
            idle_timeout: minute,
            write_timeout: minute,
        },
        rooms: Policy::default(),
        handshake_timeout: minute,
        origins: Origins::Any,
        web: None,
    };
    let server = Server::start(settings, store.clone() as Arc<dyn Store>)
        .await
        .unwrap();
    let address = server.addresses()[0];
    (server, address)
}

fn patch(value: usize) -> String {
    format!(r#"[{{"op":"replace","path":["a"],"value":{value}}}]"#)
}

#[tokio::test]
async fn two_servers_on_one_log_serve_one_room() {
    let store = Arc::new(MemoryStore::default());
    let ((one, here), (two, there)) = (start(&store).await, start(&store).await);
    let mut ann = client_of(here, "/room", None).await;
    let mut bob = client_of(there, "/room", None).await;
    assert_eq!(
        (ann.text().await, bob.text().await),
        ("[]".to_owned(), "[]".to_owned())
    );

    ann.send(patch(1)).await;
    assert_eq!(bob.text().await, patch(1));
    bob.send(patch(2)).await;
    assert_eq!(ann.text().await, patch(2));

    let mut cid = client_of(there, "/room", None).await;
    assert_eq!(
        cid.text().await,
        format!(
            "[{},{}]",
            patch(1).trim_matches(['[', ']']),
            &patch(2)[1..patch(2).len() - 1]
        )
    );
    one.shut_down().await;
    two.shut_down().await;
}

#[tokio::test]
async fn writers_of_two_servers_race_and_everyone_sees_one_order() {
    const EACH: usize = 200;
    let store = Arc::new(MemoryStore::default());
    let ((one, here), (two, there)) = (start(&store).await, start(&store).await);
    let mut readers = Vec::new();
    for address in [here, there] {
        let mut reader = client_of(address, "/race", None).await;
        assert_eq!(reader.text().await, "[]");
        readers.push(reader);
    }
    let write = async |address, from: usize| {
        let mut writer = client_of(address, "/race", None).await;
        for value in from..from + EACH {
            writer.send(patch(value)).await;
        }
        writer
    };
    let _writers = tokio::join!(write(here, 0), write(there, EACH));
    let mut seen = Vec::new();
    for reader in &mut readers {
        let mut messages = Vec::new();
        for _ in 0..2 * EACH {
            messages.push(reader.text().await);
        }
        seen.push(messages);
    }
    assert_eq!(seen[0], seen[1]);
    let mut all = seen.swap_remove(0);
    all.sort();
    let mut expected: Vec<_> = (0..2 * EACH).map(patch).collect();
    expected.sort();
    assert_eq!(all, expected);
    one.shut_down().await;
    two.shut_down().await;
}
