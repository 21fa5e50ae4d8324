//! The rooms of one thread, and the way into them from the bytes of a connection inwards.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Author;
use patchcast_protocol::limits::DEFAULT_MAX_DOCUMENT_BYTES;
use patchcast_protocol::room::RoomId;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::clock::Clock;
use crate::connection::{Close, Connection, ConnectionLimits, Handler};
use crate::dialect::read_message;
use crate::history::BlockCache;
use crate::inbox::{Event, Inbox, RoomGone, Submission};
use crate::limits::DocumentPace;
use crate::log::Store;
use crate::member::Member;
use crate::room::{Room, RoomTask, Terms};
use crate::session::SessionHandler;
use crate::socket::Socket;

/// What an operator chooses about the rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Bytes that a document may have as JSON.
    pub max_document: usize,
    /// Entries of a document that are kept at the least; `None` for all.
    pub retain: Option<u64>,
    /// Patches of the patch dialect that a joiner is sent as they are; longer histories are squashed. `None` for never.
    pub squash_after: Option<u64>,
    /// How often a document's room does what.
    pub pace: DocumentPace,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            max_document: DEFAULT_MAX_DOCUMENT_BYTES,
            retain: None,
            squash_after: None,
            pace: DocumentPace::default(),
        }
    }
}

/// The rooms that somebody is in. It knows neither threads nor TCP, and its tasks are those of the
/// [`LocalSet`](tokio::task::LocalSet) in which it is used.
pub struct Rooms {
    store: Arc<dyn Store>,
    clock: Clock,
    limits: ConnectionLimits,
    policy: Policy,
    open: RefCell<BTreeMap<RoomId, Inbox>>,
    blocks: Rc<BlockCache>,
    /// How many there were by now.
    connections: Cell<u64>,
    /// Set by a shutdown: who joins from now on is sent away.
    closing: Cell<bool>,
}

impl Rooms {
    /// Rooms whose logs are in `store`, and of which none is open yet.
    pub fn new(store: Arc<dyn Store>, clock: Clock, limits: ConnectionLimits, policy: Policy) -> Rc<Rooms> {
        Rc::new(Rooms {
            store,
            clock,
            limits,
            policy,
            open: RefCell::default(),
            blocks: Rc::default(),
            connections: Cell::new(0),
            closing: Cell::new(false),
        })
    }

    /// Serves a connection whose handshake is done until it ends; `leftover` are bytes that were read beyond the handshake.
    pub async fn connect(self: &Rc<Self>, socket: Box<dyn Socket>, leftover: Vec<u8>, room: RoomId) {
        let number = self.connections.get() + 1;
        self.connections.set(number);
        let own = |outlet| Member::new(Author(rand::random()), number, outlet);
        let connection = Connection::new(socket, leftover, self.limits, own).await;
        let member = connection.owner().clone();
        // Boxed, so that what was needed for joining is not kept for as long as the connection lives.
        match room.dialect {
            Dialect::Sessions | Dialect::Documents => {
                let mut handler = SessionHandler::new(self.clone(), room.clone(), member.clone());
                Box::pin(connection.run(&mut handler)).await;
                handler.leave();
            }
            Dialect::Patches | Dialect::Chat => {
                let mut handler = PlainHandler {
                    dialect: room.dialect,
                    inbox: self.join(&room, &member),
                    member: member.clone(),
                    clock: self.clock.clone(),
                };
                Box::pin(connection.run(&mut handler)).await;
                let _ = handler.inbox.send(Event::Leave(handler.member));
            }
        }
        tracing::debug!(%room, author = %member.author(), "left");
    }

    /// Tells everybody in every room that the server goes away, and who comes later as well.
    pub fn shut_down(&self) {
        self.closing.set(true);
        for inbox in self.open.borrow().values() {
            let _ = inbox.send(Event::Shutdown);
        }
    }

    /// How many rooms somebody is in.
    pub fn open(&self) -> usize {
        self.open.borrow().len()
    }

    /// What entries are stamped with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes `member` one of a room, whose task is started if it does not run.
    pub fn join(self: &Rc<Self>, room: &RoomId, member: &Rc<Member>) -> Inbox {
        let inbox = self.inbox(room);
        tracing::debug!(%room, author = %member.author(), "joined");
        // When the room has gone in this very moment, the first message finds out.
        let _ = inbox.send(Event::Join(member.clone()));
        if self.closing.get() {
            let _ = inbox.send(Event::Shutdown);
        }
        inbox
    }

    fn inbox(self: &Rc<Self>, id: &RoomId) -> Inbox {
        if let Some(inbox) = self.open.borrow().get(id).filter(|inbox| !inbox.is_closed()) {
            return inbox.clone();
        }
        let (inbox, events) = Inbox::new();
        self.open.borrow_mut().insert(id.clone(), inbox.clone());
        spawn_local(self.clone().run_room(id.clone(), inbox.clone(), events));
        inbox
    }

    async fn run_room(self: Rc<Self>, id: RoomId, inbox: Inbox, mut events: mpsc::UnboundedReceiver<Event>) {
        let terms = Terms {
            durability: self.store.durability(),
            max_message: self.limits.max_message,
            idle_timeout: self.limits.idle_timeout,
        };
        let opened = async {
            let log = self.store.open(&id).await?;
            Room::open(id.clone(), log, self.blocks.clone(), terms, self.policy).await
        };
        match opened.await {
            Ok(room) => {
                RoomTask::new(room, inbox, events)
                    .run(|| drop(self.open.borrow_mut().remove(&id)))
                    .await;
            }
            Err(error) => {
                tracing::error!(room = %id, %error, "a room could not be opened");
                self.open.borrow_mut().remove(&id);
                events.close();
                while let Some(event) = events.recv().await {
                    if let Event::Join(member) = event {
                        member
                            .outlet
                            .close(CloseCode::StorageFailed, "the room's log could not be read");
                    }
                }
            }
        }
    }
}

/// What is told to a client whose room's task has ended under it.
pub fn gone(RoomGone: RoomGone) -> Close {
    Close::new(
        CloseCode::StorageFailed,
        "the room failed; your message was not stored",
    )
}

/// What is told to a client that sends a binary message.
pub fn no_binary() -> Close {
    Close::new(
        CloseCode::UnsupportedData,
        "this room takes JSON text, not binary messages",
    )
}

/// A connection of a plain dialect: it is a member of its room from the handshake on.
struct PlainHandler {
    dialect: Dialect,
    inbox: Inbox,
    member: Rc<Member>,
    clock: Clock,
}

impl Handler for PlainHandler {
    async fn text(&mut self, text: Utf8Bytes) -> Result<(), Close> {
        match read_message(self.dialect, &text, self.member.author(), self.clock.now()) {
            Ok(Some(entry)) => {
                let submission = Submission::Entry(entry);
                self.inbox.submit(&self.member, submission).await.map_err(gone)
            }
            Ok(None) => Ok(()),
            Err(malformed) => Err(Close::new(CloseCode::MalformedMessage, malformed.to_string())),
        }
    }

    async fn binary(&mut self, _: Bytes) -> Result<(), Close> {
        Err(no_binary())
    }

    async fn blocked(&mut self) {
        // A room that has gone has aborted its members or is about to be left.
        let _ = self.inbox.send(Event::Blocked(self.member.clone()));
    }
}
