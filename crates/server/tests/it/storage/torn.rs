//! The write-ahead log after a crash: a torn end is no loss, anything else is damage.

use std::fs;
use std::path::Path;

use super::{MESSAGES, WAL, copy, files, message, messages, written};
use crate::harness::{Client, Server, history, refusal, try_refusal};

/// SQLite's file format, section 4: a header, then frames of a page and a header each.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// Changes the write-ahead log, and expects that the server refuses it and changes no file.
async fn refuses(crashed: &Path, what: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let directory = copy(crashed);
    let wal = directory.path().join(WAL);
    let mut bytes = fs::read(&wal).unwrap();
    change(&mut bytes);
    fs::write(&wal, bytes).unwrap();
    let before = files(directory.path());
    let said = try_refusal(&directory, &[]).await.expect(what);
    assert!(
        said.contains("is damaged and was left as it is"),
        "{what}: {said}"
    );
    assert!(said.contains("patchcast.sqlite3-wal"), "{what}: {said}");
    assert!(files(directory.path()) == before, "{what}: a file was changed");
}

#[tokio::test]
async fn a_log_that_was_changed_after_it_was_written_is_refused_and_left_alone() {
    let directory = written().await.kill().await;
    let crashed = directory.path();
    let frames = (fs::read(crashed.join(WAL)).unwrap().len() - HEADER) / FRAME;
    assert!(frames > MESSAGES, "{frames} frames");
    let middle = HEADER + frames / 2 * FRAME;
    refuses(crashed, "a page in the middle", |wal| {
        wal[middle + 24 + 2000] ^= 1;
    })
    .await;
    refuses(crashed, "a frame's page number", |wal| wal[middle + 3] ^= 1).await;
    refuses(crashed, "a frame's salt", |wal| wal[middle + 8] ^= 0x80).await;
    refuses(crashed, "a frame's checksum", |wal| wal[middle + 16] ^= 1).await;
    refuses(crashed, "the first frame", |wal| wal[HEADER + 24] ^= 1).await;
    refuses(crashed, "the header's magic", |wal| wal[0] ^= 1).await;
    refuses(crashed, "the header's page size", |wal| wal[10] ^= 1).await;
    refuses(crashed, "the header's salt", |wal| wal[16] ^= 1).await;
    refuses(crashed, "the header's checksum", |wal| wal[24] ^= 1).await;
    refuses(crashed, "a sector of zeroes", |wal| {
        wal[middle..middle + 512].fill(0);
    })
    .await;
    refuses(crashed, "a frame that is missing", |wal| {
        drop(wal.drain(middle..middle + FRAME));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_was_removed_after_a_crash_is_refused() {
    let directory = written().await.kill().await;
    fs::remove_file(directory.path().join(WAL)).unwrap();
    let before = files(directory.path());
    let said = refusal(&directory, &[]).await;
    assert!(said.contains("removed after a crash"), "{said}");
    assert_eq!(files(directory.path()), before);
}

#[tokio::test]
async fn a_torn_last_frame_is_accepted_with_everything_acknowledged_before() {
    let crashed = written().await.kill().await;
    let whole = fs::read(crashed.path().join(WAL)).unwrap();
    for (what, torn) in [
        ("half a frame", whole[..whole.len() - FRAME / 2].to_vec()),
        ("all but a byte", whole[..whole.len() - 1].to_vec()),
        ("no frame", whole[..whole.len() - FRAME].to_vec()),
        ("a sector that was not written", {
            let mut torn = whole.clone();
            let end = torn.len();
            torn[end - 4096..end - 4096 + 512].fill(0);
            torn
        }),
    ] {
        let directory = copy(crashed.path());
        fs::write(directory.path().join(WAL), torn).unwrap();
        let server = Server::on(directory, &[]).await;
        let (mut ann, found) = Client::join(&server, "/gifts").await;
        // All but the last message, whose commit the frame ended.
        assert!(found == history(&messages()[..MESSAGES - 1]), "{what}");
        let (mut bob, _) = Client::join(&server, "/gifts").await;
        bob.send(message(MESSAGES)).await;
        assert_eq!(ann.text().await, message(MESSAGES));
        let server = Server::on(server.kill().await, &[]).await;
        let (_, found) = Client::join(&server, "/gifts").await;
        let expected = [&messages()[..MESSAGES - 1], &[message(MESSAGES)]].concat();
        assert!(found == history(&expected), "{what}, after going on");
    }
}

#[tokio::test]
async fn what_lies_behind_the_end_of_a_crashed_log_is_no_damage() {
    let directory = written().await.kill().await;
    let wal = directory.path().join(WAL);
    let mut bytes = fs::read(&wal).unwrap();
    // Frames of an earlier generation, as they stay behind when SQLite begins the log again.
    let mut older = bytes[HEADER..HEADER + 8 * FRAME].to_vec();
    for frame in older.chunks_mut(FRAME) {
        frame[8..16].fill(0x5a);
    }
    bytes.extend(older);
    bytes.extend([0; 100]);
    fs::write(&wal, bytes).unwrap();
    let server = Server::on(directory, &[]).await;
    let (_, found) = Client::join(&server, "/gifts").await;
    assert!(found == history(&messages()));
}
