//! Databases with snapshots: those of the format before, which had none, and damaged ones.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::log::{
    Durability, Log, OpenError, ReadError, Snapshot, SqliteStore, StartupCheck, Store,
};
use rusqlite::Connection;
use tempfile::TempDir;

const ANN: Author = Author([1; 12]);

fn open(directory: &Path, check: StartupCheck) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(directory, Durability::Fsync, check)
}

async fn room(store: &SqliteStore) -> Arc<dyn Log> {
    let (dialect, name) = (Dialect::Sessions, RoomName::parse("gifts").unwrap());
    store.open(&RoomId { dialect, name }).await.unwrap()
}

fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("patchcast.sqlite3")).unwrap()
}

async fn append(log: &dyn Log, ids: impl Iterator<Item = u64>) {
    for id in ids {
        let entry = NewEntry {
            author: ANN,
            op: OpId(id),
            time: Timestamp(1),
            weight: 1,
            payload: id.to_string().into(),
        };
        log.append(log.head().seq, [entry].into()).await.unwrap();
    }
}

/// A room with six entries, which are Ann's ops 1 to 6, the first four of them forgotten.
async fn written() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), StartupCheck::Full).unwrap();
    let log = room(&store).await;
    append(&*log, 1..=6).await;
    let snapshot = Snapshot {
        seq: Seq(6),
        state: b"the state".as_slice().into(),
    };
    log.save(snapshot, Some(Seq(4))).await.unwrap();
    assert_eq!(log.first(), Seq(5));
    directory
}

/// The database, changed by these statements.
async fn changed(statements: &str) -> TempDir {
    let directory = written().await;
    database(directory.path()).execute_batch(statements).unwrap();
    directory
}

#[tokio::test]
async fn a_damaged_snapshot_or_gap_is_refused_with_room_and_entry_and_left_alone() {
    for (statements, reason) in [
        ("UPDATE snapshot SET state = x'00'", "the snapshot of entry 6"),
        (
            "UPDATE snapshot SET checksum = checksum + 1",
            "the snapshot of entry 6",
        ),
        ("UPDATE snapshot SET forgotten = 3", "the snapshot of entry 6"),
        ("UPDATE snapshot SET ops = 0", "the snapshot of entry 6"),
        ("UPDATE snapshot SET seq = 5", "the snapshot of entry 5"),
        ("DELETE FROM snapshot", "entry 1 is missing"),
        ("DELETE FROM entry WHERE last = 5", "entry 5 is missing"),
        ("DELETE FROM op WHERE op = 2", "the ops up to entry 4"),
        ("UPDATE op SET op = 9 WHERE op = 2", "the ops up to entry 4"),
        ("UPDATE op SET seq = 3 WHERE op = 2", "the ops up to entry 4"),
        (
            "UPDATE op SET author = x'00' WHERE op = 2",
            "the ops up to entry 4",
        ),
        ("UPDATE op SET seq = 2 WHERE op = 6", "the ops up to entry 4"),
        ("DELETE FROM op WHERE op = 6", "op 6, which is entry 6"),
        (
            "DELETE FROM entry WHERE last = 6; DELETE FROM op WHERE op = 6",
            "there is a snapshot of entry 6, and no such entry",
        ),
        (
            "DELETE FROM entry; DELETE FROM op WHERE op > 4",
            "its entries are lost",
        ),
    ] {
        let directory = changed(statements).await;
        let file = directory.path().join("patchcast.sqlite3");
        let before = fs::read(&file).unwrap();
        match open(directory.path(), StartupCheck::Full) {
            Err(OpenError::Damaged { detail, .. }) => {
                assert!(detail.starts_with("room sessions:gifts: "), "{detail}");
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
async fn a_damaged_snapshot_is_noticed_when_it_is_asked_for() {
    let directory = changed("UPDATE snapshot SET state = x'00'").await;
    let store = open(directory.path(), StartupCheck::Quick).unwrap();
    match room(&store).await.snapshot().await {
        Err(ReadError::Damaged(detail)) => assert!(detail.contains("entry 6"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

/// The schema of format 2, as version 0.1 made it.
const FORMAT_2: &str = "
    PRAGMA application_id = 1346589524;
    PRAGMA user_version = 2;
    PRAGMA journal_mode = wal;
    CREATE TABLE room (
        id       INTEGER PRIMARY KEY,
        dialect  TEXT NOT NULL,
        name     TEXT NOT NULL,
        epoch    INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        UNIQUE (dialect, name)
    ) STRICT;
    CREATE TABLE entry (
        room    INTEGER NOT NULL REFERENCES room (id),
        last    INTEGER NOT NULL,
        records BLOB NOT NULL,
        PRIMARY KEY (room, last)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE op (
        room   INTEGER NOT NULL,
        author BLOB NOT NULL,
        op     INTEGER NOT NULL,
        seq    INTEGER NOT NULL,
        PRIMARY KEY (room, author, op)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unsynced (boot TEXT NOT NULL) STRICT;
";

/// A database of format 2 with the entries that another one has.
fn of_format_2(source: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let database = database(directory.path());
    database.execute_batch(FORMAT_2).unwrap();
    let source = source.join("patchcast.sqlite3");
    database
        .execute("ATTACH ? AS source", [source.to_str().unwrap()])
        .unwrap();
    for table in ["room", "entry", "op"] {
        let copy = format!("INSERT INTO {table} SELECT * FROM source.{table}");
        database.execute(&copy, []).unwrap();
    }
    directory
}

fn format(directory: &Path) -> i64 {
    let format = database(directory).pragma_query_value(None, "user_version", |row| row.get(0));
    format.unwrap()
}

#[tokio::test]
async fn a_database_of_format_2_is_brought_up_to_the_present_one_when_it_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), StartupCheck::Full).unwrap();
    let log = room(&store).await;
    append(&*log, 1..=3).await;
    let (epoch, head) = (log.epoch(), log.head());
    drop((log, store));
    for check in [StartupCheck::Full, StartupCheck::Quick] {
        let older = of_format_2(directory.path());
        assert_eq!(format(older.path()), 2);
        for ids in [4..=5, 6..=6] {
            let store = open(older.path(), check).unwrap();
            let log = room(&store).await;
            assert_eq!((log.epoch(), log.first()), (epoch, Seq(1)));
            assert!(log.head().seq >= head.seq);
            append(&*log, ids).await;
            let snapshot = Snapshot {
                seq: log.head().seq,
                state: b"state".as_slice().into(),
            };
            log.save(snapshot.clone(), None).await.unwrap();
            assert_eq!(log.snapshot().await, Ok(Some(snapshot)));
        }
        assert_eq!(format(older.path()), 3);
        let store = open(older.path(), StartupCheck::Full).unwrap();
        let entries = room(&store).await.read(Seq::START, usize::MAX).await.unwrap();
        let payloads: Vec<_> = entries.iter().map(|entry| entry.payload.to_vec()).collect();
        assert_eq!(payloads, [b"1", b"2", b"3", b"4", b"5", b"6"]);
    }
}

#[tokio::test]
async fn a_damaged_database_of_format_2_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path(), StartupCheck::Full).unwrap();
    append(&*room(&store).await, 1..=3).await;
    drop(store);
    let older = of_format_2(directory.path());
    database(older.path())
        .execute_batch("UPDATE entry SET records = x'00' WHERE last = 2; PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let file = older.path().join("patchcast.sqlite3");
    let before = fs::read(&file).unwrap();
    let refused = open(older.path(), StartupCheck::Full).err().unwrap().to_string();
    assert!(
        refused.contains("room sessions:gifts: entry 2 is not what was written"),
        "{refused}"
    );
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
}
