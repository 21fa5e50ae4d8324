//! A disk that answers with errors: a failed write is endured, a failed sync ends the server with its reason.

use std::sync::Arc;

use super::WAL;
use crate::harness::{Client, End, Server, history, patch, strace_is_there, within};

/// A server to whose write-ahead log the kernel does what `injection` says.
async fn failing(injection: &str) -> Server {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let log = directory.path().join(WAL);
    let strace = [
        "strace",
        "--daemonize",
        "--follow-forks",
        "--output=/dev/null",
        &format!("--trace-path={}", log.display()),
        &format!("--inject={injection}"),
        "sh",
        "-c",
    ];
    Server::prepared_on(directory, &strace, "true", &[]).await
}

struct Outcome {
    shown: Vec<String>,
    failed: String,
    end: End,
}

/// Sends messages one after the other until one is not shown to the other client but refused.
async fn send_until_it_fails(server: &Server) -> (Client, Outcome) {
    let (mut bob, _) = Client::join(server, "/").await;
    let (mut ann, _) = Client::join(server, "/").await;
    let mut shown = Vec::new();
    loop {
        let message = patch("n", shown.len());
        ann.send(&message).await;
        let end = tokio::select! {
            biased;
            next = within("a message", bob.next()) => match next {
                Ok(text) => {
                    assert_eq!(text.to_text().unwrap(), message);
                    shown.push(message);
                    continue;
                }
                // When the server ends, he may be told so before the sender is.
                Err(_) => ann.end().await,
            },
            // Not `end`, which may have been told the end when it is given up for Bob's message.
            next = ann.next() => next.unwrap_err(),
        };
        let outcome = Outcome {
            shown,
            failed: message,
            end,
        };
        return (bob, outcome);
    }
}

#[tokio::test]
async fn a_failed_write_is_told_to_the_sender_and_the_next_succeeds() {
    if !strace_is_there() {
        return;
    }
    let server = failing("pwrite64:error=EIO:when=20").await;
    let (mut bob, outcome) = send_until_it_fails(&server).await;
    let told = End::Closed(1011, "your message was not stored; send it again".into());
    assert_eq!(outcome.end, told);
    let mut expected = outcome.shown;
    assert!(!expected.is_empty());
    let (mut ann, found) = Client::join(&server, "/").await;
    assert_eq!(found, history(&expected));
    // As it was told, the sender sends it again.
    ann.send(&outcome.failed).await;
    assert_eq!(bob.text().await, outcome.failed);
    expected.push(outcome.failed);
    let server = Server::on(server.kill().await, &[]).await;
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, history(&expected));
}

#[tokio::test]
async fn a_failed_sync_ends_the_server_because_nobody_knows_what_the_disk_holds() {
    if !strace_is_there() {
        return;
    }
    let mut server = failing("fsync,fdatasync:error=EIO:when=10+").await;
    let (mut bob, outcome) = send_until_it_fails(&server).await;
    let End::Closed(code, _) = outcome.end else {
        panic!("{:?}", outcome.end)
    };
    assert!([1011, 1001].contains(&code), "{code}");
    let more = bob.next().await;
    assert!(more.is_err(), "nobody is shown what is in doubt: {more:?}");
    assert_eq!(server.exited().await.code(), Some(1));
    assert!(server.log().contains("the store failed"), "{}", server.log());
    // What was shown is there. The message in doubt may be, and nobody was shown it.
    let server = Server::on(server.directory(), &[]).await;
    let (_, found) = Client::join(&server, "/").await;
    let mut expected = outcome.shown;
    if found != history(&expected) {
        expected.push(outcome.failed);
    }
    assert_eq!(found, history(&expected));
}
