//! Who may use a data directory, and what the store's flags do.

use std::fs;

use super::{DATABASE, MESSAGES, files, messages, written};
use crate::harness::{Client, Server, history, patch, refusal};

#[tokio::test]
async fn a_second_server_on_the_same_directory_refuses_and_the_first_goes_on() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let said = refusal(&server.directory(), &[]).await;
    assert!(said.contains("in use by another server"), "{said}");
    assert!(said.contains(server.data().to_str().unwrap()), "{said}");
    ann.send(patch("a", 1)).await;
    assert_eq!(bob.text().await, patch("a", 1));
}

#[tokio::test]
async fn a_killed_server_leaves_no_lock_behind() {
    let mut server = written().await;
    for _ in 0..3 {
        let directory = server.kill().await;
        assert!(directory.path().join("data/lock").exists());
        server = Server::on(directory, &[]).await;
    }
    let (_, all) = Client::join(&server, "/gifts").await;
    assert_eq!(all, history(&messages()));
}

#[tokio::test]
async fn a_terminated_server_leaves_one_whole_file() {
    let directory = written().await.terminate().await;
    let names: Vec<_> = files(directory.path()).into_keys().collect();
    assert_eq!(names, ["patchcast.sqlite3"]);
    assert!(!directory.path().join("data/patchcast.sqlite3-shm").exists());
}

#[tokio::test]
async fn the_directory_is_made_with_those_above_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("a/b c/ü");
    let server = Server::start(&["--data", data.to_str().unwrap()]).await;
    Client::join(&server, "/").await;
    assert!(data.join("patchcast.sqlite3").exists());
}

#[tokio::test]
async fn a_path_that_cannot_be_a_directory_is_refused_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("data"), "a file").unwrap();
    let said = refusal(&directory, &[]).await;
    assert!(said.contains(directory.path().to_str().unwrap()), "{said}");
    assert_eq!(fs::read(directory.path().join("data")).unwrap(), b"a file");
}

#[tokio::test]
async fn another_format_is_refused_by_its_reason_and_left_alone() {
    let directory = written().await.terminate().await;
    for (format, reason) in [
        (
            4,
            "has format 4, and this version reads up to 3; use the newer patchcast",
        ),
        (1, "was made by a version before 0.1 was released; move it away"),
    ] {
        let database = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
        database.pragma_update(None, "user_version", format).unwrap();
        drop(database);
        let before = files(directory.path());
        let said = refusal(&directory, &[]).await;
        assert!(said.contains(reason), "{said}");
        assert_eq!(files(directory.path()), before);
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    let database = rusqlite::Connection::open(directory.path().join(DATABASE)).unwrap();
    database
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE room (id); INSERT INTO room VALUES (1)")
        .unwrap();
    drop(database);
    let before = files(directory.path());
    let said = refusal(&directory, &[]).await;
    assert!(said.contains("not a Patchcast database"), "{said}");
    assert_eq!(files(directory.path()), before);
}

#[tokio::test]
async fn messages_written_with_durability_os_outlive_a_killed_server() {
    let server = Server::start(&["--durability", "os"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let sent: Vec<_> = (0..100).map(|n| patch("n", n)).collect();
    for message in &sent {
        ann.send(message).await;
    }
    for message in &sent {
        assert_eq!(&bob.text().await, message);
    }
    // With the other setting, too, what is there is read.
    let server = Server::on(server.kill().await, &["--durability", "os"]).await;
    let server = Server::on(server.kill().await, &["--durability", "fsync"]).await;
    let (_, all) = Client::join(&server, "/").await;
    assert_eq!(all, history(&sent));
}

#[tokio::test]
async fn a_memory_store_keeps_its_messages_until_the_server_ends_and_writes_nothing() {
    let server = Server::start(&["--store", "memory"]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    for n in 0..10 {
        ann.send(patch("n", n)).await;
        bob.text().await;
    }
    ann.close().await;
    bob.close().await;
    let (_, all) = Client::join(&server, "/").await;
    assert_eq!(all, history(&(0..10).map(|n| patch("n", n)).collect::<Vec<_>>()));
    assert!(!server.data().exists());
    let server = Server::on(server.terminate().await, &["--store", "memory"]).await;
    let (_, none) = Client::join(&server, "/").await;
    assert_eq!(none, "[]");
}

#[tokio::test]
async fn the_quick_check_starts_on_what_the_full_one_accepts() {
    let directory = written().await.kill().await;
    for check in ["quick", "full"] {
        let server = Server::on(directory.clone(), &["--check", check]).await;
        let (_, all) = Client::join(&server, "/gifts").await;
        assert_eq!(all.matches("\"op\"").count(), MESSAGES);
        server.kill().await;
    }
}
