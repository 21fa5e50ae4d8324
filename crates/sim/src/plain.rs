//! A client of a plain dialect. Its rule: it sees nothing that is not stored, in the log's order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::limits::CHAT_WINDOW;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::world::World;

/// What the newest connection of a plain client has seen.
#[derive(Default)]
pub struct Board {
    /// What was written, oldest first.
    pub seen: Vec<String>,
    /// What this connection has sent itself, which does not come back.
    pub sent: BTreeSet<String>,
    /// Whether it is connected and has been told the history.
    pub joined: bool,
}

/// Connects, and connects again, until it is told to go: a message stands for one that is to be sent.
pub async fn run(
    world: Rc<World>,
    client: usize,
    board: Rc<RefCell<Board>>,
    mut send: mpsc::UnboundedReceiver<()>,
) {
    let dialect = world.setup.plain[client];
    let mut sent = 0;
    loop {
        *board.borrow_mut() = Board::default();
        let lost = world.logs_lost();
        let Some(mut socket) = world.dial_plain(client).await else {
            sleep(Duration::from_millis(500)).await;
            continue;
        };
        loop {
            tokio::select! {
                biased;
                command = send.recv() => {
                    let Some(()) = command else {
                        let _ = socket.close(None).await;
                        return;
                    };
                    // A lesson's app does not send before it has heard.
                    if !board.borrow().joined {
                        continue;
                    }
                    sent += 1;
                    let text = format!("{client}.{sent}");
                    let message = write(dialect, &text);
                    if dialect == Dialect::Patches {
                        board.borrow_mut().sent.insert(text);
                    }
                    let _ = std::pin::Pin::new(&mut socket).start_send(Message::text(message));
                    // A client that does not read on while it writes may wait for a server that waits for it.
                    tokio::select! {
                        biased;
                        _ = socket.flush() => {}
                        () = sleep(Duration::from_millis(100)) => {}
                    }
                }
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let mut board = board.borrow_mut();
                        read(dialect, &text, &mut board);
                        if lost == world.logs_lost() {
                            check(&world, client, &board);
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                }
            }
        }
        drop(socket);
        sleep(Duration::from_millis(300)).await;
    }
}

/// What a connection should have seen of a log.
pub fn expected(dialect: Dialect, log: &[String], sent: &BTreeSet<String>) -> Vec<String> {
    match dialect {
        Dialect::Chat => log[log.len().saturating_sub(CHAT_WINDOW)..].to_vec(),
        _ => log.iter().filter(|text| !sent.contains(*text)).cloned().collect(),
    }
}

/// What the entries of a log say.
pub fn texts(dialect: Dialect, payload: &[u8]) -> Vec<String> {
    let value: Value = serde_json::from_slice(payload).unwrap_or_default();
    match dialect {
        Dialect::Chat => vec![text_of(&value["text"])],
        _ => patch_values(&value),
    }
}

fn write(dialect: Dialect, text: &str) -> String {
    match dialect {
        Dialect::Chat => format!(r#"{{"user":"sim","text":"{text}"}}"#),
        _ => format!(r#"[{{"op":"replace","path":["k"],"value":"{text}"}}]"#),
    }
}

fn read(dialect: Dialect, frame: &str, board: &mut Board) {
    let value: Value = serde_json::from_str(frame).unwrap_or_default();
    board.joined = true;
    match dialect {
        Dialect::Chat => {
            let newest_first = value["msg"].as_array().cloned().unwrap_or_default();
            board.seen = newest_first
                .iter()
                .rev()
                .map(|message| text_of(&message["text"]))
                .collect();
        }
        _ => board.seen.extend(patch_values(&value)),
    }
}

fn check(world: &World, client: usize, board: &Board) {
    let dialect = world.setup.plain[client];
    let log = world.plain_log(dialect);
    let mut rest = log.iter();
    for text in &board.seen {
        // In the log's order, so each is found behind the one before.
        if !rest.any(|stored| stored == text) {
            world.fail(format_args!(
                "plain client {client} saw {text} out of order or before it was stored"
            ));
            return;
        }
    }
}

fn patch_values(value: &Value) -> Vec<String> {
    let patches = value.as_array().map_or(&[][..], Vec::as_slice);
    patches.iter().map(|patch| text_of(&patch["value"])).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
