//! The way to a room's task: what its connections tell it, bounded in bytes.

use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{OpId, Timestamp};
use patchcast_protocol::message::{Change, Reject};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::limits::MAX_INBOX_BYTES;
use crate::member::Member;

/// What a room's task is told by its connections.
pub enum Event {
    /// A connection whose handshake is done.
    Join(Rc<Member>),
    /// What a client wants to be an entry, and the place it takes in the inbox until it is appended.
    Submit(Rc<Member>, Submission, OwnedSemaphorePermit),
    /// A connection whose socket did not take all of a frame that was for it alone.
    Blocked(Rc<Member>),
    /// A client that shows something else of itself than before.
    Show(Rc<Member>),
    /// A connection that has ended.
    Leave(Rc<Member>),
    /// The server is shutting down.
    Shutdown,
}

/// What a client wants to be an entry.
pub enum Submission {
    /// It is one as it stands: of a plain dialect, or of a stream.
    Entry(NewEntry),
    /// It changes a document, and the room has to see what it makes of it.
    Change {
        /// What was sent.
        change: Change<Box<RawValue>>,
        /// When the server took it.
        time: Timestamp,
    },
    /// It is no good, and its author is to be told in its place: what the client has sent after it was made upon it.
    Refused(Reject),
}

impl Submission {
    /// Its author's number for it.
    pub fn op(&self) -> OpId {
        match self {
            Submission::Entry(entry) => entry.op,
            Submission::Change { change, .. } => change.id,
            Submission::Refused(reject) => reject.id,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Submission::Entry(entry) => entry.payload.len(),
            Submission::Change { change, .. } => change.patches.get().len(),
            Submission::Refused(reject) => reject.reason.len(),
        }
    }
}

/// The way to a room's task, for those of its thread.
#[derive(Clone)]
pub struct Inbox {
    events: mpsc::UnboundedSender<Event>,
    space: Arc<Semaphore>,
}

/// The room's task has ended.
#[derive(Debug)]
pub struct RoomGone;

impl Inbox {
    /// An inbox, and the end of it that the room reads.
    pub fn new() -> (Inbox, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        (
            Inbox {
                events,
                space: Arc::new(Semaphore::new(MAX_INBOX_BYTES)),
            },
            receiver,
        )
    }

    /// Hands over an event that takes no space: there is one of a kind for each connection.
    pub fn send(&self, event: Event) -> Result<(), RoomGone> {
        self.events.send(event).map_err(|_| RoomGone)
    }

    /// Hands over a message as soon as there is space for it; until then its connection reads no further.
    pub async fn submit(&self, member: &Rc<Member>, submission: Submission) -> Result<(), RoomGone> {
        // What a short message costs beyond its bytes counts too.
        let size = (submission.bytes() + size_of::<Event>()).min(MAX_INBOX_BYTES) as u32;
        let permit = self
            .space
            .clone()
            .acquire_many_owned(size)
            .await
            .map_err(|_| RoomGone)?;
        self.send(Event::Submit(member.clone(), submission, permit))
    }

    /// Whether the room's task has ended.
    pub fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    /// Whether nothing waits in it.
    pub fn is_idle(&self) -> bool {
        self.space.available_permits() == MAX_INBOX_BYTES
    }
}
