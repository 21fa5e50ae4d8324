//! More connections than there is place for.

use std::time::Duration;

use crate::harness::{Client, Raw, Server, exchange, get, handshake, patch, within};

#[tokio::test]
async fn a_full_server_answers_503_until_somebody_leaves() {
    let server = Server::start(&["--max-connections", "3"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let (eve, _) = Client::chat(&server, "/other").await;
    for _ in 0..3 {
        let response = exchange(server.address(), handshake("/", "").as_bytes()).await;
        assert_eq!(response.status, 503);
        assert!(response.header("retry-after").parse::<u32>().unwrap() > 0);
        assert!(response.text().contains("full"), "{}", response.text());
    }
    // Files and health checks need no place, and those who are there do not notice.
    assert_eq!(get(server.address(), "/healthz").await.status, 200);
    ann.send(patch("a", 1)).await;
    assert_eq!(bob.text().await, patch("a", 1));
    eve.close().await;
    let joined = async {
        while exchange(server.address(), handshake("/", "").as_bytes())
            .await
            .status
            != 101
        {}
    };
    within("a free place", joined).await;
}

#[tokio::test]
async fn a_process_without_file_descriptors_rests_and_recovers() {
    let server = Server::prepared(&["sh", "-c"], "ulimit -n 48", &["--threads", "1"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    // The kernel takes them all, the server cannot.
    let mut crowd = Vec::new();
    for _ in 0..80 {
        crowd.push(Raw::connect(server.address()).await);
    }
    let refused = async {
        while !server.log().contains("could not be accepted") {
            stream(&mut ann, &mut bob).await;
        }
    };
    within("a warning", refused).await;
    let before = server.cpu_ticks();
    // Nothing is waited for here: it is the time over which the use of the processor is measured.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = server.cpu_ticks() - before;
    assert!(used < 30, "{used} % of a core for waiting");
    stream(&mut ann, &mut bob).await;
    drop(crowd);
    let (mut eve, _) = Client::join(&server, "/").await;
    ann.send(patch("after", 1)).await;
    assert_eq!(eve.text().await, patch("after", 1));
}

async fn stream(ann: &mut Client, bob: &mut Client) {
    ann.send(patch("a", 1)).await;
    assert_eq!(bob.text().await, patch("a", 1));
}

#[tokio::test]
async fn a_place_is_free_again_however_its_connection_ended() {
    let server = Server::start(&["--max-connections", "1", "--idle-timeout", "0.3"]).await;
    for round in 0..5 {
        let join = async {
            loop {
                let mut raw = Raw::connect(server.address()).await;
                raw.send(handshake("/", "").as_bytes()).await;
                if raw.head().await.starts_with("HTTP/1.1 101 ") {
                    return raw;
                }
            }
        };
        let mut raw = within("a free place", join).await;
        match round % 4 {
            0 => drop(raw),
            1 => raw.finish().await,
            2 => raw.send(b"nonsense").await,
            // Left open: the idle timeout takes the place back.
            _ => drop(raw.rest().await),
        }
    }
}
