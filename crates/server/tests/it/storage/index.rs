//! An index of ops that does not fit the entries: a resent op would be stored twice, or taken for another.

use std::fs;
use std::path::Path;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{Durability, Log, OpenError, ReadError, SqliteStore, StartupCheck, Store};
use tempfile::TempDir;

const ANN: Author = Author([1; 12]);
const BOB: Author = Author([2; 12]);

fn open(directory: &Path, check: StartupCheck) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory, Durability::Fsync, check)
}

async fn room(store: &SqliteStore) -> std::sync::Arc<dyn Log> {
    let (dialect, name) = (Dialect::Sessions, RoomName::default());
    store.open(&RoomId { dialect, name }).await.unwrap()
}

/// A database with the ops 1 and 3 of Ann, which are the entries 1 and 3, and the op 1 of Bob between them.
async fn written() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), StartupCheck::Full).unwrap();
    let entries = [(ANN, 1), (BOB, 1), (ANN, 3), (BOB, 0)].map(|(author, op)| NewEntry {
        author,
        op: OpId(op),
        time: Timestamp(1),
        weight: 1,
        payload: b"1".to_vec(),
    });
    room(&store)
        .await
        .append(Seq::START, entries.into())
        .await
        .unwrap();
    directory
}

/// The database, changed by these statements.
async fn changed(statements: &str) -> TempDir {
    let directory = written().await;
    let database = rusqlite::Connection::open(directory.path().join("patchcast.sqlite3")).unwrap();
    database.execute_batch(statements).unwrap();
    directory
}

#[tokio::test]
async fn an_index_that_does_not_fit_the_entries_is_refused_and_left_alone() {
    for (statements, reason) in [
        ("DELETE FROM op WHERE op = 3", "op 3"),
        ("UPDATE op SET seq = 1 WHERE op = 3", "op 3"),
        ("UPDATE op SET seq = 2 WHERE op = 3", "op 3"),
        ("UPDATE op SET op = 2 WHERE op = 3", "op 3"),
        ("UPDATE op SET author = x'00' WHERE op = 3", "op 3"),
        ("UPDATE op SET room = 2", "op 1"),
        (
            "INSERT INTO op SELECT room, author, 4, 4 FROM op WHERE op = 3",
            "no entry",
        ),
        (
            "INSERT INTO op SELECT 2, author, op, seq FROM op WHERE op = 3",
            "no entry",
        ),
    ] {
        let directory = changed(statements).await;
        let file = directory.path().join("patchcast.sqlite3");
        let before = fs::read(&file).unwrap();
        match open(directory.path(), StartupCheck::Full) {
            Err(OpenError::Damaged { detail, .. }) => {
                assert!(detail.contains(reason), "{statements}: {detail}");
            }
            Err(other) => panic!("{statements}: {other}"),
            Ok(_) => panic!("{statements}: was not noticed"),
        }
        assert!(
            fs::read(&file).unwrap() == before,
            "{statements}: the file was changed"
        );
    }
}

#[tokio::test]
async fn an_index_that_points_elsewhere_is_noticed_when_it_is_asked() {
    for seq in [1, 2, 4, 0, i64::MIN] {
        let directory = changed(&format!("UPDATE op SET seq = {seq} WHERE op = 3")).await;
        let store = open(directory.path(), StartupCheck::Quick).unwrap();
        let log = room(&store).await;
        let found = log.last_op(ANN, OpId(9)).await;
        assert!(matches!(found, Err(ReadError::Damaged(_))), "{seq}: {found:?}");
        let intact = log.last_op(ANN, OpId(2)).await;
        assert_eq!(intact, Ok(Some((OpId(1), Seq(1)))));
    }
}
