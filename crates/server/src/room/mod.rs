//! A room: one task that alone appends to the log and moves the cursors.

mod appending;
mod batch;
mod delivery;
mod document;
mod joining;
mod squashing;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::{Entries, Head};
use patchcast_protocol::ids::{Author, Seq};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::RoomId;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::batch::Batch;
use self::document::Document;
pub use self::document::SharedSnapshot;
use self::squashing::Squasher;
use crate::cursor::Pending;
use crate::dialect::{Framer, weight};
use crate::drain;
use crate::history::BlockCache;
use crate::inbox::{Event, Inbox};
use crate::limits::{MAX_INBOX_BYTES, MAX_INBOX_TURN};
use crate::log::{Log, ReadError};
use crate::member::Member;
use crate::presence::Presence;
use crate::rooms::Policy;
use crate::tail::Tail;

/// What a room's task shares with the drainers of its members, all on one thread.
pub struct Room {
    /// Its name.
    pub id: RoomId,
    /// Its log.
    pub log: Arc<dyn Log>,
    /// Blocks of history for its joiners.
    pub blocks: Rc<BlockCache>,
    /// What its clients are told of the server.
    pub terms: Terms,
    /// What the operator wants of it.
    pub policy: Policy,
    /// Of a patches room whose history is to be squashed.
    squasher: Option<Squasher>,
    state: RefCell<State>,
}

/// What the clients of sessions are told of the server when they join.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// What entries have survived that others see.
    pub durability: Durability,
    /// Bytes of the largest message that is taken.
    pub max_message: usize,
    /// How long nothing may be heard of a client.
    pub idle_timeout: Duration,
}

struct State {
    head: Head,
    tail: Tail,
    framer: Framer,
    presence: Presence,
}

impl Room {
    /// Reads what of the log must be in memory; of a document that is its value, too.
    pub async fn open(
        id: RoomId,
        log: Arc<dyn Log>,
        blocks: Rc<BlockCache>,
        terms: Terms,
        policy: Policy,
    ) -> Result<(Room, Option<Document>), ReadError> {
        let (document, head) = match id.dialect {
            Dialect::Documents => {
                let (document, head) = Document::open(&*log, policy).await?;
                (Some(document), head)
            }
            _ => (None, log.head()),
        };
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
        let squasher = match id.dialect {
            Dialect::Patches => policy.squash_after.map(Squasher::new),
            _ => None,
        };
        let (framer, tail) = Framer::start(id.dialect, head.seq, &latest, terms.durability);
        let room = Room {
            id,
            log,
            blocks,
            terms,
            policy,
            squasher,
            state: RefCell::new(State {
                head,
                tail,
                framer,
                presence: Presence::default(),
            }),
        };
        Ok((room, document))
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
    /// The value of a document.
    document: Option<Document>,
    inbox: Inbox,
    events: mpsc::UnboundedReceiver<Event>,
    members: Vec<Rc<Member>>,
    /// The newest connection of each client of sessions.
    clients: BTreeMap<Author, Rc<Member>>,
    /// Up to where every member that is not parked has been sent the log.
    delivered: Seq,
    /// Up to which version every member that watches and is not parked knows the others' presence.
    presence_told: u64,
    /// When presence may be told again.
    presence_due: Instant,
}

impl RoomTask {
    /// The task of a room to which nobody belongs yet.
    pub fn new(
        (room, document): (Room, Option<Document>),
        inbox: Inbox,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> RoomTask {
        RoomTask {
            delivered: room.newest(),
            room: Rc::new(room),
            document,
            inbox,
            events,
            members: Vec::new(),
            clients: BTreeMap::new(),
            presence_told: 0,
            presence_due: Instant::now(),
        }
    }

    /// Runs until the last member has left. `close` is asked, when nobody is left and nothing waits, and must make sure that
    /// nothing more is sent to the inbox.
    pub async fn run(mut self, close: impl FnOnce()) {
        let mut events = Vec::new();
        loop {
            self.room.squash_if_due();
            let head = self.room.newest();
            let news = self.room.state.borrow().presence.version() != self.presence_told;
            tokio::select! {
                biased;
                _ = self.events.recv_many(&mut events, MAX_INBOX_TURN) => self.turn(&mut events).await,
                () = self.room.log.changed(head) => self.follow().await,
                () = sleep_until(self.presence_due), if news => {}
            }
            if self.members.is_empty() && self.events.is_empty() && self.inbox.is_idle() {
                return close();
            }
            self.fan_out().await;
            self.tell_presence().await;
        }
    }

    async fn turn(&mut self, events: &mut Vec<Event>) {
        let mut batch = Batch::default();
        for event in events.drain(..) {
            match event {
                Event::Join(member) => match member.session() {
                    None => self.admit(member),
                    // Its own ops that came by an older connection are stored first, so that it is told of them.
                    Some(_) => {
                        self.append(std::mem::take(&mut batch)).await;
                        self.admit_client(member).await;
                    }
                },
                Event::Blocked(member) => drain::start(&self.room, &member),
                Event::Leave(member) => self.dismiss(&member),
                Event::Submit(member, submission, permit) => batch.add(member, submission, permit),
                Event::Show(member) => self.show(&member),
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
        self.append(batch).await;
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
        let client = member.author();
        if self.is_newest(member) {
            self.clients.remove(&client);
            self.room.state.borrow_mut().presence.take_away(client);
        }
    }

    fn show(&mut self, member: &Rc<Member>) {
        let Some(session) = member.session().filter(|_| self.is_newest(member)) else {
            return;
        };
        let presence = &mut self.room.state.borrow_mut().presence;
        match session.to_show.take() {
            Some(Some(data)) => presence.show(session.client, data),
            Some(None) => presence.take_away(session.client),
            None => {}
        }
    }

    /// Whether it is the connection by which its client is here.
    fn is_newest(&self, member: &Rc<Member>) -> bool {
        self.clients
            .get(&member.author())
            .is_some_and(|newest| Rc::ptr_eq(newest, member))
    }

    /// What another writer has appended next, which a document has then taken in.
    async fn read_on(&mut self) -> Result<Entries, ReadError> {
        let entries = self.room.log.read(self.room.newest(), MAX_INBOX_BYTES).await?;
        if let Some(document) = &mut self.document {
            entries.iter().try_for_each(|entry| document.fold(&entry))?;
        }
        Ok(entries)
    }

    /// Takes in what another writer has appended to the log.
    async fn follow(&mut self) {
        let head = self.room.log.head();
        while self.room.newest() < head.seq {
            let entries = match self.read_on().await {
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
            let check = self.document.as_mut().and_then(Document::check);
            let mut state = self.room.state.borrow_mut();
            let State {
                tail, framer, head, ..
            } = &mut *state;
            for entry in entries.iter() {
                framer.push(tail, &entry, check.filter(|_| entry.seq == entries.last()));
                *head = Head {
                    seq: entry.seq,
                    weight: head.weight + weight(self.room.id.dialect, entry.payload),
                };
                if let Some(session) = self
                    .clients
                    .get(&entry.author)
                    .and_then(|member| member.session())
                {
                    session.stored.set(session.stored.get().max(entry.op));
                    session.taken.set(session.taken.get().max(entry.op));
                }
            }
        }
    }
}
