//! Snapshots, and the entries that they let the log forget.

use patchcast_protocol::ids::{OpId, Seq};
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::rows::{Batch, Row, RowError};
use crate::log::Snapshot;

/// The row of a room in the table `snapshot`. Its checksum covers all of it.
pub(super) struct SnapshotRow<'a> {
    pub(super) room: i64,
    pub(super) seq: Seq,
    pub(super) forgotten: Forgotten,
    pub(super) state: &'a [u8],
}

/// What was dropped of a room's entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forgotten {
    /// Up to this one.
    pub(super) last: Seq,
    /// The [digests](digest) of their ops added up: the index keeps the ops, and no entry vouches for them any more.
    pub(super) ops: u64,
}

impl Forgotten {
    /// The oldest entry that is kept.
    pub(super) fn first(self) -> Seq {
        self.last.next()
    }

    fn add_op(&mut self, row: &Row<'_>) {
        if row.op != OpId::NONE {
            let (op, seq) = (row.op.0.cast_signed(), row.seq.0.cast_signed());
            self.ops = self.ops.wrapping_add(digest(row.room, &row.author.0, op, seq));
        }
    }
}

/// Of what an op's row in the index says.
pub(super) fn digest(room: i64, author: &[u8], op: i64, seq: i64) -> u64 {
    let mut numbers = [0; 24];
    for (bytes, number) in numbers.chunks_exact_mut(8).zip([room, op, seq]) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
    xxh3_64_with_seed(author, xxh3_64(&numbers))
}

impl<'a> SnapshotRow<'a> {
    /// Reads the columns `room`, `seq`, `forgotten`, `ops`, `checksum` and `state`.
    pub(super) fn read(columns: &'a rusqlite::Row<'_>) -> Result<SnapshotRow<'a>, RowError> {
        let room = columns.get(0)?;
        let number = |column| Ok::<u64, rusqlite::Error>(columns.get::<_, i64>(column)?.cast_unsigned());
        let row = SnapshotRow {
            room,
            seq: Seq(number(1)?),
            forgotten: Forgotten {
                last: Seq(number(2)?),
                ops: number(3)?,
            },
            state: columns.get_ref(5)?.as_blob().unwrap_or_default(),
        };
        match number(4)? == row.checksum() {
            true => Ok(row),
            false => Err(RowError::damaged(
                room,
                format!("the snapshot of {} is not what was written", row.seq),
            )),
        }
    }

    fn checksum(&self) -> u64 {
        let numbers = [
            self.room.cast_unsigned(),
            self.seq.0,
            self.forgotten.last.0,
            self.forgotten.ops,
        ];
        let mut header = [0; 32];
        for (bytes, number) in header.chunks_exact_mut(8).zip(numbers) {
            bytes.copy_from_slice(&number.to_le_bytes());
        }
        xxh3_64_with_seed(self.state, xxh3_64(&header))
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO snapshot (room, seq, forgotten, ops, checksum, state) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute((
                self.room,
                self.seq.0.cast_signed(),
                self.forgotten.last.0.cast_signed(),
                self.forgotten.ops.cast_signed(),
                self.checksum().cast_signed(),
                self.state,
            ))?;
        Ok(())
    }
}

/// All rooms' snapshots, by room.
pub(super) fn select_all(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached("SELECT room, seq, forgotten, ops, checksum, state FROM snapshot ORDER BY room")
}

pub(super) fn find(connection: &Connection, room: i64) -> Result<Option<Snapshot>, RowError> {
    let mut statement = connection
        .prepare_cached("SELECT room, seq, forgotten, ops, checksum, state FROM snapshot WHERE room = ?")?;
    let mut rows = statement.query([room])?;
    let Some(columns) = rows.next()? else {
        return Ok(None);
    };
    let row = SnapshotRow::read(columns)?;
    Ok(Some(Snapshot {
        seq: row.seq,
        state: row.state.into(),
    }))
}

/// Of which entry a room's snapshot is, and what was dropped. The state is not read, so no checksum vouches for it.
pub(super) fn summary(connection: &Connection, room: i64) -> rusqlite::Result<(Seq, Forgotten)> {
    let mut statement =
        connection.prepare_cached("SELECT seq, forgotten, ops FROM snapshot WHERE room = ?")?;
    let found = statement.query_row([room], |row| {
        let number = |column| Ok::<u64, rusqlite::Error>(row.get::<_, i64>(column)?.cast_unsigned());
        let last = Seq(number(1)?);
        Ok((
            Seq(number(0)?),
            Forgotten {
                last,
                ops: number(2)?,
            },
        ))
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Puts a snapshot in place of an older one, and drops the rows of entries that end at `forget` or before.
pub(super) fn save(
    connection: &Connection,
    room: i64,
    snapshot: &Snapshot,
    forget: Option<Seq>,
) -> Result<Forgotten, RowError> {
    let (newest, mut forgotten) = summary(connection, room)?;
    if newest > snapshot.seq {
        return Ok(forgotten);
    }
    if let Some(forget) = forget {
        drop_up_to(connection, room, forget.min(snapshot.seq), &mut forgotten)?;
    }
    let row = SnapshotRow {
        room,
        seq: snapshot.seq,
        forgotten,
        state: &snapshot.state,
    };
    row.write(connection)?;
    Ok(forgotten)
}

/// What is dropped is read once more, for the ops in it. With each snapshot that is little; of a long history that is to be forgotten for the
/// first time, all rooms wait for it once, some seconds for a million entries.
fn drop_up_to(
    connection: &Connection,
    room: i64,
    last: Seq,
    forgotten: &mut Forgotten,
) -> Result<(), RowError> {
    // Never the newest row, which the head is found by.
    let mut statement = connection.prepare_cached(
        "SELECT last, records FROM entry WHERE room = ?1 AND last <= ?2
         AND last < (SELECT max(last) FROM entry WHERE room = ?1) ORDER BY last",
    )?;
    let mut rows = statement.query((room, last.0.cast_signed()))?;
    while let Some(columns) = rows.next()? {
        let batch = Batch::read(room, columns)?;
        for row in batch.entries(batch.first) {
            forgotten.add_op(&row?);
        }
        forgotten.last = batch.last;
    }
    drop(rows);
    connection
        .prepare_cached("DELETE FROM entry WHERE room = ? AND last <= ?")?
        .execute((room, forgotten.last.0.cast_signed()))?;
    Ok(())
}
