//! Epochs of a database whose end a power cut may have taken.

use std::path::Path;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Epoch;
use patchcast_server::log::{Durability, SqliteStore, StartupCheck};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{append, batch, crashed_copy, open, payloads};

const ROOMS: [&str; 2] = ["a", "b"];

fn open_store(directory: &Path, durability: Durability) -> SqliteStore {
    SqliteStore::open(directory, durability, StartupCheck::Full).unwrap()
}

/// The rooms' epochs, once their entries were found to be there. In a new store they are written first.
async fn epochs(store: &SqliteStore) -> Vec<Epoch> {
    let mut epochs = Vec::new();
    for room in ROOMS {
        let log = open(store, Dialect::Sessions, room).await;
        if log.head().seq.0 == 0 {
            append(&*log, 0, batch(&["one"])).await.unwrap();
        }
        assert_eq!(payloads(&*log, 0).await, ["one"]);
        epochs.push(log.epoch());
    }
    epochs
}

/// A directory as a server with this durability leaves it when it is killed, and its rooms' epochs.
async fn killed(durability: Durability) -> (TempDir, Vec<Epoch>) {
    let directory = tempfile::tempdir().unwrap();
    let store = open_store(directory.path(), durability);
    let epochs = epochs(&store).await;
    (crashed_copy(directory.path()), epochs)
}

/// Makes it look as if the machine had been started anew since the server was killed. Returns whether the database cares.
fn restart_machine(directory: &Path) -> bool {
    let database = Connection::open(directory.join("patchcast.sqlite3")).unwrap();
    database
        .execute("UPDATE unsynced SET boot = 'another'", [])
        .unwrap()
        > 0
}

#[tokio::test]
async fn rooms_get_other_epochs_when_a_power_cut_may_have_taken_entries() {
    for durability in [Durability::Os, Durability::Fsync] {
        let (directory, before) = killed(Durability::Os).await;
        assert!(restart_machine(directory.path()));
        let after = epochs(&open_store(directory.path(), durability)).await;
        for (before, after) in before.iter().zip(&after) {
            assert_ne!(before, after, "{durability:?}");
        }
        // Once, and not at every start from then on.
        assert_eq!(epochs(&open_store(directory.path(), durability)).await, after);
    }
}

#[tokio::test]
async fn rooms_keep_their_epochs_when_only_the_server_was_killed() {
    let (directory, before) = killed(Durability::Os).await;
    for durability in [Durability::Os, Durability::Fsync] {
        let directory = crashed_copy(directory.path());
        assert_eq!(epochs(&open_store(directory.path(), durability)).await, before);
    }
}

#[tokio::test]
async fn rooms_keep_their_epochs_over_a_power_cut_that_can_have_taken_nothing() {
    let fsynced = killed(Durability::Fsync).await;
    let ended = killed(Durability::Os).await;
    drop(open_store(ended.0.path(), Durability::Os));
    // The second server synced what the first one wrote, and was killed as well.
    let killed = killed(Durability::Os).await;
    let store = open_store(killed.0.path(), Durability::Fsync);
    let killed_again = (crashed_copy(killed.0.path()), killed.1);
    drop(store);
    for (directory, before) in [fsynced, ended, killed_again] {
        assert!(!restart_machine(directory.path()));
        assert_eq!(
            epochs(&open_store(directory.path(), Durability::Os)).await,
            before
        );
    }
}

#[tokio::test]
async fn another_database_has_other_epochs() {
    let (_, first) = killed(Durability::Fsync).await;
    let (_, second) = killed(Durability::Fsync).await;
    assert!(first.iter().all(|epoch| !second.contains(epoch)));
}
