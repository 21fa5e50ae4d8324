//! One room's log: its place in the database, and the requests that it makes of the two threads.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::room::RoomId;
use tokio::sync::{oneshot, watch};

use super::rows::SoughtOp;
use super::{reader, writer};
use crate::log::{AppendError, BoxFuture, LastOp, Log, ReadError, Snapshot};

/// One room's place in the database. All openings of a room share it, so its head is the only one there is;
/// a batch under way holds it too, so that a room which is opened meanwhile finds this one.
pub(super) struct Room {
    pub(super) name: RoomId,
    /// The room's row; 0 until the first append makes it.
    pub(super) id: AtomicI64,
    pub(super) epoch: Epoch,
    pub(super) head: watch::Sender<Head>,
    /// The number of the oldest entry that is kept.
    pub(super) first: AtomicU64,
}

pub(super) struct SqliteLog {
    pub(super) room: Arc<Room>,
    pub(super) writer: mpsc::Sender<writer::Request>,
    pub(super) reader: mpsc::Sender<reader::Request>,
}

impl Log for SqliteLog {
    fn epoch(&self) -> Epoch {
        self.room.epoch
    }

    fn head(&self) -> Head {
        *self.room.head.borrow()
    }

    fn append(
        &self,
        expected_head: Seq,
        entries: Arc<[NewEntry]>,
    ) -> BoxFuture<'_, Result<Head, AppendError>> {
        let (reply, answer) = oneshot::channel();
        let append = writer::Append {
            room: self.room.clone(),
            expected_head,
            entries,
            reply,
        };
        // When the writer has ended, it drops the request or never gets it; both close `answer`.
        let _ = self.writer.send(writer::Request::Append(append));
        Box::pin(decided(answer))
    }

    fn read(&self, after: Seq, max_bytes: usize) -> BoxFuture<'_, Result<Entries, ReadError>> {
        let head = self.head();
        let room = self.room.id.load(Ordering::Acquire);
        Box::pin(async move {
            if after > head.seq {
                return Err(ReadError::Ahead(head));
            }
            if after == head.seq {
                return Ok(Entries::after(after));
            }
            let range = reader::Range {
                room,
                after,
                last: head.seq,
                max_bytes,
            };
            ask(&self.reader, |reply| reader::Request::Read { range, reply }).await
        })
    }

    fn first(&self) -> Seq {
        Seq(self.room.first.load(Ordering::Acquire))
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Option<Snapshot>, ReadError>> {
        let room = self.room.id.load(Ordering::Acquire);
        Box::pin(async move {
            if room == 0 {
                return Ok(None);
            }
            ask(&self.reader, |reply| reader::Request::Snapshot { room, reply }).await
        })
    }

    fn save(&self, snapshot: Snapshot, forget: Option<Seq>) -> BoxFuture<'_, Result<(), AppendError>> {
        let (reply, answer) = oneshot::channel();
        let save = writer::Save {
            room: self.room.clone(),
            snapshot,
            forget,
            reply,
        };
        let _ = self.writer.send(writer::Request::Save(save));
        Box::pin(decided(answer))
    }

    fn last_op(&self, author: Author, at_most: OpId) -> BoxFuture<'_, Result<LastOp, ReadError>> {
        // Before the room's id: an op that is shown by the head is in the row of this id.
        let last = self.head().seq;
        let sought = SoughtOp {
            room: self.room.id.load(Ordering::Acquire),
            author,
            at_most,
            last,
        };
        Box::pin(async move {
            if last == Seq::START {
                return Ok(None);
            }
            ask(&self.reader, |reply| reader::Request::LastOp { sought, reply }).await
        })
    }

    fn changed(&self, seen: Seq) -> BoxFuture<'_, ()> {
        let mut head = self.room.head.subscribe();
        Box::pin(async move {
            head.wait_for(|head| head.seq > seen)
                .await
                .expect("the room outlives the wait");
        })
    }
}

/// What the writing thread has answered.
async fn decided<T>(answer: oneshot::Receiver<Result<T, AppendError>>) -> Result<T, AppendError> {
    answer
        .await
        .unwrap_or_else(|_| Err(AppendError::Refused("the store is closed".into())))
}

/// Sends the reading thread a request and waits for its answer.
pub(super) async fn ask<T>(
    reader: &mpsc::Sender<reader::Request>,
    request: impl FnOnce(oneshot::Sender<Result<T, ReadError>>) -> reader::Request,
) -> Result<T, ReadError> {
    let (reply, answer) = oneshot::channel();
    let _ = reader.send(request(reply));
    answer
        .await
        .unwrap_or_else(|_| Err(ReadError::Failed("the store is closed".into())))
}
