//! A room: one task that alone appends to the log and moves the cursors.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{Author, OpId, Position, Seq};
use patchcast_protocol::limits::MAX_SAFE_INTEGER;
use patchcast_protocol::message::{
    Durability, PresenceChange, ResetCode, ServerMessage, Welcome, write_server,
};
use patchcast_protocol::room::RoomId;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};

use crate::batch::{Batch, answer_again, not_stored_yet};
use crate::cursor::{Cursor, Pending};
use crate::dialect::{Framer, weight};
use crate::drain;
use crate::frame::push_text;
use crate::history::BlockCache;
use crate::inbox::{Event, Inbox};
use crate::limits::{FAN_OUT_TURN, MAX_INBOX_BYTES, MAX_INBOX_TURN, MAX_SLICES};
use crate::log::{AppendError, Log, ReadError};
use crate::member::Member;
use crate::outlet::Writer;
use crate::presence::{Presence, pause_after};
use crate::tail::{Latest, Tail};

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
    /// Reads what of the log must be in memory.
    pub async fn open(
        id: RoomId,
        log: Arc<dyn Log>,
        blocks: Rc<BlockCache>,
        terms: Terms,
    ) -> Result<Room, ReadError> {
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
        let (framer, tail) = Framer::start(id.dialect, head.seq, &latest, terms.durability);
        Ok(Room {
            id,
            log,
            blocks,
            terms,
            state: RefCell::new(State {
                head,
                tail,
                framer,
                presence: Presence::default(),
            }),
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

    /// The frame that tells a member what it does not know yet of the others' presence, and notes that it knows it now.
    pub fn news_of_presence(&self, member: &Member) -> Option<Vec<u8>> {
        let session = member.session().filter(|session| session.watches)?;
        let state = self.state.borrow();
        let frame = state
            .presence
            .since(session.presence_seen.get())
            .map(presence_frame);
        session.presence_seen.set(state.presence.version());
        frame
    }
}

fn presence_frame(change: PresenceChange<&RawValue>) -> Vec<u8> {
    let mut frame = Vec::new();
    push_text(
        &mut frame,
        write_server(&ServerMessage::Presence(change)).as_bytes(),
    );
    frame
}

/// The room's task: takes what came in, appends it, and only then lets the cursors move.
pub struct RoomTask {
    room: Rc<Room>,
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
    pub fn new(room: Room, inbox: Inbox, events: mpsc::UnboundedReceiver<Event>) -> RoomTask {
        RoomTask {
            delivered: room.newest(),
            room: Rc::new(room),
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
                Event::Append(member, entry, permit) => batch.add(member, entry, permit),
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

    /// Lets in a connection of a plain dialect.
    fn admit(&mut self, member: Rc<Member>) {
        let (history, cursor) = {
            let state = self.room.state.borrow();
            state.framer.join(state.head, member.author())
        };
        member.history.set(history);
        *member.cursor.borrow_mut() = cursor;
        self.enlist(member);
    }

    /// Lets in a client that said hello.
    async fn admit_client(&mut self, member: Rc<Member>) {
        let Some(session) = member.session() else { return };
        // By the order of the handshakes: a hello may be so long under way that its client has given that connection up, and the
        // one that it made instead is here.
        match self.clients.get(&session.client) {
            Some(known) if known.number > member.number => return self.replace(&member),
            _ => {}
        }
        if let Some(older) = self.clients.insert(session.client, member.clone()) {
            self.replace(&older);
            self.room.state.borrow_mut().presence.take_away(session.client);
        }
        let last_op = match self.room.log.last_op(session.client, LAST_OP_ID).await {
            Ok(last_op) => last_op.map_or(OpId::NONE, |(id, _)| id),
            Err(error) => {
                tracing::error!(room = %self.room.id, %error, "a client's last op could not be read");
                session.cut.set(true);
                member
                    .outlet
                    .close(CloseCode::StorageFailed, "the room's log could not be read");
                drain::start(&self.room, &member);
                return;
            }
        };
        session.stored.set(last_op);
        session.taken.set(last_op);
        if session.since.is_some_and(|since| since.seq > self.room.newest()) {
            // Another writer may have appended what this client has seen there.
            self.follow().await;
        }
        let (epoch, head) = (self.room.log.epoch(), self.room.newest());
        let (after, reset) = start_of(session.since, Position { epoch, seq: head });
        if let Some((code, reason)) = reset {
            member.tell(&ServerMessage::Reset { code, reason });
        }
        let terms = &self.room.terms;
        member.tell(&ServerMessage::Welcome(Welcome {
            client: session.client,
            epoch,
            head,
            last_op,
            durability: terms.durability,
            max_message: terms.max_message as u64,
            idle_timeout: terms.idle_timeout.as_millis() as u64,
        }));
        *member.cursor.borrow_mut() = Cursor::new(after.next(), Some(session.client), head.next());
        self.enlist(member);
    }

    fn enlist(&mut self, member: Rc<Member>) {
        member.place.set(self.members.len());
        // A history may be long, so a drainer writes it.
        member.outlet.park();
        drain::start(&self.room, &member);
        self.members.push(member);
    }

    /// Ends the connection of a client that has come by a newer one. What the older had under way and is not in the log by now is
    /// dropped: so the newer learns on joining of everything that ever became of the client's ops.
    fn replace(&mut self, older: &Rc<Member>) {
        if let Some(session) = older.session() {
            session.cut.set(true);
        }
        older.outlet.close(
            CloseCode::Replaced,
            "this client has joined by another connection",
        );
        drain::start(&self.room, older);
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

    /// Appends a batch, however often others are faster, and frames it once the log has accepted it.
    async fn append(&mut self, batch: Batch) {
        let Batch {
            entries,
            mut authors,
            again,
            space,
        } = batch;
        let mut entries: Arc<[NewEntry]> = entries.into();
        while !entries.is_empty() {
            let head = self.room.newest();
            match self.room.log.append(head, entries.clone()).await {
                Ok(head) => {
                    self.accept(&entries, head);
                    for (entry, author) in entries.iter().zip(&authors) {
                        if let Some(session) = author.session() {
                            session.stored.set(entry.op);
                        }
                    }
                    break;
                }
                Err(AppendError::Conflict(_)) => {
                    self.follow().await;
                    (entries, authors) = not_stored_yet(&entries, authors);
                }
                Err(error @ (AppendError::Refused(_) | AppendError::InDoubt(_))) => {
                    tracing::warn!(room = %self.room.id, entries = entries.len(), %error, "messages were not stored");
                    for author in &authors {
                        // What it sent behind this would take the place of this.
                        if let Some(session) = author.session() {
                            session.cut.set(true);
                        }
                        author.outlet.close(
                            CloseCode::StorageFailed,
                            "your message was not stored; send it again",
                        );
                        drain::start(&self.room, author);
                    }
                    break;
                }
            }
        }
        drop(space);
        if !again.is_empty() {
            spawn_local(answer_again(self.room.clone(), again));
        }
    }

    /// Takes in entries that are in the log now, whose head is `head`.
    fn accept(&mut self, entries: &[NewEntry], head: Head) {
        let mut state = self.room.state.borrow_mut();
        let State { tail, framer, .. } = &mut *state;
        for entry in entries {
            framer.push(tail, &entry.at(tail.next()));
        }
        state.head = head;
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
            let State {
                tail, framer, head, ..
            } = &mut *state;
            for entry in entries.iter() {
                framer.push(tail, &entry);
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

    /// Tells those who watch what has changed of the others' presence, when it is time to.
    async fn tell_presence(&mut self) {
        let (version, news) = {
            let state = self.room.state.borrow();
            let version = state.presence.version();
            if version == self.presence_told || Instant::now() < self.presence_due {
                return;
            }
            (
                version,
                state.presence.since(self.presence_told).map(presence_frame),
            )
        };
        let (mut bytes, mut readers) = (0, 0);
        for (count, member) in self.members.iter().enumerate() {
            if count % FAN_OUT_TURN == FAN_OUT_TURN - 1 {
                tokio::task::yield_now().await;
            }
            // Whoever is parked is told by its drainer, when it has caught up.
            let ready = member.outlet.writer() == Writer::Room && member.outlet.is_open();
            let Some(session) = member.session().filter(|session| session.watches && ready) else {
                continue;
            };
            let behind;
            let frame = if session.presence_seen.get() == self.presence_told {
                session.presence_seen.set(version);
                &news
            } else {
                behind = self.room.news_of_presence(member);
                &behind
            };
            if let Some(frame) = frame {
                member.outlet.send_control(frame);
                drain::start(&self.room, member);
                bytes += frame.len();
                readers += 1;
            }
        }
        self.presence_told = version;
        self.presence_due = Instant::now() + pause_after(bytes);
        tracing::trace!(room = %self.room.id, readers, bytes, "presence was told");
    }
}

/// The position from which a client is served that wants to go on from `since` in a log whose end is `end`, and what is wrong
/// with what it asked for.
fn start_of(since: Option<Position>, end: Position) -> (Seq, Option<(ResetCode, String)>) {
    match since {
        None => (Seq::START, None),
        Some(since) if since.seq == Seq::START => (Seq::START, None),
        Some(since) if since.epoch != end.epoch => {
            let reason = "the position is of another log; everything comes again from the start".into();
            (Seq::START, Some((ResetCode::OtherEpoch, reason)))
        }
        Some(since) if since.seq > end.seq => {
            let reason = format!(
                "the position lies beyond {}, the newest; everything comes again from the start",
                end.seq
            );
            (Seq::START, Some((ResetCode::Ahead, reason)))
        }
        Some(since) => (since.seq, None),
    }
}

/// Writes what the member's socket takes now; if it does not take all, a drainer goes on.
fn deliver(room: &Rc<Room>, member: &Rc<Member>, latest: Option<&Latest>) {
    while member.outlet.writer() == Writer::Room && member.outlet.is_open() {
        let mut cursor = member.cursor.borrow_mut();
        if let Some(run) = latest.and_then(|latest| latest.owed(cursor.next(), cursor.reader())) {
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

/// Above all ids.
const LAST_OP_ID: OpId = OpId(MAX_SAFE_INTEGER);
