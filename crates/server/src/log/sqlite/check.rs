//! Verifies a whole database before it is used.

use std::collections::HashSet;

use rusqlite::Connection;

use super::schema::{self, ConnectError, Row, RowError, room_checksum};

/// Checks every page's structure and every index, and that every room is named as it was, that its entries
/// are numbered from 1 without a gap, add up, and are what was written.
pub(super) fn verify(connection: &Connection) -> Result<(), ConnectError> {
    // Not `quick_check`: a room that is missing from the index of names would begin anew.
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(ConnectError::Damaged(verdict));
    }
    let mut unseen = rooms(connection)?;
    let mut statement = schema::select_all(connection)?;
    let mut rows = statement.query([])?;
    let (mut room, mut seq, mut weight) = (0, 0, 0);
    while let Some(row) = rows.next()? {
        let row = Row::read(row.get(2)?, row).map_err(|error| match error {
            RowError::Sqlite(error) => error.into(),
            RowError::Checksum(..) => ConnectError::Damaged(error.to_string()),
        })?;
        if row.room != room {
            (room, seq, weight) = (row.room, 0, 0);
            if !unseen.remove(&room) {
                return Err(ConnectError::Damaged(format!("room {room} has no name")));
            }
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
    match unseen.iter().next() {
        Some(room) => Err(ConnectError::Damaged(format!("room {room} has lost its entries"))),
        None => Ok(()),
    }
}

/// The rooms that have a name, each of which must have an entry too.
fn rooms(connection: &Connection) -> Result<HashSet<i64>, ConnectError> {
    let mut statement = connection.prepare("SELECT id, dialect, name, checksum FROM room")?;
    let mut rows = statement.query([])?;
    let mut rooms = HashSet::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let (dialect, name) = (row.get_ref(1)?.as_str(), row.get_ref(2)?.as_str());
        let (Ok(dialect), Ok(name)) = (dialect, name) else {
            return Err(ConnectError::Damaged(format!("the name of room {id} is no text")));
        };
        if row.get::<_, i64>(3)? != room_checksum(id, dialect, name) {
            return Err(ConnectError::Damaged(format!(
                "the name of room {id} is not what was written"
            )));
        }
        rooms.insert(id);
    }
    Ok(rooms)
}
