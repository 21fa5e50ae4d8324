//! The database file: its format, and how it is made and opened.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::rows::RowError;
use super::{Durability, OpenError, StartupCheck, boot, check, wal};

/// The format that this version writes, kept in SQLite's `user_version`.
pub(super) const VERSION: i64 = 3;

/// The format before that, without snapshots, which is brought up to the present one when it is opened.
const WITHOUT_SNAPSHOTS: i64 = 2;

/// Tells our files from those of other programs (SQLite's `application_id`): "PCST".
const APPLICATION_ID: i64 = 0x5043_5354;

/// What `unsynced` is for stands in [`boot`]. `op` is an index of those entries that have an op.
const SCHEMA: &str = "
    CREATE TABLE room (
        id       INTEGER PRIMARY KEY,
        dialect  TEXT NOT NULL,
        name     TEXT NOT NULL,
        epoch    INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        UNIQUE (dialect, name)
    ) STRICT;
    CREATE TABLE op (
        room   INTEGER NOT NULL,
        author BLOB NOT NULL,
        op     INTEGER NOT NULL,
        seq    INTEGER NOT NULL,
        PRIMARY KEY (room, author, op)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unsynced (boot TEXT NOT NULL) STRICT;
";

/// The format of `records` stands at [`Batch`](super::rows::Batch), whose last entry is `last`.
///
/// The rows have numbers of their own, in the order in which they were appended: where the key is the row's place, SQLite reads the whole of a
/// large row that it meets only to compare its key.
const ENTRIES: &str = "
    CREATE TABLE entry (
        room    INTEGER NOT NULL REFERENCES room (id),
        last    INTEGER NOT NULL,
        records BLOB NOT NULL,
        PRIMARY KEY (room, last)
    ) STRICT;
";

/// What format 3 has beyond the one before: a row of it is a [`SnapshotRow`](super::snapshot::SnapshotRow). The state comes behind the numbers, so that these are
/// read without it.
const SNAPSHOTS: &str = "
    CREATE TABLE snapshot (
        room      INTEGER PRIMARY KEY REFERENCES room (id),
        seq       INTEGER NOT NULL,
        forgotten INTEGER NOT NULL,
        ops       INTEGER NOT NULL,
        checksum  INTEGER NOT NULL,
        state     BLOB NOT NULL
    ) STRICT;
";

pub(super) struct Connections {
    pub(super) writer: Connection,
    pub(super) reader: Connection,
}

/// Opens or makes the database at `path`. Nothing is changed in a file that is refused.
pub(super) fn open(
    path: &Path,
    durability: Durability,
    check: StartupCheck,
) -> Result<Connections, OpenError> {
    if !path.try_exists().map_err(|source| OpenError::Io {
        path: path.to_owned(),
        source,
    })? {
        create(path)?;
    }
    sync_names(path)?;
    verify_header(path)?;
    wal::verify(path, durability)?;
    connect(path, durability, check).map_err(|error| match error {
        ConnectError::Damaged(detail) => OpenError::Damaged {
            path: path.to_owned(),
            detail,
        },
        ConnectError::Sqlite(source) => OpenError::Sqlite {
            path: path.to_owned(),
            source,
        },
    })
}

pub(super) enum ConnectError {
    Damaged(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for ConnectError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                ConnectError::Damaged(error.to_string())
            }
            _ => ConnectError::Sqlite(error),
        }
    }
}

impl From<RowError> for ConnectError {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sqlite(error) => error.into(),
            damaged @ RowError::Damaged { .. } => ConnectError::Damaged(damaged.to_string()),
        }
    }
}

fn connect(path: &Path, durability: Durability, check: StartupCheck) -> Result<Connections, ConnectError> {
    // A connection belongs to one thread, so SQLite need not take a lock in each of its calls.
    let unlocked = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut writer = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | unlocked)?;
    // Until the check has passed, closing must not fold the write-ahead log into the file.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    writer.pragma_update(None, "synchronous", "full")?;
    let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | unlocked)?;
    if check == StartupCheck::Full {
        check::verify(&reader, has_snapshots(&reader)?)?;
    }
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    upgrade(&mut writer)?;
    // A crash may have left a torn transaction's frames, which new ones would overwrite only in part. After a
    // second crash they would look like damage (see `wal`), so every server begins with an empty log. When
    // another program is reading the database this does nothing.
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    boot::begin(&mut writer, durability)?;
    if durability == Durability::Os {
        writer.pragma_update(None, "synchronous", "normal")?;
    }
    Ok(Connections { writer, reader })
}

/// The file's header tells the format of what is folded into it. What a crash left in the write-ahead log may be newer.
fn has_snapshots(connection: &Connection) -> rusqlite::Result<bool> {
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(format > WITHOUT_SNAPSHOTS)
}

/// Brings a database of the format before up to the present one, all or nothing.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    if has_snapshots(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("ALTER TABLE entry RENAME TO entry_by_key")?;
    transaction.execute_batch(ENTRIES)?;
    transaction.execute_batch(
        "INSERT INTO entry SELECT room, last, records FROM entry_by_key ORDER BY room, last;
         DROP TABLE entry_by_key",
    )?;
    transaction.execute_batch(SNAPSHOTS)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Makes an empty database aside and moves it into place, so that a crash leaves either none or a whole one.
fn create(path: &Path) -> Result<(), OpenError> {
    let draft = path.with_extension("new");
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    write_empty(&draft).map_err(|source| OpenError::Sqlite {
        path: draft.clone(),
        source,
    })?;
    File::open(&draft).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(&draft, path).map_err(io)
}

/// Makes the names survive a power cut: the file's in its directory, and every directory's in the one above. Also for a database
/// that was there already, since whoever made it may have ended before this.
fn sync_names(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let sync = |directory: &Path| File::open(directory).and_then(|directory| directory.sync_all());
    let io = |source| OpenError::Io {
        path: directory.to_owned(),
        source,
    };
    sync(directory).map_err(io)?;
    for above in directory.canonicalize().map_err(io)?.ancestors().skip(1) {
        // One that may not be opened was not made by this process.
        if sync(above).is_err() {
            break;
        }
    }
    Ok(())
}

fn write_empty(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(ENTRIES)?;
    connection.execute_batch(SNAPSHOTS)
}

/// Reads the header by hand (SQLite file format, section 1.3): opening an unknown file with SQLite might already change it.
fn verify_header(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; 100];
    match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                detail: "it is cut off".into(),
            });
        }
        Err(source) => {
            return Err(OpenError::Io {
                path: path.to_owned(),
                source,
            });
        }
        Ok(()) => {}
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            detail: "it is not a SQLite file".into(),
        });
    }
    let number = |at: usize| {
        i64::from(u32::from_be_bytes([
            header[at],
            header[at + 1],
            header[at + 2],
            header[at + 3],
        ]))
    };
    if number(68) != APPLICATION_ID {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    match number(60) {
        WITHOUT_SNAPSHOTS | VERSION => Ok(()),
        1 => Err(OpenError::Unreleased(path.to_owned())),
        found if found > VERSION => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
        }),
        _ => Err(OpenError::Damaged {
            path: path.to_owned(),
            detail: "it has no format number".into(),
        }),
    }
}
