//! A room: one task that alone appends to the log and moves the cursors.

use std::cell::{Cell, RefCell};
use std::io::IoSlice;
use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{Author, Seq};
use patchcast_protocol::room::RoomId;
use smallvec::SmallVec;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::cursor::{Cursor, Pending};
use crate::dialect::{Framer, weight};
use crate::drain;
use crate::history::BlockCache;
use crate::limits::{FAN_OUT_TURN, MAX_INBOX_BYTES, MAX_INBOX_TURN, MAX_SLICES};
use crate::log::{AppendError, Log, ReadError};
use crate::outlet::{Outlet, Writer};
use crate::tail::{Latest, Tail};

/// One connection as its room sees it.
pub struct Member {
    /// Under which its entries are appended.
    pub author: Author,
    /// Where its bytes go.
    pub outlet: Outlet,
    /// What it has been sent.
    pub cursor: RefCell<Cursor>,
    /// The history that it is owed before anything else, up to this head.
    pub history: Cell<Option<Head>>,
    /// Where it stands among the room's members.
    place: Cell<usize>,
}

impl Member {
    /// A connection that has not joined yet.
    pub fn new(author: Author, outlet: Outlet) -> Member {
        Member {
            author,
            outlet,
            cursor: RefCell::new(Cursor::new(Seq::START, None)),
            history: Cell::new(None),
            place: Cell::new(usize::MAX),
        }
    }
}

impl AsRef<Outlet> for Member {
    fn as_ref(&self) -> &Outlet {
        &self.outlet
    }
}

/// What a room's task is told by its connections.
pub enum Event {
    /// A connection whose handshake is done.
    Join(Rc<Member>),
    /// A message, and the place it takes in the inbox until it is appended.
    Append(Rc<Member>, NewEntry, OwnedSemaphorePermit),
    /// A connection whose socket did not take all of a control frame.
    Blocked(Rc<Member>),
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
    fn is_idle(&self) -> bool {
        self.space.available_permits() == MAX_INBOX_BYTES
    }
}

/// What a room's task shares with the drainers of its members, all on one thread.
pub struct Room {
    /// Its name.
    pub id: RoomId,
    /// Its log.
    pub log: Arc<dyn Log>,
    /// Blocks of history for its joiners.
    pub blocks: Rc<BlockCache>,
    state: RefCell<State>,
}

struct State {
    head: Head,
    tail: Tail,
    framer: Framer,
}

impl Room {
    /// Reads what of the log must be in memory.
    pub async fn open(id: RoomId, log: Arc<dyn Log>, blocks: Rc<BlockCache>) -> Result<Room, ReadError> {
        let head = log.head();
        let lookback = Framer::lookback(id.dialect);
        let after = Seq(head.seq.0.saturating_sub(lookback));
        let latest = match lookback {
            0 => Default::default(),
            _ => log.read(after, usize::MAX).await?,
        };
        // Another writer may have appended meanwhile.
        let head = if latest.is_empty() {
            head
        } else {
            Head {
                seq: latest.last(),
                ..head
            }
        };
        let (framer, tail) = Framer::start(id.dialect, head.seq, &latest);
        Ok(Room {
            id,
            log,
            blocks,
            state: RefCell::new(State { head, tail, framer }),
        })
    }

    /// What a member is to be sent next.
    pub fn pending(&self, member: &Member, max: usize) -> Pending {
        member.cursor.borrow_mut().pending(&self.state.borrow().tail, max)
    }

    /// The newest entry.
    pub fn newest(&self) -> Seq {
        self.state.borrow().head.seq
    }
}

/// The room's task: takes what came in, appends it, and only then lets the cursors move.
pub struct RoomTask {
    room: Rc<Room>,
    inbox: Inbox,
    events: mpsc::UnboundedReceiver<Event>,
    members: Vec<Rc<Member>>,
    /// Up to where every member that is not parked has been sent the log.
    delivered: Seq,
}

impl RoomTask {
    /// The task of a room to which nobody belongs yet.
    pub fn new(room: Room, inbox: Inbox, events: mpsc::UnboundedReceiver<Event>) -> RoomTask {
        RoomTask {
            delivered: room.newest(),
            room: Rc::new(room),
            inbox,
            events,
            members: Vec::new(),
        }
    }

    /// Runs until the last member has left. `close` is asked, when nobody is left and nothing waits, and must make sure that
    /// nothing more is sent to the inbox.
    pub async fn run(mut self, close: impl FnOnce()) {
        let mut events = Vec::new();
        loop {
            let head = self.room.newest();
            tokio::select! {
                biased;
                _ = self.events.recv_many(&mut events, MAX_INBOX_TURN) => self.turn(&mut events).await,
                () = self.room.log.changed(head) => self.follow().await,
            }
            if self.members.is_empty() && self.events.is_empty() && self.inbox.is_idle() {
                return close();
            }
            self.fan_out().await;
        }
    }

    async fn turn(&mut self, events: &mut Vec<Event>) {
        let mut batch = Vec::new();
        let mut authors = Vec::new();
        let mut space: Option<OwnedSemaphorePermit> = None;
        for event in events.drain(..) {
            match event {
                Event::Join(member) => self.admit(member),
                Event::Blocked(member) => drain::start(&self.room, &member),
                Event::Leave(member) => self.dismiss(&member),
                Event::Append(member, entry, permit) => {
                    batch.push(entry);
                    authors.push(member);
                    match &mut space {
                        Some(space) => space.merge(permit),
                        None => space = Some(permit),
                    }
                }
                Event::Shutdown => {
                    for member in &self.members {
                        member
                            .outlet
                            .close(CloseCode::GoingAway, "the server is shutting down");
                        drain::start(&self.room, member);
                    }
                }
            }
        }
        if !batch.is_empty() {
            self.append(batch.into(), &authors).await;
        }
    }

    fn admit(&mut self, member: Rc<Member>) {
        let (history, cursor) = {
            let state = self.room.state.borrow();
            state.framer.join(state.head, member.author)
        };
        member.history.set(history);
        *member.cursor.borrow_mut() = cursor;
        member.place.set(self.members.len());
        // A history may be long, so a drainer writes it.
        member.outlet.park();
        drain::start(&self.room, &member);
        self.members.push(member);
    }

    fn dismiss(&mut self, member: &Rc<Member>) {
        let place = member.place.get();
        if self
            .members
            .get(place)
            .is_some_and(|found| Rc::ptr_eq(found, member))
        {
            self.members.swap_remove(place);
            if let Some(moved) = self.members.get(place) {
                moved.place.set(place);
            }
        }
    }

    /// Appends a batch, however often others are faster, and frames it once the log has accepted it.
    async fn append(&mut self, batch: Arc<[NewEntry]>, authors: &[Rc<Member>]) {
        loop {
            let head = self.room.newest();
            match self.room.log.append(head, batch.clone()).await {
                Ok(head) => {
                    let mut state = self.room.state.borrow_mut();
                    let State { tail, framer, .. } = &mut *state;
                    for entry in batch.iter() {
                        framer.push(tail, entry.author, &entry.payload);
                    }
                    state.head = head;
                    return;
                }
                Err(AppendError::Conflict(_)) => self.follow().await,
                Err(error @ (AppendError::Refused(_) | AppendError::InDoubt(_))) => {
                    tracing::warn!(room = %self.room.id, entries = batch.len(), %error, "messages were not stored");
                    for author in authors {
                        author.outlet.close(
                            CloseCode::StorageFailed,
                            "your message was not stored; send it again",
                        );
                        drain::start(&self.room, author);
                    }
                    return;
                }
            }
        }
    }

    /// Takes in what another writer has appended to the log.
    async fn follow(&mut self) {
        let head = self.room.log.head();
        while self.room.newest() < head.seq {
            let entries = match self.room.log.read(self.room.newest(), MAX_INBOX_BYTES).await {
                Ok(entries) => entries,
                Err(error) => {
                    tracing::error!(room = %self.room.id, %error, "the room cannot follow its log");
                    for member in &self.members {
                        member
                            .outlet
                            .close(CloseCode::StorageFailed, "the room's log could not be read");
                        drain::start(&self.room, member);
                    }
                    return;
                }
            };
            let mut state = self.room.state.borrow_mut();
            let State { tail, framer, head } = &mut *state;
            for entry in entries.iter() {
                framer.push(tail, entry.author, entry.payload);
                *head = Head {
                    seq: entry.seq,
                    weight: head.weight + weight(self.room.id.dialect, entry.payload),
                };
            }
        }
    }

    /// Writes to every member whose socket takes it what lies between its cursor and the head.
    async fn fan_out(&mut self) {
        let (head, latest) = {
            let state = self.room.state.borrow();
            (state.head.seq, state.tail.latest(self.delivered.next()))
        };
        // Who joins or comes back from a drainer is not behind.
        if head == self.delivered {
            return;
        }
        for (count, member) in self.members.iter().enumerate() {
            if count % FAN_OUT_TURN == FAN_OUT_TURN - 1 {
                tokio::task::yield_now().await;
            }
            if member.cursor.borrow().next() <= head {
                deliver(&self.room, member, latest.as_ref());
            }
        }
        self.delivered = head;
    }
}

/// Writes what the member's socket takes now; if it does not take all, a drainer goes on.
fn deliver(room: &Rc<Room>, member: &Rc<Member>, latest: Option<&Latest>) {
    while member.outlet.writer() == Writer::Room && member.outlet.is_open() {
        let mut cursor = member.cursor.borrow_mut();
        if let Some(run) = latest.and_then(|latest| latest.owed(cursor.next(), cursor.skip())) {
            let bytes = run.as_slice();
            match member.outlet.write_now(&[IoSlice::new(bytes)], bytes.len()) {
                written if written == bytes.len() => cursor.jump(run.next),
                written => cursor.advance([run.clone()].into(), written),
            }
            continue;
        }
        match cursor.pending(&room.state.borrow().tail, MAX_SLICES) {
            Pending::Nothing => return,
            Pending::Forgotten => member.outlet.park(),
            Pending::Runs(runs) => {
                let written = {
                    let slices: SmallVec<[_; 4]> =
                        runs.iter().map(|run| IoSlice::new(run.as_slice())).collect();
                    let total = slices.iter().map(|slice| slice.len()).sum();
                    member.outlet.write_now(&slices, total)
                };
                cursor.advance(runs, written);
            }
        }
    }
    drain::start(room, member);
}
