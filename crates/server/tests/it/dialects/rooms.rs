//! Rooms are isolated: by their path, and by their dialect.

use crate::harness::{Client, Server, client_of, patch};

/// Paths of different rooms, all of which exist at the same time.
const PATHS: [&str; 8] = ["/", "/a", "/A", "/a/b", "/a-b", "/ab", "/a.b", "/a~b_c/0"];

#[tokio::test]
async fn what_is_sent_to_one_room_is_seen_in_no_other() {
    let server = Server::start(&[]).await;
    let mut rooms = Vec::new();
    for path in PATHS {
        let (ann, empty) = Client::join(&server, path).await;
        assert_eq!(empty, "[]");
        let (bob, _) = Client::join(&server, path).await;
        let (chatter, window) = Client::chat(&server, path).await;
        assert!(window.is_empty());
        rooms.push((path, ann, bob, chatter));
    }
    for (path, ann, _, chatter) in &mut rooms {
        ann.send(patch("path", *path)).await;
        chatter.post("ann", path).await;
    }
    // Each sees its own room's message first, so another room's would have to come after it.
    for (path, _, bob, chatter) in &mut rooms {
        assert_eq!(bob.text().await, patch("path", *path));
        let window = chatter.window().await;
        assert_eq!((window.len(), &window[0]["text"]), (1, &(*path).into()));
    }
    for (path, ann, bob, chatter) in &mut rooms {
        bob.send(patch("again", *path)).await;
        assert_eq!(ann.text().await, patch("again", *path));
        chatter.post("ann", "again").await;
        assert_eq!(chatter.window().await.len(), 2);
    }
    let server = Server::on(server.terminate().await, &[]).await;
    for path in PATHS {
        let (_, history) = Client::join(&server, path).await;
        let both = [patch("path", path), patch("again", path)];
        assert_eq!(history, crate::harness::history(&both));
        let (_, window) = Client::chat(&server, path).await;
        assert_eq!(window.len(), 2);
    }
}

#[tokio::test]
async fn a_path_is_decoded_once_and_its_query_is_not_part_of_the_name() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/team/board").await;
    for path in ["/team%2Fboard", "/t%65am/board?token=a/b", "/team/%62oard?"] {
        let (mut bob, _) = Client::join(&server, path).await;
        bob.send(patch("path", path)).await;
        assert_eq!(ann.text().await, patch("path", path));
    }
}

#[tokio::test]
async fn the_first_subprotocol_that_is_known_is_taken() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::chat(&server, "/").await;
    let mut bob = client_of(server.address(), "/", Some("soap, json")).await;
    assert!(bob.window().await.is_empty());
    bob.post("bob", "hi").await;
    assert_eq!(ann.window().await.len(), 1);
}

#[tokio::test]
async fn a_hundred_rooms_at_once_each_keep_their_own() {
    let server = Server::start(&["--threads", "3"]).await;
    let mut rooms = Vec::new();
    for room in 0..100 {
        let path = format!("/room/{room}");
        let (ann, _) = Client::join(&server, &path).await;
        let (bob, _) = Client::join(&server, &path).await;
        rooms.push((path, ann, bob));
    }
    for round in 0..5 {
        for (path, ann, _) in &mut rooms {
            ann.send(patch(path, round)).await;
        }
        for (path, _, bob) in &mut rooms {
            assert_eq!(bob.text().await, patch(path, round));
        }
    }
    drop(rooms.split_off(50));
    for (path, ann, bob) in &mut rooms {
        bob.send(patch(path, "last")).await;
        assert_eq!(ann.text().await, patch(path, "last"));
    }
    for room in 0..100 {
        let path = format!("/room/{room}");
        let mut sent: Vec<_> = (0..5).map(|round| patch(&path, round)).collect();
        if room < 50 {
            sent.push(patch(&path, "last"));
        }
        let (_, history) = Client::join(&server, &path).await;
        assert_eq!(history, crate::harness::history(&sent));
    }
}

#[tokio::test]
async fn joining_a_room_that_nobody_wrote_to_leaves_no_trace() {
    let server = Server::start(&[]).await;
    for room in 0..20 {
        let (_, empty) = Client::join(&server, &format!("/{room}")).await;
        assert_eq!(empty, "[]");
    }
    let data = server.data();
    let _kept = server.terminate().await;
    let database = rusqlite::Connection::open(data.join("patchcast.sqlite3")).unwrap();
    let rooms: i64 = database
        .query_row("SELECT count(*) FROM room", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rooms, 0);
}
