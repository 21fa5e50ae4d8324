//! The database file: its format, its settings, and its statements.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use patchcast_protocol::entry::Head;
use patchcast_protocol::ids::{Author, Seq, Timestamp};
use patchcast_protocol::room::RoomId;
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension};
use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Durability, OpenError, StartupCheck, check, wal};

/// The format that this version writes, kept in SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;

/// Tells our files from those of other programs (SQLite's `application_id`): "PCST".
const APPLICATION_ID: i64 = 0x5043_5354;

/// The format of `record` stands at [`Row`].
const SCHEMA: &str = "
    CREATE TABLE room (
        id       INTEGER PRIMARY KEY,
        dialect  TEXT NOT NULL,
        name     TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        UNIQUE (dialect, name)
    ) STRICT;
    CREATE TABLE entry (
        room   INTEGER NOT NULL REFERENCES room (id),
        seq    INTEGER NOT NULL,
        record BLOB NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID;
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

fn connect(path: &Path, durability: Durability, check: StartupCheck) -> Result<Connections, ConnectError> {
    // A connection belongs to one thread, so SQLite need not take a lock in each of its calls.
    let unlocked = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | unlocked)?;
    // Until the check has passed, closing must not fold the write-ahead log into the file.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    writer.pragma_update(
        None,
        "synchronous",
        match durability {
            Durability::Fsync => "full",
            Durability::Os => "normal",
        },
    )?;
    let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | unlocked)?;
    if check == StartupCheck::Full {
        check::verify(&reader)?;
    }
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // A crash may have left a torn transaction's frames, which new ones would overwrite only in part. After a
    // second crash they would look like damage (see `wal`), so every server begins with an empty log. When
    // another program is reading the database this does nothing.
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(Connections { writer, reader })
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
    connection.execute_batch(SCHEMA)
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
        VERSION => Ok(()),
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

pub(super) fn find_room(connection: &Connection, room: &RoomId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM room WHERE dialect = ? AND name = ?")?
        .query_row((room.dialect.name(), room.name.as_str()), |row| row.get(0))
        .optional()
}

pub(super) fn insert_room(connection: &Connection, room: &RoomId) -> rusqlite::Result<i64> {
    let id = connection
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM room")?
        .query_row([], |row| row.get(0))?;
    let (dialect, name) = (room.dialect.name(), room.name.as_str());
    connection
        .prepare_cached("INSERT INTO room (id, dialect, name, checksum) VALUES (?, ?, ?, ?)")?
        .execute((id, dialect, name, room_checksum(id, dialect, name)))?;
    Ok(id)
}

/// The checksum of a row of the table `room`.
pub(super) fn room_checksum(id: i64, dialect: &str, name: &str) -> i64 {
    let seed = xxh3_64_with_seed(dialect.as_bytes(), id as u64);
    xxh3_64_with_seed(name.as_bytes(), seed).cast_signed()
}

pub(super) fn head(connection: &Connection, room: i64) -> Result<Head, RowError> {
    let mut statement = connection
        .prepare_cached("SELECT seq, record FROM entry WHERE room = ? ORDER BY seq DESC LIMIT 1")?;
    match statement.query([room])?.next()? {
        Some(columns) => Row::read(room, columns).map(|row| Head {
            seq: row.seq,
            weight: row.weight,
        }),
        None => Ok(Head::default()),
    }
}

pub(super) fn select_entries(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection
        .prepare_cached("SELECT seq, record FROM entry WHERE room = ? AND seq > ? AND seq <= ? ORDER BY seq")
}

/// Every entry of every room; the third column is the room.
pub(super) fn select_all(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached("SELECT seq, record, room FROM entry ORDER BY room, seq")
}

pub(super) fn insert_entries(connection: &Connection) -> rusqlite::Result<InsertEntries<'_>> {
    let statement = connection.prepare_cached("INSERT INTO entry (room, seq, record) VALUES (?, ?, ?)")?;
    Ok(InsertEntries {
        statement,
        record: Vec::new(),
    })
}

pub(super) struct InsertEntries<'c> {
    statement: CachedStatement<'c>,
    record: Vec<u8>,
}

impl InsertEntries<'_> {
    pub(super) fn insert(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.record.clear();
        row.write_record(&mut self.record);
        self.statement
            .execute((row.room, row.seq.0.cast_signed(), &self.record))?;
        Ok(())
    }
}

/// One row of the table `entry`.
///
/// What is not its key is one blob, because every column costs a read of a history some 20 ns an entry: four
/// little-endian 64-bit numbers, `checksum`, `author`, `time` and `weight`, then the payload. The checksum is the XXH3 of all the
/// others and of the key; SQLite itself keeps none of what lies in a page.
pub(super) struct Row<'a> {
    pub(super) room: i64,
    pub(super) seq: Seq,
    pub(super) author: Author,
    pub(super) time: Timestamp,
    /// The weights of the room's entries up to and with this one, so that the last row tells the size of a
    /// whole history.
    pub(super) weight: u64,
    pub(super) payload: &'a [u8],
}

#[derive(Debug, Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0} of room {1} is not what was written")]
    Checksum(Seq, i64),
}

impl<'a> Row<'a> {
    /// Reads the columns `seq` and `record` of an entry of `room`, and verifies the checksum.
    pub(super) fn read(room: i64, columns: &'a rusqlite::Row<'_>) -> Result<Row<'a>, RowError> {
        let seq = Seq(columns.get::<_, i64>(0)?.cast_unsigned());
        let record = columns.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let damaged = RowError::Checksum(seq, room);
        let Some(([checksum, author, time, weight], payload)) = split_record(record) else {
            return Err(damaged);
        };
        let row = Row {
            room,
            seq,
            author: Author(author),
            time: Timestamp(time),
            weight,
            payload,
        };
        if row.checksum() == checksum {
            Ok(row)
        } else {
            Err(damaged)
        }
    }

    fn write_record(&self, record: &mut Vec<u8>) {
        for number in [self.checksum(), self.author.0, self.time.0, self.weight] {
            record.extend_from_slice(&number.to_le_bytes());
        }
        record.extend_from_slice(self.payload);
    }

    fn checksum(&self) -> u64 {
        let numbers = [
            self.room.cast_unsigned(),
            self.seq.0,
            self.author.0,
            self.time.0,
            self.weight,
        ];
        let mut header = [0; 40];
        for (bytes, number) in header.chunks_exact_mut(8).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        xxh3_64_with_seed(self.payload, xxh3_64(&header))
    }
}

fn split_record(record: &[u8]) -> Option<([u64; 4], &[u8])> {
    let (header, payload) = record.split_first_chunk::<32>()?;
    let ([a, b, c, d], []) = header.as_chunks::<8>() else {
        return None;
    };
    Some(([*a, *b, *c, *d].map(u64::from_le_bytes), payload))
}
