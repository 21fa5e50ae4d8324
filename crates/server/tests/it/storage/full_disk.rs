//! A disk that is full: the sender is told, nobody is shown what was not stored, and it goes on when there is space.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use rlimit::Resource;

use super::WAL;
use crate::harness::{Client, End, Server, get, history, patch};

/// A way of taking the server's disk space and of giving it back.
trait Shortage {
    fn begin(&mut self, server: &Server);
    fn end(&mut self, server: &Server);
}

/// No file may grow beyond the length that the write-ahead log has.
struct FileSizeLimit;

impl Shortage for FileSizeLimit {
    fn begin(&mut self, server: &Server) {
        let wal = server.directory().path().join(WAL);
        limit_file_size(server, fs::metadata(wal).unwrap().len());
    }

    fn end(&mut self, server: &Server) {
        limit_file_size(server, rlimit::INFINITY);
    }
}

fn limit_file_size(server: &Server, soft: u64) {
    let limits = Some((soft, rlimit::INFINITY));
    rlimit::prlimit(server.pid() as i32, Resource::FSIZE, limits, None).unwrap();
}

/// A small file system that is filled up with another file.
struct FullFileSystem;

impl FullFileSystem {
    /// The file system is the server's own, so it is reached through the server's eyes.
    fn ballast(server: &Server) -> std::path::PathBuf {
        let data = server.data();
        format!("/proc/{}/root{}/ballast", server.pid(), data.display()).into()
    }
}

impl Shortage for FullFileSystem {
    fn begin(&mut self, server: &Server) {
        let mut ballast = File::create(FullFileSystem::ballast(server)).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    fn end(&mut self, server: &Server) {
        fs::remove_file(FullFileSystem::ballast(server)).unwrap();
    }
}

async fn endures(server: &Server, shortage: &mut impl Shortage) -> Vec<String> {
    let (mut bob, _) = Client::join(server, "/").await;
    let (mut eve, _) = Client::chat(server, "/").await;
    let mut stored = Vec::new();
    for round in 0..2 {
        let (mut ann, found) = Client::join(server, "/").await;
        assert_eq!(found, history(&stored));
        let (mut dan, _) = Client::chat(server, "/").await;
        stored.push(patch("before", round));
        ann.send(&stored[stored.len() - 1]).await;
        assert_eq!(bob.text().await, stored[stored.len() - 1]);

        shortage.begin(server);
        ann.send(patch("lost", "x".repeat(100_000))).await;
        let told = End::Closed(1011, "your message was not stored; send it again".into());
        assert_eq!(ann.end().await, told);
        let ready = get(server.address(), "/readyz").await;
        assert_eq!(ready.status, 503, "{}", ready.text());
        assert_eq!(get(server.address(), "/healthz").await.status, 200);
        // Another dialect's room, and a room that does not exist yet, fare the same.
        dan.post("dan", &"y".repeat(4_000)).await;
        assert_eq!(dan.end().await, told);
        let (mut new, _) = Client::join(server, "/new").await;
        new.send(patch("lost", "z".repeat(10_000))).await;
        assert_eq!(new.end().await, told);
        // What is stored can be read all the while.
        let (late, found) = Client::join(server, "/").await;
        assert_eq!(found, history(&stored));
        drop(late);

        shortage.end(server);
        let (mut ann, found) = Client::join(server, "/").await;
        assert_eq!(found, history(&stored));
        stored.push(patch("after", round));
        ann.send(&stored[stored.len() - 1]).await;
        // Bob saw nothing of what was lost, or it would come first. So too in the other rooms.
        assert_eq!(bob.text().await, stored[stored.len() - 1]);
        assert_eq!(get(server.address(), "/readyz").await.status, 200);
        let (mut dan, _) = Client::chat(server, "/").await;
        dan.post("dan", "after").await;
        let window = eve.window().await;
        assert_eq!((window.len(), &window[0]["text"]), (round + 1, &"after".into()));
        let (_, none) = Client::join(server, "/new").await;
        assert_eq!(none, "[]");
    }
    stored
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_told_to_the_sender_and_endured() {
    let server = Server::start(&[]).await;
    let stored = endures(&server, &mut FileSizeLimit).await;
    let server = Server::on(server.kill().await, &[]).await;
    let (_, found) = Client::join(&server, "/").await;
    assert_eq!(found, history(&stored));
    let (_, none) = Client::join(&server, "/new").await;
    assert_eq!(none, "[]");
}

#[tokio::test]
async fn a_full_file_system_is_told_to_the_sender_and_endured() {
    let unshare = ["unshare", "--mount", "--map-root-user", "sh", "-c"];
    let mount = r#"mkdir "$3" && mount -t tmpfs -o size=2m tmpfs "$3""#;
    let permitted = Command::new(unshare[0])
        .args(&unshare[1..])
        .args([
            &mount.replace("\"$3\"", "\"$0\""),
            &*tempfile::tempdir().unwrap().path().join("data").to_string_lossy(),
        ])
        .output();
    // Where nobody may mount, the test above has to do.
    if !permitted.is_ok_and(|output| output.status.success()) {
        return;
    }
    let server = Server::prepared(&unshare, mount, &[]).await;
    endures(&server, &mut FullFileSystem).await;
    server.terminate().await;
}
