//! Verifies a whole database before it is used.

use rusqlite::Connection;

use super::schema::{ConnectError, Row, RowError};

/// Checks every page's structure, and that every room's entries are numbered from 1 without a gap, add up,
/// and are what was written.
pub(super) fn verify(connection: &Connection) -> Result<(), ConnectError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(ConnectError::Damaged(verdict));
    }
    let mut statement = connection
        .prepare("SELECT room, seq, author, time, weight, crc, payload FROM entry ORDER BY room, seq")?;
    let mut rows = statement.query([])?;
    let (mut room, mut seq, mut weight) = (0, 0, 0);
    while let Some(row) = rows.next()? {
        let row = Row::read(row).map_err(|error| match error {
            RowError::Sqlite(error) => error.into(),
            RowError::Checksum(..) => ConnectError::Damaged(error.to_string()),
        })?;
        if row.room != room {
            (room, seq, weight) = (row.room, 0, 0);
        }
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
    }
    Ok(())
}
