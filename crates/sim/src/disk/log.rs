//! The store on the simulated disk, as one life of the server sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::RoomId;
use patchcast_server::log::{AppendError, BoxFuture, LastOp, Log, ReadError, Snapshot, Store};
use rand::Rng;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Disk, Kept};
use crate::mutation::Mutation;

/// The store.
pub(super) struct SimStore {
    pub disk: Disk,
    pub durability: Durability,
}

impl Store for SimStore {
    fn open(&self, room: &RoomId) -> BoxFuture<'_, Result<Arc<dyn Log>, ReadError>> {
        let room = room.clone();
        Box::pin(async move {
            self.disk.read_attempt().await?;
            let mut state = self.disk.lock();
            let drawn = Epoch(state.random.random());
            let kept = state.rooms.entry(room.clone()).or_insert_with(|| Kept {
                epoch: drawn,
                entries: Vec::new(),
                ops: BTreeMap::new(),
                first: Seq(1),
                snapshot: None,
                in_flight: None,
                log: Weak::new(),
            });
            if let Some(log) = kept.log.upgrade() {
                return Ok(log as Arc<dyn Log>);
            }
            // A room without entries that nobody holds is forgotten.
            if kept.entries.is_empty() {
                kept.epoch = drawn;
            }
            let log = Arc::new(SimLog {
                disk: self.disk.clone(),
                room,
                epoch: kept.epoch,
                head: watch::Sender::new(kept.head()),
            });
            kept.log = Arc::downgrade(&log);
            Ok(log as Arc<dyn Log>)
        })
    }

    fn durability(&self) -> Durability {
        self.durability
    }

    fn is_writable(&self) -> bool {
        true
    }
}

/// One room's log.
pub(super) struct SimLog {
    disk: Disk,
    room: RoomId,
    epoch: Epoch,
    head: watch::Sender<Head>,
}

impl SimLog {
    fn kept<T>(&self, act: impl FnOnce(&mut Kept, Option<Mutation>) -> T) -> T {
        let mut state = self.disk.lock();
        let mutation = state.mutation;
        let kept = state
            .rooms
            .get_mut(&self.room)
            .expect("a log that is open is kept");
        act(kept, mutation)
    }

    fn check(&self, expected_head: Seq, entries: &[NewEntry]) -> Result<(), AppendError> {
        let head = self.head();
        if head.seq != expected_head {
            return Err(AppendError::Conflict(head));
        }
        self.kept(|kept, mutation| {
            let known = |entry: &&NewEntry| {
                entry.op != OpId::NONE && kept.ops.contains_key(&(entry.author, entry.op))
            };
            match entries.iter().find(known) {
                Some(entry) if mutation != Some(Mutation::DedupOff) => {
                    Err(AppendError::Refused(format!("{} is there already", entry.op)))
                }
                _ => Ok(()),
            }
        })
    }

    async fn append(&self, expected_head: Seq, entries: Arc<[NewEntry]>) -> Result<Head, AppendError> {
        self.check(expected_head, &entries)?;
        self.disk.certain()?;
        let mut durable_at = Instant::now();
        if self.disk.lock().mutation == Some(Mutation::AckBeforeAppend) {
            durable_at += self.disk.attempt().0;
        } else {
            self.kept(|kept, _| kept.in_flight = Some(entries.clone()));
            let written = self.disk.write_attempt().await;
            if !matches!(written, Err(AppendError::InDoubt(_))) {
                self.kept(|kept, _| kept.in_flight = None);
            }
            written?;
            durable_at = Instant::now();
        }
        let head = self.kept(|kept, _| {
            kept.in_flight = None;
            kept.push(&entries, durable_at);
            kept.head()
        });
        self.head.send_replace(head);
        Ok(head)
    }

    async fn save(&self, snapshot: Snapshot, forget: Option<Seq>) -> Result<(), AppendError> {
        let head = self.head().seq;
        snapshot.check(head)?;
        self.disk.certain()?;
        // In doubt or cut off by a crash, it is not kept: that nobody was told of it leaves the older one as good.
        self.disk.write_attempt().await?;
        self.kept(|kept, _| {
            if kept
                .snapshot
                .as_ref()
                .is_some_and(|known| known.seq > snapshot.seq)
            {
                return;
            }
            if let Some(forget) = forget {
                kept.first = kept.first.max(forget.min(snapshot.seq).next().min(head));
            }
            kept.snapshot = Some(snapshot);
        });
        Ok(())
    }

    async fn read(&self, after: Seq, max_bytes: usize) -> Result<Entries, ReadError> {
        self.disk.read_attempt().await?;
        self.kept(|kept, mutation| {
            let Some(rest) = kept.entries.get(after.0 as usize..) else {
                return Err(ReadError::Ahead(kept.head()));
            };
            let first = kept.first;
            if after.next() < first {
                return Err(ReadError::Forgotten { first });
            }
            let mut bytes = 0;
            let fits = |(entry, _): &&(NewEntry, Instant)| {
                bytes += entry.payload.len();
                bytes <= max_bytes || bytes == entry.payload.len()
            };
            let mut read: Vec<&NewEntry> = rest.iter().take_while(fits).map(|(entry, _)| entry).collect();
            if mutation == Some(Mutation::ReadsExchanged) && read.len() > 1 {
                read.swap(0, 1);
            }
            let mut entries = Entries::after(after);
            for entry in read {
                entries.push(entry.author, entry.op, entry.time, &entry.payload);
            }
            Ok(entries)
        })
    }
}

impl Log for SimLog {
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
        Box::pin(self.append(expected_head, entries))
    }

    fn read(&self, after: Seq, max_bytes: usize) -> BoxFuture<'_, Result<Entries, ReadError>> {
        Box::pin(self.read(after, max_bytes))
    }

    fn first(&self) -> Seq {
        self.kept(|kept, _| kept.first)
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Option<Snapshot>, ReadError>> {
        Box::pin(async move {
            self.disk.read_attempt().await?;
            Ok(self.kept(|kept, mutation| {
                let head = kept.head().seq;
                let mut snapshot = kept.snapshot.clone()?;
                if mutation == Some(Mutation::SnapshotLacksTheNewest) {
                    snapshot.seq = snapshot.seq.next().min(head);
                }
                Some(snapshot)
            }))
        })
    }

    fn save(&self, snapshot: Snapshot, forget: Option<Seq>) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(self.save(snapshot, forget))
    }

    fn last_op(&self, author: Author, at_most: OpId) -> BoxFuture<'_, Result<LastOp, ReadError>> {
        Box::pin(async move {
            self.disk.read_attempt().await?;
            Ok(self.kept(|kept, mutation| {
                let ops = kept.ops.range((author, OpId::NONE)..=(author, at_most));
                let last = ops.map(|(&(_, op), &seq)| (op, seq)).next_back();
                last.filter(|_| mutation != Some(Mutation::DedupOff))
            }))
        })
    }

    fn changed(&self, seen: Seq) -> BoxFuture<'_, ()> {
        let mut head = self.head.subscribe();
        Box::pin(async move {
            head.wait_for(|head| head.seq > seen)
                .await
                .expect("the sender is a field of the log, which this future borrows");
        })
    }
}
