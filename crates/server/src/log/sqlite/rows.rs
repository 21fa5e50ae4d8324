//! The rows of the database: how they are written, read, and told from damaged ones.

use std::fmt;

use patchcast_protocol::entry::Head;
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq, Timestamp};
use patchcast_protocol::room::RoomId;
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use thiserror::Error;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::snapshot;
use crate::limits::MAX_ROW_BYTES;
use crate::log::LastOp;

/// Why a row could not be read.
#[derive(Debug, Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// It is not what was written.
    #[error("room {room}: {detail}")]
    Damaged {
        /// The number of the room that it is of; 0 when that is not known.
        room: i64,
        /// What was found.
        detail: String,
    },
}

impl RowError {
    pub(super) fn damaged(room: i64, detail: impl Into<String>) -> RowError {
        let detail = detail.into();
        RowError::Damaged { room, detail }
    }
}

/// One row of the table `room`. Its checksum covers all of it.
pub(super) struct RoomRow {
    pub(super) id: i64,
    pub(super) dialect: String,
    pub(super) name: String,
    pub(super) epoch: Epoch,
}

impl RoomRow {
    fn read(row: &rusqlite::Row<'_>) -> Result<RoomRow, RowError> {
        let id = row.get(0)?;
        let (Ok(dialect), Ok(name)) = (row.get_ref(1)?.as_str(), row.get_ref(2)?.as_str()) else {
            return Err(RowError::damaged(id, "its name is no text"));
        };
        let room = RoomRow {
            id,
            dialect: dialect.to_owned(),
            name: name.to_owned(),
            epoch: Epoch(row.get::<_, i64>(3)?.cast_unsigned()),
        };
        match row.get::<_, i64>(4)? == room.checksum() {
            true => Ok(room),
            false => Err(RowError::damaged(id, "its name is not what was written")),
        }
    }

    fn checksum(&self) -> i64 {
        let mut numbers = [0; 16];
        fill(&mut numbers, &[self.id.cast_unsigned(), self.epoch.0]);
        let seed = xxh3_64_with_seed(self.dialect.as_bytes(), xxh3_64(&numbers));
        xxh3_64_with_seed(self.name.as_bytes(), seed).cast_signed()
    }
}

impl fmt::Display for RoomRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() {
            "(default)"
        } else {
            &self.name
        };
        write!(f, "room {}:{name}", self.dialect)
    }
}

/// The rooms that have a name.
pub(super) fn rooms(connection: &Connection) -> Result<Vec<RoomRow>, RowError> {
    let mut statement = connection.prepare("SELECT id, dialect, name, epoch, checksum FROM room")?;
    let mut rows = statement.query([])?;
    let mut rooms = Vec::new();
    while let Some(row) = rows.next()? {
        rooms.push(RoomRow::read(row)?);
    }
    Ok(rooms)
}

pub(super) fn find_room(connection: &Connection, room: &RoomId) -> Result<Option<RoomRow>, RowError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, dialect, name, epoch, checksum FROM room WHERE dialect = ? AND name = ?",
    )?;
    let mut rows = statement.query((room.dialect.name(), room.name.as_str()))?;
    rows.next()?.map(RoomRow::read).transpose()
}

pub(super) fn insert_room(connection: &Connection, room: &RoomId, epoch: Epoch) -> rusqlite::Result<i64> {
    let room = RoomRow {
        id: connection
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM room")?
            .query_row([], |row| row.get(0))?,
        dialect: room.dialect.name().to_owned(),
        name: room.name.as_str().to_owned(),
        epoch,
    };
    connection
        .prepare_cached("INSERT INTO room (id, dialect, name, epoch, checksum) VALUES (?, ?, ?, ?, ?)")?
        .execute((
            room.id,
            &room.dialect,
            &room.name,
            room.epoch.0.cast_signed(),
            room.checksum(),
        ))?;
    Ok(room.id)
}

/// Gives a room that is there already its present epoch.
pub(super) fn update_epoch(connection: &Connection, room: &RoomRow) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE room SET epoch = ?, checksum = ? WHERE id = ?")?
        .execute((room.epoch.0.cast_signed(), room.checksum(), room.id))?;
    Ok(())
}

pub(super) fn head(connection: &Connection, room: i64) -> Result<Head, RowError> {
    let mut statement = connection
        .prepare_cached("SELECT last, records FROM entry WHERE room = ? ORDER BY last DESC LIMIT 1")?;
    let mut rows = statement.query([room])?;
    let Some(columns) = rows.next()? else {
        return Ok(Head::default());
    };
    let batch = Batch::read(room, columns)?;
    let last = batch.entry(batch.last)?;
    Ok(Head {
        seq: last.seq,
        weight: last.weight,
    })
}

/// The batches of a room that end after an entry.
pub(super) fn select_batches(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached("SELECT last, records FROM entry WHERE room = ? AND last > ? ORDER BY last")
}

/// Every batch of every room; the third column is the room.
pub(super) fn select_all(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached("SELECT last, records, room FROM entry ORDER BY room, last")
}

/// The op of `author` with the highest id up to `at_most`, if it is an entry up to `last`.
pub(super) struct SoughtOp {
    pub(super) room: i64,
    pub(super) author: Author,
    pub(super) at_most: OpId,
    pub(super) last: Seq,
}

/// The index has no checksums, so what it says is held against the entry, if that is still kept.
pub(super) fn last_op(connection: &Connection, sought: &SoughtOp) -> Result<LastOp, RowError> {
    let SoughtOp {
        room,
        author,
        at_most,
        last,
    } = *sought;
    let mut statement = connection.prepare_cached(
        "SELECT seq, op FROM op WHERE room = ? AND author = ? AND op <= ? AND seq <= ? ORDER BY op DESC LIMIT 1",
    )?;
    let at_most = i64::try_from(at_most.0).unwrap_or(i64::MAX);
    let key = (room, author.0, at_most, last.0.cast_signed());
    let found: Option<(i64, i64)> = statement
        .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((seq, op)) = found else {
        return Ok(None);
    };
    let (seq, op) = (Seq(seq.cast_unsigned()), OpId(op.cast_unsigned()));
    let damaged = || RowError::damaged(room, format!("{seq} is not {op} of {author}"));
    let mut statement = select_batches(connection)?;
    let mut batches = statement.query((room, seq.0.cast_signed().saturating_sub(1)))?;
    let batch = batches.next()?.map(|columns| Batch::read(room, columns));
    let batch = batch.transpose()?.filter(|batch| batch.first <= seq);
    let Some(batch) = batch else {
        // The checksum of what was forgotten is held against it when the server starts.
        let (_, forgotten) = snapshot::summary(connection, room)?;
        let known = Seq::START < seq && seq <= forgotten.last;
        return known.then_some(Some((op, seq))).ok_or_else(damaged);
    };
    let entry = batch.entry(seq)?;
    match (entry.author, entry.op) == (author, op) {
        true => Ok(Some((op, entry.seq))),
        false => Err(damaged()),
    }
}

/// Which entry the index has for an op.
pub(super) fn select_op(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached("SELECT seq FROM op WHERE room = ? AND author = ? AND op = ?")
}

/// The rows of the index whose entries are forgotten: `room`, `author`, `op` and `seq`.
pub(super) fn select_forgotten_ops(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "SELECT op.room, op.author, op.op, op.seq FROM snapshot JOIN op ON op.room = snapshot.room
         WHERE snapshot.forgotten > 0 AND op.seq > 0 AND op.seq <= snapshot.forgotten",
    )
}

pub(super) fn count_ops(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM op", [], |row| row.get(0))
}

pub(super) fn insert_entries(connection: &Connection, room: i64) -> rusqlite::Result<InsertEntries<'_>> {
    Ok(InsertEntries {
        room,
        entry: connection.prepare_cached("INSERT INTO entry (room, last, records) VALUES (?, ?, ?)")?,
        op: connection.prepare_cached("INSERT INTO op (room, author, op, seq) VALUES (?, ?, ?, ?)")?,
        count: 0,
        last: Seq::START,
        records: Vec::new(),
    })
}

/// Puts entries that are appended together into as few rows as keep a row short. [`finish`](Self::finish) writes the last.
pub(super) struct InsertEntries<'c> {
    room: i64,
    entry: CachedStatement<'c>,
    op: CachedStatement<'c>,
    count: u32,
    last: Seq,
    records: Vec<u8>,
}

impl InsertEntries<'_> {
    pub(super) fn insert(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        if self.count > 0 && self.records.len() + row.payload.len() > MAX_ROW_BYTES {
            self.finish()?;
        }
        if self.count == 0 {
            self.records.clear();
            self.records.extend_from_slice(&[0; COUNT_BYTES]);
        }
        row.write_record(&mut self.records);
        self.count += 1;
        self.last = row.seq;
        if row.op != OpId::NONE {
            let seq = row.seq.0.cast_signed();
            self.op
                .execute((row.room, row.author.0, row.op.0.cast_signed(), seq))?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> rusqlite::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.records[..COUNT_BYTES].copy_from_slice(&self.count.to_le_bytes());
        self.entry
            .execute((self.room, self.last.0.cast_signed(), &self.records))?;
        self.count = 0;
        Ok(())
    }
}

const COUNT_BYTES: usize = size_of::<u32>();

/// One row of the table `entry`: consecutive entries that were appended together. A row for each would make the first read of a history
/// three times as dear, most of it SQLite's steps from row to row.
///
/// The blob is the number of entries, then for each the length of its record and the [record](Row). What the count and the lengths
/// say is vouched for by the checksums of the records, which cover the entries' numbers too.
pub(super) struct Batch<'a> {
    pub(super) room: i64,
    pub(super) first: Seq,
    pub(super) last: Seq,
    records: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Reads the columns `last` and `records` of a row of `room`.
    pub(super) fn read(room: i64, columns: &'a rusqlite::Row<'_>) -> Result<Batch<'a>, RowError> {
        let last = Seq(columns.get::<_, i64>(0)?.cast_unsigned());
        let records = columns.get_ref(1)?.as_blob().unwrap_or_default();
        let counted = records.split_first_chunk().and_then(|(count, records)| {
            let first = (last.0 + 1).checked_sub(u64::from(u32::from_le_bytes(*count)))?;
            Some(Batch {
                room,
                first: Seq(first),
                last,
                records,
            })
        });
        let batch = counted.filter(|batch| Seq::START < batch.first && batch.first <= batch.last);
        batch.ok_or_else(|| damaged(last, room))
    }

    /// The entries from `from` on. Those before it are passed over unread.
    pub(super) fn entries(&self, from: Seq) -> impl Iterator<Item = Result<Row<'a>, RowError>> {
        let (room, mut rest) = (self.room, self.records);
        let mut seqs = (self.first.0..=self.last.0).map(Seq);
        let split = move |rest: &mut &'a [u8]| {
            let (len, after) = rest.split_first_chunk()?;
            let (record, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            *rest = after;
            Some(record)
        };
        std::iter::from_fn(move || {
            loop {
                let seq = seqs.next()?;
                let Some(record) = split(&mut rest) else {
                    rest = &[];
                    return Some(Err(damaged(seq, room)));
                };
                if seq >= from {
                    return Some(Row::read(room, seq, record));
                }
            }
        })
    }

    /// One of its entries.
    pub(super) fn entry(&self, seq: Seq) -> Result<Row<'a>, RowError> {
        let entry = self.entries(seq).next();
        entry.unwrap_or_else(|| Err(damaged(seq, self.room)))
    }
}

fn damaged(seq: Seq, room: i64) -> RowError {
    RowError::damaged(room, format!("{seq} is not what was written"))
}

/// One entry.
///
/// Its record is one piece, because every column costs a read of a history some 20 ns an entry: `checksum`, `author`,
/// `op`, `time` and `weight`, 12 bytes the author and eight each of the others, little-endian, then the payload. The checksum is
/// the XXH3 of all the others and of the room and the entry's number; SQLite itself keeps none of what lies in a page.
pub(super) struct Row<'a> {
    pub(super) room: i64,
    pub(super) seq: Seq,
    pub(super) author: Author,
    pub(super) op: OpId,
    pub(super) time: Timestamp,
    /// The weights of the room's entries up to and with this one, so that the last one tells the size of a
    /// whole history.
    pub(super) weight: u64,
    pub(super) payload: &'a [u8],
}

impl<'a> Row<'a> {
    /// Reads the record of an entry, and verifies its checksum.
    fn read(room: i64, seq: Seq, record: &'a [u8]) -> Result<Row<'a>, RowError> {
        match Row::read_record(room, seq, record) {
            Some((row, checksum)) if checksum == row.checksum() => Ok(row),
            _ => Err(damaged(seq, room)),
        }
    }

    fn read_record(room: i64, seq: Seq, record: &'a [u8]) -> Option<(Row<'a>, u64)> {
        let (checksum, rest) = record.split_first_chunk()?;
        let (author, rest) = rest.split_first_chunk()?;
        let (op, rest) = rest.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (weight, payload) = rest.split_first_chunk()?;
        let row = Row {
            room,
            seq,
            author: Author(*author),
            op: OpId(u64::from_le_bytes(*op)),
            time: Timestamp(u64::from_le_bytes(*time)),
            weight: u64::from_le_bytes(*weight),
            payload,
        };
        Some((row, u64::from_le_bytes(*checksum)))
    }

    /// Adds the record, and its length before it.
    fn write_record(&self, records: &mut Vec<u8>) {
        let (checksum, fields) = (self.checksum().to_le_bytes(), self.fields());
        let len = checksum.len() + fields.len() + self.payload.len();
        let len = u32::try_from(len).expect("a message is far below 4 GiB");
        records.extend_from_slice(&len.to_le_bytes());
        records.extend_from_slice(&checksum);
        records.extend_from_slice(&fields);
        records.extend_from_slice(self.payload);
    }

    /// What lies between the checksum and the payload.
    fn fields(&self) -> [u8; 36] {
        let mut fields = [0; 36];
        let (author, numbers) = fields.split_at_mut(12);
        author.copy_from_slice(&self.author.0);
        fill(numbers, &[self.op.0, self.time.0, self.weight]);
        fields
    }

    fn checksum(&self) -> u64 {
        let mut header = [0; 16 + 36];
        let (key, fields) = header.split_at_mut(16);
        fill(key, &[self.room.cast_unsigned(), self.seq.0]);
        fields.copy_from_slice(&self.fields());
        xxh3_64_with_seed(self.payload, xxh3_64(&header))
    }
}

fn fill(bytes: &mut [u8], numbers: &[u64]) {
    for (bytes, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
}
