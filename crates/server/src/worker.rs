//! One thread of the server: the rooms that are pinned to it, and their connections.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpStream as StdTcpStream;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Author;
use patchcast_protocol::room::RoomId;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

use crate::clock::Clock;
use crate::connection::{Close, Connection, ConnectionLimits, Handler};
use crate::dialect::read_message;
use crate::history::BlockCache;
use crate::limits::SHUTDOWN_TIMEOUT;
use crate::log::Store;
use crate::room::{Event, Inbox, Member, Room, RoomGone, RoomTask};
use crate::socket::Socket;

/// A socket whose handshake is done, on its way to its room's thread.
pub struct Accepted {
    /// The socket.
    pub stream: StdTcpStream,
    /// What was read of it beyond the handshake.
    pub leftover: Vec<u8>,
    /// Where it goes.
    pub room: RoomId,
    /// Its place among all connections, given back when it ends.
    pub permit: OwnedSemaphorePermit,
}

/// The way to a worker thread.
pub struct Worker {
    accepted: mpsc::UnboundedSender<Accepted>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Worker {
    /// Starts a thread that serves rooms until `shutdown` changes.
    pub fn start(
        name: String,
        store: Arc<dyn Store>,
        limits: ConnectionLimits,
        shutdown: watch::Receiver<bool>,
    ) -> std::io::Result<Worker> {
        let (accepted, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new().name(name).spawn(move || {
            let rooms = Rooms::new(store, Clock::system(), limits);
            LocalSet::new().block_on(&runtime, serve(rooms, receiver, shutdown));
        })?;
        Ok(Worker {
            accepted,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Hands over a socket. During a shutdown it is dropped.
    pub fn take(&self, accepted: Accepted) {
        // The receiver is gone only when the worker has shut down.
        let _ = self.accepted.send(accepted);
    }

    /// Waits until the thread, which was told to shut down, has closed its connections.
    pub fn join(&self) {
        let thread = self
            .thread
            .lock()
            .expect("no code panics while it holds this lock")
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a worker thread panicked");
        }
    }
}

async fn serve(
    rooms: Rc<Rooms>,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    mut shutdown: watch::Receiver<bool>,
) {
    // Every connection holds a sender, so the receiver ends when the last of them has.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let start = |accepted: Accepted| {
        let (rooms, alive) = (rooms.clone(), alive.clone());
        spawn_local(async move {
            match own(accepted.stream) {
                Ok(stream) => {
                    Box::pin(rooms.connect(Box::new(stream), accepted.leftover, accepted.room)).await;
                }
                Err(error) => tracing::debug!(%error, "a connection could not be taken over"),
            }
            drop((alive, accepted.permit));
        });
    };
    loop {
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
            connection = accepted.recv() => match connection {
                Some(connection) => start(connection),
                None => break,
            }
        }
    }
    rooms.shut_down();
    // Those whose handshake was answered before join once more, to be told why they have to go.
    accepted.close();
    while let Some(connection) = accepted.recv().await {
        start(connection);
    }
    drop(alive);
    if timeout(SHUTDOWN_TIMEOUT, all_gone.recv()).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
}

fn own(stream: StdTcpStream) -> std::io::Result<TcpStream> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection as a member of a room.
struct RoomHandler {
    dialect: Dialect,
    inbox: Inbox,
    member: Rc<Member>,
    clock: Clock,
}

impl Handler for RoomHandler {
    async fn text(&mut self, text: Utf8Bytes) -> Result<(), Close> {
        match read_message(self.dialect, &text, self.member.author, self.clock.now()) {
            Ok(Some(entry)) => self.inbox.append(&self.member, entry).await.map_err(|RoomGone| {
                Close::new(
                    CloseCode::StorageFailed,
                    "the room failed; your message was not stored",
                )
            }),
            Ok(None) => Ok(()),
            Err(malformed) => Err(Close::new(CloseCode::MalformedMessage, malformed.to_string())),
        }
    }

    async fn binary(&mut self, _: Bytes) -> Result<(), Close> {
        Err(Close::new(
            CloseCode::UnsupportedData,
            "this room takes JSON text, not binary messages",
        ))
    }

    async fn blocked(&mut self) {
        // A room that has gone has aborted its members or is about to be left.
        let _ = self.inbox.send(Event::Blocked(self.member.clone()));
    }
}

/// The rooms of one thread that somebody is in, and the way into them from the bytes of a connection inwards: it knows neither
/// threads nor TCP, and its tasks are those of the [`LocalSet`] in which it is used.
pub struct Rooms {
    store: Arc<dyn Store>,
    clock: Clock,
    limits: ConnectionLimits,
    open: RefCell<BTreeMap<RoomId, Inbox>>,
    blocks: Rc<BlockCache>,
    /// Set by a shutdown: who joins from now on is sent away.
    closing: Cell<bool>,
}

impl Rooms {
    /// Rooms whose logs are in `store`, and of which none is open yet.
    pub fn new(store: Arc<dyn Store>, clock: Clock, limits: ConnectionLimits) -> Rc<Rooms> {
        Rc::new(Rooms {
            store,
            clock,
            limits,
            open: RefCell::default(),
            blocks: Rc::default(),
            closing: Cell::new(false),
        })
    }

    /// Serves a connection whose handshake is done until it ends; `leftover` are bytes that were read beyond the handshake.
    pub async fn connect(self: &Rc<Self>, socket: Box<dyn Socket>, leftover: Vec<u8>, room: RoomId) {
        let join = |outlet| Member::new(Author(rand::random()), outlet);
        let connection = Connection::new(socket, leftover, self.limits, join).await;
        let member = connection.owner().clone();
        let mut handler = RoomHandler {
            dialect: room.dialect,
            inbox: self.inbox(&room),
            member,
            clock: self.clock.clone(),
        };
        tracing::debug!(%room, author = %handler.member.author, "joined");
        // When the room has gone in this very moment, the first message finds out.
        let _ = handler.inbox.send(Event::Join(handler.member.clone()));
        if self.closing.get() {
            let _ = handler.inbox.send(Event::Shutdown);
        }
        // Boxed, so that what was needed for joining is not kept for as long as the connection lives.
        Box::pin(connection.run(&mut handler)).await;
        tracing::debug!(%room, author = %handler.member.author, "left");
        let _ = handler.inbox.send(Event::Leave(handler.member));
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

    /// The inbox of a room, whose task is started if it does not run.
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
        let opened = async {
            let log = self.store.open(&id).await?;
            Room::open(id.clone(), log, self.blocks.clone()).await
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
