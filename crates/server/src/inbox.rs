//! The way to a room's task: what its connections tell it, bounded in bytes.

use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::entry::NewEntry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::limits::MAX_INBOX_BYTES;
use crate::member::Member;

/// What a room's task is told by its connections.
pub enum Event {
    /// A connection whose handshake is done.
    Join(Rc<Member>),
    /// A message, and the place it takes in the inbox until it is appended.
    Append(Rc<Member>, NewEntry, OwnedSemaphorePermit),
    /// A connection whose socket did not take all of a frame that was for it alone.
    Blocked(Rc<Member>),
    /// A client that shows something else of itself than before.
    Show(Rc<Member>),
    /// A connection that has ended.
    Leave(Rc<Member>),
    /// The server is shutting down.
    Shutdown,
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
    pub async fn append(&self, member: &Rc<Member>, entry: NewEntry) -> Result<(), RoomGone> {
        // What a short message costs beyond its bytes counts too.
        let size = (entry.payload.len() + size_of::<Event>()).min(MAX_INBOX_BYTES) as u32;
        let permit = self
            .space
            .clone()
            .acquire_many_owned(size)
            .await
            .map_err(|_| RoomGone)?;
        self.send(Event::Append(member.clone(), entry, permit))
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
