//! Logs that live as long as the process: for tests, and for rooms that need no tomorrow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::Seq;
use patchcast_protocol::room::RoomId;
use tokio::sync::watch;

use super::{AppendError, BoxFuture, Log, ReadError, Store};

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

    fn is_writable(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct MemoryLog {
    entries: Mutex<Vec<NewEntry>>,
    head: watch::Sender<Head>,
}

impl MemoryLog {
    fn entries(&self) -> MutexGuard<'_, Vec<NewEntry>> {
        self.entries
            .lock()
            .expect("no code panics while it holds this lock")
    }

    fn append_now(&self, expected_head: Seq, batch: &[NewEntry]) -> Result<Head, AppendError> {
        let mut entries = self.entries();
        let mut head = self.head();
        if head.seq != expected_head {
            return Err(AppendError::Conflict(head));
        }
        for entry in batch {
            head = head.after(entry);
            entries.push(entry.clone());
        }
        self.head
            .send_if_modified(|old| std::mem::replace(old, head) != head);
        Ok(head)
    }

    fn read_now(&self, after: Seq, max_bytes: usize) -> Result<Entries, ReadError> {
        let entries = self.entries();
        let Some(rest) = entries.get(after.0 as usize..) else {
            return Err(ReadError::Ahead(self.head()));
        };
        let mut read = Entries::after(after);
        for entry in rest {
            if !read.is_empty() && read.payload_bytes() + entry.payload.len() > max_bytes {
                break;
            }
            read.push(entry.author, entry.time, &entry.payload);
        }
        Ok(read)
    }
}

impl Log for MemoryLog {
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
