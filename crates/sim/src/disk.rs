//! The store of the simulated server: a disk that outlives crashes, takes its time, and sometimes refuses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use patchcast_protocol::entry::{Entries, Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::RoomId;
use patchcast_server::log::{AppendError, BoxFuture, LastOp, Log, ReadError, Snapshot, Store};
use rand::Rng;
use rand::rngs::SmallRng;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::mutation::Mutation;

/// What is kept of all rooms, whatever becomes of the servers that write it.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    doubtful: Arc<Notify>,
}

struct State {
    rooms: BTreeMap<RoomId, Kept>,
    trouble: Trouble,
    /// How often somebody was told that something does not work.
    errors: usize,
    random: SmallRng,
    mutation: Option<Mutation>,
}

/// What is wrong with the disk, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// How long an append takes at most.
    pub append_latency: Duration,
    /// Appends are refused until then.
    pub refuses_until: Instant,
    /// Reads fail until then, some of them.
    pub reads_fail_until: Instant,
    /// Everything takes long until then.
    pub slow_until: Instant,
    /// The next append ends with nobody knowing whether it was kept.
    pub doubt: bool,
    /// An append ended so: nothing is taken until the store is opened again.
    pub doubtful: bool,
}

struct Kept {
    epoch: Epoch,
    entries: Vec<(NewEntry, Instant)>,
    ops: BTreeMap<(Author, OpId), Seq>,
    /// Those before it are here for the verdict, and the server cannot read them.
    first: Seq,
    snapshot: Option<Snapshot>,
    /// Handed over, but not durable.
    in_flight: Option<Arc<[NewEntry]>>,
    log: Weak<SimLog>,
}

impl Disk {
    /// An empty disk.
    pub fn new(append_latency: Duration, random: SmallRng, mutation: Option<Mutation>) -> Disk {
        let now = Instant::now();
        let trouble = Trouble {
            append_latency,
            refuses_until: now,
            reads_fail_until: now,
            slow_until: now,
            doubt: false,
            doubtful: false,
        };
        let state = State {
            rooms: BTreeMap::new(),
            trouble,
            errors: 0,
            random,
            mutation,
        };
        Disk {
            state: Arc::new(Mutex::new(state)),
            doubtful: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no code panics while it holds this lock")
    }

    /// Changes what is wrong with it.
    pub fn trouble(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.lock().trouble);
    }

    /// How often it has told somebody that something does not work.
    pub fn errors(&self) -> usize {
        self.lock().errors
    }

    fn error(&self) {
        self.lock().errors += 1;
    }

    /// Resolves when an append has ended in doubt, so that the server must end.
    pub async fn doubtful(&self) {
        self.doubtful.notified().await;
    }

    /// The server has crashed: an append that was under way was kept or not.
    pub fn crash(&self) {
        let mut state = self.lock();
        let State {
            rooms,
            random,
            trouble,
            mutation,
            ..
        } = &mut *state;
        trouble.doubtful = false;
        let now = Instant::now();
        for kept in rooms.values_mut() {
            let durable = kept.entries.iter().take_while(|(_, at)| *at <= now).count();
            kept.truncate(durable);
            if *mutation == Some(Mutation::CrashLosesTheNewest) {
                kept.truncate(durable.saturating_sub(1));
            }
            if let Some(batch) = kept.in_flight.take()
                && random.random()
            {
                kept.push(&batch, now);
            }
        }
    }

    /// All logs are lost, and begin anew.
    pub fn lose_everything(&self) {
        let mut state = self.lock();
        let State {
            rooms,
            random,
            mutation,
            ..
        } = &mut *state;
        for kept in rooms.values_mut() {
            kept.truncate(0);
            (kept.first, kept.snapshot, kept.in_flight) = (Seq(1), None, None);
            if *mutation != Some(Mutation::EpochKept) {
                kept.epoch = Epoch(random.random());
            }
        }
    }

    /// An entry, if it is durable by now.
    pub fn durable(&self, room: &RoomId, seq: Seq) -> Option<(Epoch, NewEntry)> {
        let state = self.lock();
        let kept = state.rooms.get(room)?;
        let (entry, at) = kept.entries.get((seq.0 as usize).checked_sub(1)?)?;
        (*at <= Instant::now()).then(|| (kept.epoch, entry.clone()))
    }

    /// Of which log the numbers of a room's entries are.
    pub fn epoch(&self, room: &RoomId) -> Option<Epoch> {
        self.lock().rooms.get(room).map(|kept| kept.epoch)
    }

    /// All entries of a room.
    pub fn entries(&self, room: &RoomId) -> Vec<NewEntry> {
        let state = self.lock();
        let kept = state.rooms.get(room).map_or(&[][..], |kept| &kept.entries);
        kept.iter().map(|(entry, _)| entry.clone()).collect()
    }

    /// The newest snapshot of a room.
    pub fn snapshot(&self, room: &RoomId) -> Option<Snapshot> {
        self.lock().rooms.get(room)?.snapshot.clone()
    }

    /// How many rooms' logs somebody holds open.
    pub fn open_logs(&self) -> usize {
        let state = self.lock();
        state
            .rooms
            .values()
            .filter(|kept| kept.log.strong_count() > 0)
            .count()
    }

    /// The store of one server's life.
    pub fn store(&self, durability: Durability) -> Arc<dyn Store> {
        Arc::new(SimStore {
            disk: self.clone(),
            durability,
        })
    }

    /// How long the next step takes, and whether it works.
    fn attempt(&self) -> (Duration, Trouble, bool) {
        let mut state = self.lock();
        let trouble = state.trouble;
        let slow = if trouble.slow_until > Instant::now() {
            40
        } else {
            1
        };
        let most = trouble.append_latency.as_micros() as u64 * slow;
        let drawn = Duration::from_micros(state.random.random_range(0..=most));
        (drawn, trouble, state.random.random_ratio(1, 3))
    }

    /// Nothing is taken while an earlier write is in doubt.
    fn certain(&self) -> Result<(), AppendError> {
        if self.lock().trouble.doubtful {
            self.error();
            return Err(AppendError::InDoubt("an earlier write is in doubt".into()));
        }
        Ok(())
    }

    /// What comes of writing something, once it has taken its time. [`AppendError::InDoubt`] leaves open whether it is kept.
    async fn write_attempt(&self) -> Result<(), AppendError> {
        let (latency, trouble, _) = self.attempt();
        sleep(latency).await;
        if trouble.refuses_until > Instant::now() {
            self.error();
            return Err(AppendError::Refused("the disk is full".into()));
        }
        if trouble.doubt {
            self.trouble(|trouble| (trouble.doubt, trouble.doubtful) = (false, true));
            self.error();
            self.doubtful.notify_one();
            return Err(AppendError::InDoubt("the sync failed".into()));
        }
        Ok(())
    }

    async fn read_attempt(&self) -> Result<(), ReadError> {
        let (latency, trouble, drawn) = self.attempt();
        let now = Instant::now();
        // Most reads are answered at once, from a cache.
        if drawn || trouble.slow_until > now {
            sleep(latency).await;
        }
        if drawn && trouble.reads_fail_until > now {
            self.error();
            return Err(ReadError::Failed("the disk did not answer".into()));
        }
        Ok(())
    }
}

impl Kept {
    fn push(&mut self, batch: &[NewEntry], durable_at: Instant) {
        for entry in batch {
            self.entries.push((entry.clone(), durable_at));
            let seq = Seq(self.entries.len() as u64);
            if entry.op != OpId::NONE {
                self.ops.insert((entry.author, entry.op), seq);
            }
        }
    }

    fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.ops.retain(|_, seq| seq.0 <= len as u64);
    }

    fn head(&self) -> Head {
        self.entries
            .iter()
            .fold(Head::default(), |head, (entry, _)| head.after(entry))
    }
}

struct SimStore {
    disk: Disk,
    durability: Durability,
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

struct SimLog {
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
