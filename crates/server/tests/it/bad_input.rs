//! What bad input gets: the offender a close code or a status that names the fault, everyone else nothing.

mod frames;
mod handshakes;
mod messages;
mod slow_handshakes;

use crate::harness::{Client, End, Opcode, Raw, Server, frame, history, patch};

/// Something that a client must not send after its handshake, and what it gets.
struct Row {
    what: String,
    bytes: Vec<u8>,
    code: u16,
    reason: String,
}

fn row(what: &str, bytes: Vec<u8>, code: u16, reason: &str) -> Row {
    Row {
        what: what.to_owned(),
        bytes,
        code,
        reason: reason.to_owned(),
    }
}

/// Checks the rows one after the other in one room of patches, whose other members must not notice.
async fn check_patches(server: &Server, path: &str, rows: Vec<Row>) {
    let (mut ann, _) = Client::join(server, path).await;
    let (mut bob, _) = Client::join(server, path).await;
    let mut sent = Vec::new();
    for row in rows {
        let mut offender = Raw::join(server, path).await;
        assert_eq!(offender.text().await, history(&sent), "{}", row.what);
        offend(&mut offender, &row).await;
        sent.push(patch("still here", sent.len()));
        ann.send(&sent[sent.len() - 1]).await;
        assert_eq!(bob.text().await, sent[sent.len() - 1], "{}", row.what);
    }
    let (_, found) = Client::join(server, path).await;
    assert_eq!(found, history(&sent));
}

/// The same in a chat.
async fn check_chat(server: &Server, path: &str, rows: Vec<Row>) {
    let (mut ann, _) = Client::chat(server, path).await;
    let (mut bob, _) = Client::chat(server, path).await;
    for (count, row) in rows.iter().enumerate() {
        let mut offender = Raw::join_chat(server, path).await;
        offender.text().await;
        offend(&mut offender, row).await;
        ann.post("ann", &count.to_string()).await;
        let window = bob.window().await;
        assert_eq!(window[0]["text"], count.to_string(), "{}", row.what);
        assert_eq!(window.len(), (count + 1).min(50), "{}", row.what);
    }
}

async fn offend(offender: &mut Raw, row: &Row) {
    // The server may have hung up before it was sent everything.
    let _ = offender.try_send(&row.bytes).await;
    let end = offender.end().await;
    let End::Closed(code, reason) = &end else {
        panic!("{}: no close frame", row.what);
    };
    assert_eq!(*code, row.code, "{}: {reason}", row.what);
    assert!(reason.contains(&row.reason), "{}: {reason}", row.what);
    assert!(
        !reason.is_empty() && reason.len() <= 123,
        "{}: {reason}",
        row.what
    );
    // The client's part of the closing handshake. Its answer is the end of the stream.
    let _ = offender.try_send(&frame(Opcode::FIN | Opcode::CLOSE, b"")).await;
    let rest = offender.rest().await;
    assert!(rest.is_empty(), "{}: something after the close frame", row.what);
}
