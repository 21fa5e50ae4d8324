//! Logs that live as long as the process: for tests, and for rooms that need no tomorrow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::RoomId;
use tokio::sync::watch;

use super::{AppendError, BoxFuture, LastOp, Log, ReadError, Snapshot, Store, new_epoch};

/// A [`Store`] without a disk. Everything is lost when the process ends.
#[derive(Default)]
pub struct MemoryStore {
    rooms: Mutex<HashMap<RoomId, Arc<MemoryLog>>>,
}

impl Store for MemoryStore {
    fn open(&self, room: &RoomId) -> BoxFuture<'_, Result<Arc<dyn Log>, ReadError>> {
        let mut rooms = self
            .rooms
            .lock()
            .expect("no code panics while it holds this lock");
        let log = rooms.entry(room.clone()).or_default().clone();
        Box::pin(async move { Ok(log as Arc<dyn Log>) })
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn is_writable(&self) -> bool {
        true
    }
}

struct MemoryLog {
    epoch: Epoch,
    content: Mutex<Content>,
    head: watch::Sender<Head>,
}

#[derive(Default)]
struct Content {
    /// Those that are kept; the last of them is the head.
    entries: VecDeque<NewEntry>,
    /// How many came before them.
    forgotten: u64,
    snapshot: Option<Snapshot>,
    ops: BTreeMap<(Author, OpId), Seq>,
}

impl Default for MemoryLog {
    fn default() -> MemoryLog {
        MemoryLog {
            epoch: new_epoch(),
            content: Mutex::default(),
            head: watch::Sender::default(),
        }
    }
}

impl MemoryLog {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content
            .lock()
            .expect("no code panics while it holds this lock")
    }

    fn append_now(&self, expected_head: Seq, batch: &[NewEntry]) -> Result<Head, AppendError> {
        let mut content = self.content();
        let mut head = self.head();
        if head.seq != expected_head {
            return Err(AppendError::Conflict(head));
        }
        let mut ops = BTreeMap::new();
        for entry in batch {
            head = head.after(entry);
            let op = (entry.author, entry.op);
            if entry.op != OpId::NONE && (content.ops.contains_key(&op) || ops.insert(op, head.seq).is_some())
            {
                return Err(AppendError::Refused(format!("{} is there already", entry.op)));
            }
        }
        content.entries.extend(batch.iter().cloned());
        content.ops.extend(ops);
        self.head
            .send_if_modified(|old| std::mem::replace(old, head) != head);
        Ok(head)
    }

    fn read_now(&self, after: Seq, max_bytes: usize) -> Result<Entries, ReadError> {
        let content = self.content();
        if after > self.head().seq {
            return Err(ReadError::Ahead(self.head()));
        }
        let Some(skipped) = after.0.checked_sub(content.forgotten) else {
            return Err(ReadError::Forgotten {
                first: content.first(),
            });
        };
        let mut read = Entries::after(after);
        for entry in content.entries.range(skipped as usize..) {
            if !read.fits(&entry.payload, max_bytes) {
                break;
            }
            read.push(entry.author, entry.op, entry.time, &entry.payload);
        }
        Ok(read)
    }

    fn save_now(&self, snapshot: Snapshot, forget: Option<Seq>) -> Result<(), AppendError> {
        let mut content = self.content();
        let head = self.head().seq;
        snapshot.check(head)?;
        if content
            .snapshot
            .as_ref()
            .is_some_and(|known| known.seq > snapshot.seq)
        {
            return Ok(());
        }
        if let Some(forget) = forget {
            let before_newest = Seq(head.0 - 1);
            let count = forget
                .min(snapshot.seq)
                .min(before_newest)
                .0
                .saturating_sub(content.forgotten);
            content.entries.drain(..count as usize);
            content.forgotten += count;
        }
        content.snapshot = Some(snapshot);
        Ok(())
    }

    fn last_op_now(&self, author: Author, at_most: OpId) -> LastOp {
        let content = self.content();
        let mut ops = content.ops.range((author, OpId::NONE)..=(author, at_most));
        ops.next_back().map(|(&(_, op), &seq)| (op, seq))
    }
}

impl Content {
    fn first(&self) -> Seq {
        Seq(self.forgotten).next()
    }
}

impl Log for MemoryLog {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> Head {
        *self.head.borrow()
    }

    fn append(
        &self,
        expected_head: Seq,
        entries: Arc<[NewEntry]>,
    ) -> BoxFuture<'_, Result<Head, AppendError>> {
        let result = self.append_now(expected_head, &entries);
        Box::pin(async move { result })
    }

    fn read(&self, after: Seq, max_bytes: usize) -> BoxFuture<'_, Result<Entries, ReadError>> {
        let result = self.read_now(after, max_bytes);
        Box::pin(async move { result })
    }

    fn first(&self) -> Seq {
        self.content().first()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Option<Snapshot>, ReadError>> {
        let snapshot = self.content().snapshot.clone();
        Box::pin(async move { Ok(snapshot) })
    }

    fn save(&self, snapshot: Snapshot, forget: Option<Seq>) -> BoxFuture<'_, Result<(), AppendError>> {
        let result = self.save_now(snapshot, forget);
        Box::pin(async move { result })
    }

    fn last_op(&self, author: Author, at_most: OpId) -> BoxFuture<'_, Result<LastOp, ReadError>> {
        let result = self.last_op_now(author, at_most);
        Box::pin(async move { Ok(result) })
    }

    fn changed(&self, seen: Seq) -> BoxFuture<'_, ()> {
        let mut head = self.head.subscribe();
        Box::pin(async move {
            // The sender is a field of this log, which this future borrows.
            head.wait_for(|head| head.seq > seen)
                .await
                .expect("the log outlives the wait");
        })
    }
}
