//! What becomes of a server whose data directory is taken, damaged, of another program, or full.

mod damage;
mod failing_disk;
mod full_disk;
mod index;
mod snapshots;
mod torn;
mod use_of_the_directory;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::harness::{Client, Server, patch};

/// How many messages [`written`] leaves in the room `/gifts`.
const MESSAGES: usize = 30;

/// The messages in the room `/gifts`, each of which fills a good part of a page.
fn message(n: usize) -> String {
    patch("note", format!("note {n:03} {}", "x".repeat(1_000)))
}

fn messages() -> Vec<String> {
    (0..MESSAGES).map(message).collect()
}

/// A server that has acknowledged [`messages`], each in a commit of its own, and two chats.
async fn written() -> Server {
    let server = Server::start(&[]).await;
    for room in ["/lobby", "/team/board"] {
        let (mut chatter, _) = Client::chat(&server, room).await;
        chatter.post("ann", room).await;
        chatter.window().await;
    }
    let (mut ann, _) = Client::join(&server, "/gifts").await;
    let (mut bob, _) = Client::join(&server, "/gifts").await;
    for message in messages() {
        ann.send(&message).await;
        assert_eq!(bob.text().await, message);
    }
    server
}

/// The files in a server's data directory but those that hold nothing: the lock, and the index of the
/// write-ahead log, which SQLite makes anew.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for file in fs::read_dir(directory.join("data")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let content = fs::read(file.path()).unwrap();
        if name != "lock" && !name.ends_with("-shm") && !content.is_empty() {
            files.insert(name, content);
        }
    }
    files
}

/// Another directory with the same files.
fn copy(directory: &Path) -> Arc<TempDir> {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("data")).unwrap();
    for file in fs::read_dir(directory.join("data")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join("data").join(file.file_name())).unwrap();
    }
    Arc::new(copy)
}

const DATABASE: &str = "data/patchcast.sqlite3";
const WAL: &str = "data/patchcast.sqlite3-wal";
