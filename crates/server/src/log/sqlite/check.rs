//! Verifies a whole database before it is used.

use std::collections::HashSet;

use patchcast_protocol::ids::OpId;
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::rows::{self, Batch, Row};
use super::schema::ConnectError;

/// Checks every page's structure and every index, and that every room is named as it was, that its entries
/// are numbered from 1 without a gap, add up, and are what was written, and that every op is found.
pub(super) fn verify(connection: &Connection) -> Result<(), ConnectError> {
    // Not `quick_check`: a room that is missing from the index of names would begin anew.
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(ConnectError::Damaged(verdict));
    }
    let mut unseen: HashSet<i64> = rows::rooms(connection)?.iter().map(|room| room.id).collect();
    let mut statement = rows::select_all(connection)?;
    let mut all = statement.query([])?;
    let (mut room, mut seq, mut weight) = (0, 0, 0);
    let mut ops = Ops::new(connection)?;
    while let Some(columns) = all.next()? {
        let batch = Batch::read(columns.get(2)?, columns)?;
        if batch.room != room {
            (room, seq, weight) = (batch.room, 0, 0);
            if !unseen.remove(&room) {
                return Err(ConnectError::Damaged(format!("room {room} has no name")));
            }
        }
        for row in batch.entries(batch.first) {
            let row = row?;
            seq += 1;
            if row.seq.0 != seq {
                return Err(ConnectError::Damaged(format!(
                    "entry {seq} of room {room} is missing"
                )));
            }
            if row.weight < weight {
                return Err(ConnectError::Damaged(format!(
                    "entry {seq} of room {room} does not follow the one before"
                )));
            }
            weight = row.weight;
            ops.expect(&row)?;
        }
    }
    ops.expect_no_others()?;
    match unseen.iter().next() {
        Some(room) => Err(ConnectError::Damaged(format!("room {room} has lost its entries"))),
        None => Ok(()),
    }
}

/// The index of ops, which must hold every entry with an op and nothing else.
struct Ops<'c> {
    connection: &'c Connection,
    statement: CachedStatement<'c>,
    found: i64,
}

impl<'c> Ops<'c> {
    fn new(connection: &'c Connection) -> rusqlite::Result<Ops<'c>> {
        Ok(Ops {
            connection,
            statement: rows::select_op(connection)?,
            found: 0,
        })
    }

    fn expect(&mut self, row: &Row<'_>) -> Result<(), ConnectError> {
        if row.op == OpId::NONE {
            return Ok(());
        }
        let key = (row.room, row.author.0, row.op.0.cast_signed());
        let seq: Option<i64> = self.statement.query_row(key, |row| row.get(0)).optional()?;
        if seq != Some(row.seq.0.cast_signed()) {
            let (op, seq, room) = (row.op, row.seq, row.room);
            return Err(ConnectError::Damaged(format!(
                "{op}, which is {seq} of room {room}, is not found there"
            )));
        }
        self.found += 1;
        Ok(())
    }

    /// Each entry was found under a key of its own, so as many rows are all there are.
    fn expect_no_others(&self) -> Result<(), ConnectError> {
        match rows::count_ops(self.connection)? {
            count if count == self.found => Ok(()),
            _ => Err(ConnectError::Damaged("an op is no entry".into())),
        }
    }
}
