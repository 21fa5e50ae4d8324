//! The naive peer: the server that a chat example gives, to be measured beside the real one.
//!
//! Dialect 1 in memory, on tokio-tungstenite with its defaults: a task and an unbounded queue for each connection,
//! every frame written and flushed for itself, a copy of the history for every joiner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use serde::de::IgnoredAny;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::process::announce;

/// Serves until the process is ended.
pub(crate) fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?);
        let rooms = Rooms::default();
        for key in 0.. {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let rooms = rooms.clone();
            tokio::spawn(async move {
                if let Err(error) = serve(socket, key, &rooms).await {
                    eprintln!("connection {key}: {error}");
                }
            });
        }
        Ok(())
    })
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Mutex<Room>>>>>;

#[derive(Default)]
struct Room {
    /// Each message without its brackets.
    history: Vec<String>,
    members: HashMap<u64, UnboundedSender<Utf8Bytes>>,
}

// The error type of the handshake's callback is tungstenite's choice.
#[allow(clippy::result_large_err)]
async fn serve(socket: TcpStream, key: u64, rooms: &Rooms) -> Result<()> {
    let mut path = String::new();
    let socket = accept_hdr_async(socket, |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    })
    .await?;
    let (mut sink, mut stream) = socket.split();
    let (queue, mut queued) = unbounded_channel();
    let room = lock(rooms).entry(path).or_default().clone();
    let history = {
        let mut room = lock(&room);
        room.members.insert(key, queue);
        format!("[{}]", room.history.join(","))
    };
    let writer = tokio::spawn(async move {
        sink.send(Message::text(history)).await?;
        while let Some(text) = queued.recv().await {
            sink.feed(Message::Text(text)).await?;
            sink.flush().await?;
        }
        anyhow::Ok(())
    });
    while let Some(Ok(message)) = stream.next().await {
        let Message::Text(text) = message else { continue };
        if serde_json::from_str::<Vec<IgnoredAny>>(&text).is_err() {
            break;
        }
        let mut room = lock(&room);
        room.history.extend(inside(&text));
        for (_, member) in room.members.iter().filter(|(member, _)| **member != key) {
            // A member whose task has ended is about to be removed by its own reading half.
            let _ = member.send(text.clone());
        }
    }
    lock(&room).members.remove(&key);
    writer.await?
}

/// The patches of a message without the brackets around them; `None` when there are none.
fn inside(text: &str) -> Option<String> {
    let patches = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    (!patches.is_empty()).then(|| patches.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
