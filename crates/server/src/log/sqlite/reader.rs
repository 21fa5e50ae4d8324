//! The thread that reads: rooms when they are opened, and blocks of their history.

use std::sync::mpsc;

use patchcast_protocol::entry::{Entries, Head};
use patchcast_protocol::ids::Seq;
use patchcast_protocol::room::RoomId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::schema;
use crate::log::ReadError;

pub(super) enum Request {
    Find {
        room: RoomId,
        reply: oneshot::Sender<Result<Option<Found>, ReadError>>,
    },
    Read {
        range: Range,
        reply: oneshot::Sender<Result<Entries, ReadError>>,
    },
    Stop,
}

/// A room as it lies in the database.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) head: Head,
}

/// Entries of one room: those after `after` up to `last`, as many as fit `max_bytes` but at least one.
pub(super) struct Range {
    pub(super) room: i64,
    pub(super) after: Seq,
    pub(super) last: Seq,
    pub(super) max_bytes: usize,
}

pub(super) fn run(connection: &Connection, requests: &mpsc::Receiver<Request>) {
    loop {
        match requests.recv() {
            Ok(Request::Find { room, reply }) => drop(reply.send(find(connection, &room))),
            Ok(Request::Read { range, reply }) => drop(reply.send(read(connection, &range))),
            Ok(Request::Stop) | Err(_) => return,
        }
    }
}

fn find(connection: &Connection, room: &RoomId) -> Result<Option<Found>, ReadError> {
    let Some(id) = schema::find_room(connection, room).map_err(failed)? else {
        return Ok(None);
    };
    Ok(Some(Found {
        id,
        head: schema::head(connection, id).map_err(damaged)?,
    }))
}

fn read(connection: &Connection, range: &Range) -> Result<Entries, ReadError> {
    let mut entries = Entries::after(range.after);
    let mut statement = schema::select_entries(connection).map_err(failed)?;
    let mut rows = statement
        .query((range.room, range.after.0 as i64, range.last.0 as i64))
        .map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let row = schema::Row::read(range.room, row).map_err(damaged)?;
        if !entries.is_empty() && entries.payload_bytes() + row.payload.len() > range.max_bytes {
            break;
        }
        let expected = range.after.plus(entries.len() as u64 + 1);
        if row.seq != expected {
            return Err(ReadError::Damaged(format!("{expected} is missing")));
        }
        entries.push(row.author, row.time, row.payload);
    }
    if entries.is_empty() {
        return Err(ReadError::Damaged(format!("{} is missing", range.after.next())));
    }
    Ok(entries)
}

fn damaged(error: schema::RowError) -> ReadError {
    match error {
        schema::RowError::Sqlite(error) => failed(error),
        schema::RowError::Checksum(..) => ReadError::Damaged(error.to_string()),
    }
}

fn failed(error: rusqlite::Error) -> ReadError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            ReadError::Damaged(error.to_string())
        }
        _ => ReadError::Failed(error.to_string()),
    }
}
