//! The database file: its format, its settings, and its statements.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use patchcast_protocol::entry::Head;
use patchcast_protocol::ids::{Author, Seq, Timestamp};
use patchcast_protocol::room::RoomId;
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension, params};
use thiserror::Error;

use super::{Durability, OpenError, StartupCheck, check, wal};

/// The format that this version writes, kept in SQLite's `user_version`.
pub(super) const VERSION: i64 = 1;

/// Tells our files from those of other programs (SQLite's `application_id`): "PCST".
const APPLICATION_ID: i64 = 0x5043_5354;

/// `weight` is that of the room up to and with this entry, so that the last row tells the size of a whole
/// history. `crc` covers the row's other columns: SQLite itself keeps no checksum of what lies in a page.
const SCHEMA: &str = "
    CREATE TABLE room (
        id      INTEGER PRIMARY KEY,
        dialect TEXT NOT NULL,
        name    TEXT NOT NULL,
        UNIQUE (dialect, name)
    ) STRICT;
    CREATE TABLE entry (
        room    INTEGER NOT NULL REFERENCES room (id),
        seq     INTEGER NOT NULL,
        author  INTEGER NOT NULL,
        time    INTEGER NOT NULL,
        weight  INTEGER NOT NULL,
        crc     INTEGER NOT NULL,
        payload BLOB NOT NULL,
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
    let writer = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
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
    let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if check == StartupCheck::Full {
        check::verify(&reader)?;
    }
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
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
    fs::rename(&draft, path).map_err(io)?;
    // The names, too, must survive a power cut: the file's in the directory, and the directory's in its own.
    let directory = path.parent().unwrap_or(Path::new("."));
    let above = directory.canonicalize().map_err(io)?.parent().map(PathBuf::from);
    for directory in [Some(directory.to_owned()), above].into_iter().flatten() {
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io)?;
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
    connection
        .prepare_cached("INSERT INTO room (dialect, name) VALUES (?, ?)")?
        .insert((room.dialect.name(), room.name.as_str()))
}

pub(super) fn head(connection: &Connection, room: i64) -> rusqlite::Result<Head> {
    let head = connection
        .prepare_cached("SELECT seq, weight FROM entry WHERE room = ? ORDER BY seq DESC LIMIT 1")?
        .query_row([room], |row| {
            Ok(Head {
                seq: Seq(unsigned(row.get(0)?)),
                weight: unsigned(row.get(1)?),
            })
        })
        .optional()?;
    Ok(head.unwrap_or_default())
}

pub(super) fn select_entries(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "SELECT room, seq, author, time, weight, crc, payload FROM entry
         WHERE room = ? AND seq > ? AND seq <= ? ORDER BY seq",
    )
}

pub(super) fn insert_entry(connection: &Connection) -> rusqlite::Result<InsertEntry<'_>> {
    let statement = connection.prepare_cached(
        "INSERT INTO entry (room, seq, author, time, weight, crc, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    Ok(InsertEntry(statement))
}

pub(super) struct InsertEntry<'c>(CachedStatement<'c>);

impl InsertEntry<'_> {
    pub(super) fn insert(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.0.execute(params![
            row.room,
            signed(row.seq.0),
            signed(row.author.0),
            signed(row.time.0),
            signed(row.weight),
            row.checksum(),
            row.payload,
        ])?;
        Ok(())
    }
}

/// One row of the table `entry`.
pub(super) struct Row<'a> {
    pub(super) room: i64,
    pub(super) seq: Seq,
    pub(super) author: Author,
    pub(super) time: Timestamp,
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
    /// Reads a row whose columns stand in the order of [`select_entries`], and verifies its checksum.
    pub(super) fn read(columns: &'a rusqlite::Row<'_>) -> Result<Row<'a>, RowError> {
        let row = Row {
            room: columns.get(0)?,
            seq: Seq(unsigned(columns.get(1)?)),
            author: Author(unsigned(columns.get(2)?)),
            time: Timestamp(unsigned(columns.get(3)?)),
            weight: unsigned(columns.get(4)?),
            payload: columns.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?,
        };
        if columns.get::<_, u32>(5)? != row.checksum() {
            return Err(RowError::Checksum(row.seq, row.room));
        }
        Ok(row)
    }

    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        for number in [
            self.room as u64,
            self.seq.0,
            self.author.0,
            self.time.0,
            self.weight,
        ] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(self.payload);
        hasher.finalize()
    }
}

/// SQLite's integers are signed; authors are drawn from all 64 bits, so the bits are kept and not the sign.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}

fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
