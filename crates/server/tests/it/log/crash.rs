//! What is in the database when the process ends without a word.

use std::fs;
use std::path::Path;

use patchcast_protocol::dialect::Dialect;
use patchcast_server::log::{Durability, OpenError, SqliteStore, StartupCheck};

use super::{append, batch, crashed_copy, open, payloads};

fn open_store(directory: &Path, durability: Durability) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory, durability, StartupCheck::Full)
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_crash_at_any_time() {
    for durability in [Durability::Fsync, Durability::Os] {
        let directory = tempfile::tempdir().unwrap();
        let store = open_store(directory.path(), durability).unwrap();
        let (mut chat, mut gifts) = (0, 0);
        let log = open(&store, Dialect::Patches, "gifts").await;
        // Long enough that the write-ahead log is folded into the file on the way.
        let long = &*"x".repeat(20_000);
        for round in 0..40 {
            gifts = append(&*log, gifts, batch(&[long; 7])).await.unwrap().seq.0;
            let other = open(&store, Dialect::Chat, &format!("room{round}")).await;
            chat += append(&*other, 0, batch(&["hi"])).await.unwrap().seq.0;
            if round % 4 != 0 {
                continue;
            }
            let crashed = crashed_copy(directory.path());
            let reopened = open_store(crashed.path(), durability).unwrap();
            let copy = open(&reopened, Dialect::Patches, "gifts").await;
            assert_eq!(copy.head(), log.head());
            assert_eq!(payloads(&*copy, 0).await, payloads(&*log, 0).await);
            assert_eq!(chat, round + 1);
            for room in 0..=round {
                let other = open(&reopened, Dialect::Chat, &format!("room{room}")).await;
                assert_eq!(payloads(&*other, 0).await, ["hi"]);
            }
            // And it goes on from there.
            append(&*copy, gifts, batch(&["more"])).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_was_closed_is_one_file_and_opens_again_with_everything() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for round in 0..5 {
        let store = open_store(directory.path(), Durability::Fsync).unwrap();
        let log = open(&store, Dialect::Patches, "a").await;
        assert_eq!(payloads(&*log, 0).await, expected);
        let text = format!("round {round}");
        append(&*log, round, batch(&[&text])).await.unwrap();
        expected.push(text);
        drop(log);
        drop(store);
        let mut names: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["lock", "patchcast.sqlite3"]);
    }
}

#[tokio::test]
async fn a_directory_that_is_in_use_is_refused_until_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let first = open_store(directory.path(), Durability::Fsync).unwrap();
    let second = open_store(directory.path(), Durability::Fsync);
    assert!(matches!(second, Err(OpenError::InUse(_))));
    let log = open(&first, Dialect::Patches, "a").await;
    append(&*log, 0, batch(&["one"])).await.unwrap();
    drop((log, first));
    let second = open_store(directory.path(), Durability::Fsync).unwrap();
    let log = open(&second, Dialect::Patches, "a").await;
    assert_eq!(payloads(&*log, 0).await, ["one"]);
}

#[tokio::test]
async fn a_batch_that_was_handed_over_is_decided_before_the_store_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_store(directory.path(), Durability::Fsync).unwrap();
    let log = open(&store, Dialect::Patches, "a").await;
    // Handed over by the call; that nobody waits for the answer changes nothing.
    drop(log.append(patchcast_protocol::ids::Seq(0), batch(&["one", "two"])));
    drop((log, store));
    let store = open_store(directory.path(), Durability::Fsync).unwrap();
    let log = open(&store, Dialect::Patches, "a").await;
    assert_eq!(payloads(&*log, 0).await, ["one", "two"]);
}
