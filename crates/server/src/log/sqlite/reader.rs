//! The thread that reads: rooms when they are opened, and blocks of their history.

use std::sync::mpsc;

use patchcast_protocol::entry::{Entries, Head};
use patchcast_protocol::ids::{Epoch, Seq};
use patchcast_protocol::room::RoomId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::rows::{self, Batch, RowError, SoughtOp};
use super::snapshot;
use crate::log::{LastOp, ReadError, Snapshot};

pub(super) enum Request {
    Find {
        room: RoomId,
        reply: oneshot::Sender<Result<Option<Found>, ReadError>>,
    },
    Read {
        range: Range,
        reply: oneshot::Sender<Result<Entries, ReadError>>,
    },
    Snapshot {
        room: i64,
        reply: oneshot::Sender<Result<Option<Snapshot>, ReadError>>,
    },
    LastOp {
        sought: SoughtOp,
        reply: oneshot::Sender<Result<LastOp, ReadError>>,
    },
    Stop,
}

/// A room as it lies in the database.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) epoch: Epoch,
    pub(super) head: Head,
    /// The oldest entry that is kept.
    pub(super) first: Seq,
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
            Ok(Request::Snapshot { room, reply }) => {
                let found = snapshot::find(connection, room);
                drop(reply.send(found.map_err(ReadError::from)));
            }
            Ok(Request::LastOp { sought, reply }) => {
                let found = rows::last_op(connection, &sought);
                drop(reply.send(found.map_err(ReadError::from)));
            }
            Ok(Request::Stop) | Err(_) => return,
        }
    }
}

fn find(connection: &Connection, room: &RoomId) -> Result<Option<Found>, ReadError> {
    let Some(room) = rows::find_room(connection, room)? else {
        return Ok(None);
    };
    Ok(Some(Found {
        id: room.id,
        epoch: room.epoch,
        head: rows::head(connection, room.id)?,
        first: snapshot::summary(connection, room.id)?.1.first(),
    }))
}

fn read(connection: &Connection, range: &Range) -> Result<Entries, ReadError> {
    let mut entries = Entries::after(range.after);
    let mut statement = rows::select_batches(connection)?;
    let mut batches = statement.query((range.room, range.after.0 as i64))?;
    'filling: while let Some(columns) = batches.next()? {
        let batch = Batch::read(range.room, columns)?;
        let mut expected = range.after.plus(entries.len() as u64 + 1);
        if batch.first > expected {
            return Err(missing(connection, range.room, expected));
        }
        for row in batch.entries(expected) {
            let row = row?;
            // The database may hold more than was published when this was asked for.
            if row.seq > range.last || !entries.fits(row.payload, range.max_bytes) {
                break 'filling;
            }
            if row.seq != expected {
                return Err(ReadError::Damaged(format!("{expected} is missing")));
            }
            entries.push(row.author, row.op, row.time, row.payload);
            expected = expected.next();
        }
        if range.last < expected {
            break;
        }
    }
    if entries.is_empty() {
        return Err(missing(connection, range.room, range.after.next()));
    }
    Ok(entries)
}

/// Why an entry is not there. It may have been dropped since it was asked for: what was read before this shows at most that, so this cannot
/// show less.
fn missing(connection: &Connection, room: i64, seq: Seq) -> ReadError {
    match snapshot::summary(connection, room) {
        Ok((_, forgotten)) if seq <= forgotten.last => ReadError::Forgotten {
            first: forgotten.first(),
        },
        Ok(_) => ReadError::Damaged(format!("{seq} is missing")),
        Err(error) => error.into(),
    }
}

impl From<RowError> for ReadError {
    fn from(error: RowError) -> Self {
        match error {
            RowError::Sqlite(error) => error.into(),
            // Who asked knows the room.
            RowError::Damaged { detail, .. } => ReadError::Damaged(detail),
        }
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                ReadError::Damaged(error.to_string())
            }
            _ => ReadError::Failed(error.to_string()),
        }
    }
}
