//! Squashing the history of a patches room, in the background. Nobody who is there notices: who joins is sent fewer patches.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::entry::Head;
use tokio::sync::Notify;
use tokio::task::{spawn_blocking, spawn_local};
use tokio::time::timeout;

use super::Room;
use crate::limits::{BLOCK_BYTES, SQUASH_BYTES, SQUASH_PATIENCE};
use crate::squash::{LEAST_WEIGHT, Squash, count_patches, end_of};

/// The squash of a room's history, and what has come behind it.
pub(super) struct Squasher {
    /// Patches that may lie behind the squash, at the least.
    allowed: u64,
    progress: RefCell<Progress>,
    /// Told whenever a task has ended.
    ended: Notify,
}

#[derive(Default)]
struct Progress {
    /// `None` as long as it was not read which one the log has.
    newest: Option<Arc<Squash>>,
    /// Up to where the patches behind it were counted.
    counted: Head,
    /// How many they are.
    patches: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Resting,
    /// A task is at it.
    Running,
    /// One has failed, and the next would too.
    GivenUp,
}

impl Squasher {
    /// Squashes what has more than `allowed` patches.
    pub(super) fn new(allowed: u64) -> Squasher {
        Squasher {
            allowed,
            progress: RefCell::default(),
            ended: Notify::new(),
        }
    }

    /// Whether a room at `head` may have more patches than it is to have, and no task is at it. One has to begin then.
    fn begin(&self, head: Head) -> bool {
        let mut progress = self.progress.borrow_mut();
        // Another writer's entries may be counted already that the room has not taken in.
        let behind = head.weight.saturating_sub(progress.counted.weight);
        let due = match &progress.newest {
            None => behind > 0,
            // In fewer bytes there cannot be that many patches, so a message costs no more than this.
            Some(newest) => behind > self.limit(newest).saturating_sub(progress.patches) * LEAST_WEIGHT,
        };
        let begins = due && progress.stage == Stage::Resting;
        if begins {
            progress.stage = Stage::Running;
        }
        begins
    }

    /// How many patches may lie behind a squash. As many as are in it at the least, so that a history which grows all the same is squashed ever more
    /// seldom, and all of it costs a few times what squashing it once does.
    fn limit(&self, squash: &Squash) -> u64 {
        self.allowed.max(squash.count)
    }

    fn newest(&self, head: Head) -> Option<Arc<Squash>> {
        let newest = self.progress.borrow().newest.clone();
        newest.filter(|squash| squash.end.seq <= head.seq)
    }
}

impl Room {
    /// What stands for the beginning of the history that a joiner at `head` is sent.
    ///
    /// When one is just being made, it is waited for, within bounds: whoever has seen the last of many patches and then joins anew is
    /// not sent them all.
    pub async fn squash_for(&self, head: Head) -> Arc<Squash> {
        let Some(squasher) = &self.squasher else {
            return Arc::default();
        };
        let ended = squasher.ended.notified();
        if squasher.progress.borrow().stage == Stage::Running {
            // When it takes longer, what there is by now is as good.
            let _ = timeout(SQUASH_PATIENCE, ended).await;
        }
        squasher.newest(head).unwrap_or_default()
    }

    /// Has the history squashed, if there may be enough of it.
    pub(super) fn squash_if_due(self: &Rc<Self>) {
        let head = self.state.borrow().head;
        if self
            .squasher
            .as_ref()
            .is_some_and(|squasher| squasher.begin(head))
        {
            spawn_local(squash(self.clone()));
        }
    }
}

async fn squash(room: Rc<Room>) {
    let Some(squasher) = &room.squasher else { return };
    let stage = match try_squash(&room, squasher).await {
        Ok(()) => Stage::Resting,
        Err(error) => {
            tracing::warn!(room = %room.id, %error, "the history is not squashed any further until the room is opened again");
            Stage::GivenUp
        }
    };
    squasher.progress.borrow_mut().stage = stage;
    squasher.ended.notify_waiters();
}

async fn try_squash(room: &Room, squasher: &Squasher) -> Result<(), Box<dyn Error>> {
    let known = squasher.progress.borrow().newest.clone();
    let mut newest = match known {
        Some(newest) => newest,
        None => {
            let kept = room.log.snapshot().await?;
            let kept = kept.map(|kept| Squash::from_snapshot(&kept).ok_or("what is kept is no squash"));
            let newest: Arc<Squash> = kept.transpose()?.unwrap_or_default().into();
            squasher.publish(&newest, 0);
            newest
        }
    };
    loop {
        squasher.count(room).await?;
        if squasher.progress.borrow().patches <= squasher.limit(&newest) {
            return Ok(());
        }
        let (mut entries, mut last, mut bytes, mut patches) = (Vec::new(), newest.end.seq, 0, 0);
        while last < squasher.progress.borrow().counted.seq
            && (bytes < SQUASH_BYTES || patches < newest.count)
        {
            let block = room.log.read(last, BLOCK_BYTES).await?;
            last = block.last();
            bytes += block.bytes();
            patches += count_patches(&block);
            entries.push(block);
        }
        let squashed = spawn_blocking(move || newest.with(&entries)).await??;
        newest = Arc::new(squashed);
        // Who joins can have it even if it could not be kept, and the next one can be.
        if let Err(error) = room.log.save(newest.to_snapshot(), None).await {
            tracing::warn!(room = %room.id, %error, "a squash was not kept");
        }
        squasher.publish(&newest, patches);
        tracing::debug!(room = %room.id, patches, squash = newest.count, "the history was squashed");
    }
}

impl Squasher {
    /// Counts the patches that have come since it was done last.
    async fn count(&self, room: &Room) -> Result<(), Box<dyn Error>> {
        loop {
            let (counted, head) = (self.progress.borrow().counted, room.state.borrow().head);
            if counted.seq >= head.seq {
                return Ok(());
            }
            let block = room.log.read(counted.seq, BLOCK_BYTES).await?;
            let mut progress = self.progress.borrow_mut();
            progress.patches += count_patches(&block);
            progress.counted = end_of(counted, &block);
        }
    }

    /// A new squash, with so many patches in it that were behind the one before.
    fn publish(&self, squash: &Arc<Squash>, patches: u64) {
        let mut progress = self.progress.borrow_mut();
        if progress.counted.seq < squash.end.seq {
            (progress.counted, progress.patches) = (squash.end, 0);
        } else {
            progress.patches = progress.patches.saturating_sub(patches);
        }
        progress.newest = Some(squash.clone());
    }
}
