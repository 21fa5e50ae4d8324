//! The disk of the simulated server: it outlives crashes, takes its time, and sometimes refuses.

mod log;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::RoomId;
use patchcast_server::log::{AppendError, ReadError, Snapshot, Store};
use rand::Rng;
use rand::rngs::SmallRng;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use self::log::{SimLog, SimStore};
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
