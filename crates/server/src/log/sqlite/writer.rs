//! The thread that writes: whatever waits to be appended goes into one transaction and one fsync.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::Seq;
use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::oneshot;

use super::room_log::Room;
use super::rows::{self, RowError};
use super::{Shared, boot, snapshot};
use crate::limits::MAX_COMMIT_BYTES;
use crate::log::{AppendError, Snapshot};

pub(super) enum Request {
    Append(Append),
    Save(Save),
    Stop,
}

pub(super) struct Append {
    pub(super) room: Arc<Room>,
    pub(super) expected_head: Seq,
    pub(super) entries: Arc<[NewEntry]>,
    pub(super) reply: oneshot::Sender<Result<Head, AppendError>>,
}

pub(super) struct Save {
    pub(super) room: Arc<Room>,
    pub(super) snapshot: Snapshot,
    pub(super) forget: Option<Seq>,
    pub(super) reply: oneshot::Sender<Result<(), AppendError>>,
}

/// Writes until it is told to stop, or until storing fails in a way that leaves the database in doubt.
pub(super) fn run(connection: Connection, requests: &mpsc::Receiver<Request>, shared: &Shared) {
    if write_all(&connection, requests, shared).is_err() {
        return;
    }
    if let Err(error) = boot::end(&connection) {
        tracing::warn!(%error, "the end was not noted: after a restart of the machine rooms will have other epochs");
    }
}

/// The database is in doubt.
struct InDoubt;

fn write_all(
    connection: &Connection,
    requests: &mpsc::Receiver<Request>,
    shared: &Shared,
) -> Result<(), InDoubt> {
    let mut next = None;
    loop {
        match next.take().or_else(|| requests.recv().ok()) {
            Some(Request::Append(first)) => {
                let (group, then) = gather(first, requests);
                next = then;
                append(connection, group, shared)?;
            }
            Some(Request::Save(save)) => keep(connection, save, shared)?,
            Some(Request::Stop) | None => return Ok(()),
        }
    }
}

fn append(connection: &Connection, group: Vec<Append>, shared: &Shared) -> Result<(), InDoubt> {
    let committed = transaction(connection, || stage(connection, &group));
    shared.writable.store(committed.is_ok(), Ordering::Relaxed);
    match committed {
        Ok(outcomes) => {
            answer(group, outcomes);
            Ok(())
        }
        Err(error) => {
            let error = classify(&error);
            tracing::error!(%error, appends = group.len(), "the log did not take a commit");
            for append in group {
                // A room that has gone meanwhile needs no answer; so too below.
                let _ = append.reply.send(Err(error.clone()));
            }
            go_on_after(error, shared)
        }
    }
}

/// Saves a snapshot, in a transaction of its own. What other rooms append meanwhile waits for it: a few tenths of a second for the largest
/// document. Rooms save so seldom that it is little in all.
fn keep(connection: &Connection, save: Save, shared: &Shared) -> Result<(), InDoubt> {
    let Save {
        room,
        snapshot,
        forget,
        reply,
    } = save;
    let room_id = room.id.load(Ordering::Relaxed);
    if let Err(refused) = snapshot.check(room.head.borrow().seq) {
        let _ = reply.send(Err(refused));
        return Ok(());
    }
    match transaction(connection, || {
        snapshot::save(connection, room_id, &snapshot, forget)
    }) {
        Ok(forgotten) => {
            room.first.store(forgotten.first().0, Ordering::Release);
            let _ = reply.send(Ok(()));
            Ok(())
        }
        Err(error) => {
            let error = match &error {
                RowError::Sqlite(error) => classify(error),
                RowError::Damaged { detail, .. } => AppendError::Refused(detail.clone()),
            };
            tracing::error!(room = %room.name, %error, "the log did not take a snapshot");
            let _ = reply.send(Err(error.clone()));
            go_on_after(error, shared)
        }
    }
}

fn go_on_after(error: AppendError, shared: &Shared) -> Result<(), InDoubt> {
    if !matches!(error, AppendError::InDoubt(_)) {
        return Ok(());
    }
    shared.failure.send_replace(Some(error.to_string()));
    Err(InDoubt)
}

/// Takes what else is to be appended and waits, up to a bound that keeps one commit short; and what came behind that instead.
fn gather(first: Append, requests: &mpsc::Receiver<Request>) -> (Vec<Append>, Option<Request>) {
    let mut bytes = size(&first);
    let mut group = vec![first];
    while bytes < MAX_COMMIT_BYTES {
        match requests.try_recv() {
            Ok(Request::Append(append)) => {
                bytes += size(&append);
                group.push(append);
            }
            Ok(other) => return (group, Some(other)),
            Err(_) => break,
        }
    }
    (group, None)
}

fn size(append: &Append) -> usize {
    append.entries.iter().map(|entry| entry.payload.len()).sum()
}

/// What becomes of one append when its group is committed.
enum Outcome {
    Appended { room_id: i64, head: Head },
    Conflict(Head),
}

/// Commits what `write` writes, or nothing of it.
fn transaction<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    write: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    // By hand, because rusqlite's transactions compile their statements anew each time.
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let written = write().and_then(|written| {
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(written)
    });
    // After some errors SQLite has rolled back by itself.
    if written.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    written
}

/// Inserts what can be appended into the open transaction.
fn stage(connection: &Connection, group: &[Append]) -> rusqlite::Result<Vec<Outcome>> {
    // Where this transaction has moved a room to. A room seldom stands twice in a group, but it may.
    let mut moved: HashMap<*const Room, (i64, Head)> = HashMap::new();
    let mut outcomes = Vec::with_capacity(group.len());
    for append in group {
        let room: &Room = &append.room;
        let (room_id, head) = moved
            .get(&Arc::as_ptr(&append.room))
            .copied()
            .unwrap_or_else(|| (room.id.load(Ordering::Relaxed), *room.head.borrow()));
        if head.seq != append.expected_head {
            outcomes.push(Outcome::Conflict(head));
            continue;
        }
        let (room_id, head) = insert(connection, room, room_id, head, &append.entries)?;
        moved.insert(Arc::as_ptr(&append.room), (room_id, head));
        outcomes.push(Outcome::Appended { room_id, head });
    }
    Ok(outcomes)
}

fn insert(
    connection: &Connection,
    room: &Room,
    mut room_id: i64,
    mut head: Head,
    entries: &[NewEntry],
) -> rusqlite::Result<(i64, Head)> {
    if entries.is_empty() {
        return Ok((room_id, head));
    }
    if room_id == 0 {
        room_id = rows::insert_room(connection, &room.name, room.epoch)?;
    }
    let mut statement = rows::insert_entries(connection, room_id)?;
    for entry in entries {
        head = head.after(entry);
        statement.insert(&rows::Row {
            room: room_id,
            seq: head.seq,
            author: entry.author,
            op: entry.op,
            time: entry.time,
            weight: head.weight,
            payload: &entry.payload,
        })?;
    }
    statement.finish()?;
    Ok((room_id, head))
}

/// Publishes the new heads, now that they are durable, and tells everyone what became of their append.
fn answer(group: Vec<Append>, outcomes: Vec<Outcome>) {
    for (append, outcome) in group.into_iter().zip(outcomes) {
        let result = match outcome {
            Outcome::Appended { room_id, head } => {
                append.room.id.store(room_id, Ordering::Release);
                append
                    .room
                    .head
                    .send_if_modified(|old| std::mem::replace(old, head) != head);
                Ok(head)
            }
            Outcome::Conflict(head) => Err(AppendError::Conflict(head)),
        };
        let _ = append.reply.send(result);
    }
}

/// Whether a failed commit is certainly not in the database.
///
/// A failed write leaves at most a part of the transaction in the write-ahead log, which no recovery takes for
/// committed. After a failed fsync nobody knows what the disk holds, and asking again may wrongly succeed,
/// because the kernel has forgotten which pages were dirty: only a new start tells.
fn classify(error: &rusqlite::Error) -> AppendError {
    let text = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return AppendError::InDoubt(text);
    };
    match (failure.code, failure.extended_code) {
        (
            ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::TooBig
            | ErrorCode::DatabaseBusy
            // An op that is there already.
            | ErrorCode::ConstraintViolation,
            _,
        )
        | (
            ErrorCode::SystemIoFailure,
            ffi::SQLITE_IOERR_WRITE
            | ffi::SQLITE_IOERR_SHMSIZE
            | ffi::SQLITE_IOERR_SHMMAP
            | ffi::SQLITE_IOERR_NOMEM,
        ) => AppendError::Refused(text),
        _ => AppendError::InDoubt(text),
    }
}
