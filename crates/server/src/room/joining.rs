//! Who joins a room: from where a connection is served, and what it is told first.

use std::rc::Rc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::ids::{OpId, Position, Seq};
use patchcast_protocol::limits::MAX_SAFE_INTEGER;
use patchcast_protocol::message::{ResetCode, ServerMessage, Welcome};

use super::{RoomTask, SharedSnapshot};
use crate::cursor::Cursor;
use crate::drain;
use crate::member::Member;

impl RoomTask {
    /// Lets in a connection of a plain dialect.
    pub(super) fn admit(&mut self, member: Rc<Member>) {
        let (history, cursor) = {
            let state = self.room.state.borrow();
            state.framer.join(state.head, member.author())
        };
        member.history.set(history);
        *member.cursor.borrow_mut() = cursor;
        self.enlist(member);
    }

    /// Lets in a client that said hello.
    pub(super) async fn admit_client(&mut self, member: Rc<Member>) {
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
        if self.document.is_some() && !self.begin(&member, session).await {
            return;
        }
        let (epoch, head) = (self.room.log.epoch(), self.room.newest());
        let (after, reset) = start_of(session.since, Position { epoch, seq: head });
        if let Some((code, reason)) = reset {
            member.tell(&ServerMessage::Reset { code, reason });
        }
        let snapshot = self.snapshot_for(after);
        let after = snapshot.as_ref().map_or(after, |snapshot| snapshot.head.seq);
        let terms = &self.room.terms;
        member.tell(&ServerMessage::Welcome(Welcome {
            client: session.client,
            epoch,
            head,
            last_op,
            durability: terms.durability,
            max_message: terms.max_message as u64,
            idle_timeout: terms.idle_timeout.as_millis() as u64,
            snapshot: snapshot.as_ref().map(|snapshot| snapshot.head.seq),
        }));
        session.snapshot.replace(snapshot);
        *member.cursor.borrow_mut() = Cursor::new(after.next(), Some(session.client), head.next());
        self.enlist(member);
    }

    /// The state of a document, for a client that cannot be sent all entries after a position, or that would take longer with them.
    fn snapshot_for(&mut self, after: Seq) -> Option<Rc<SharedSnapshot>> {
        let document = self.document.as_mut()?;
        let state = self.room.state.borrow();
        let oldest = match state.head.seq.since(after) <= document.max_replay {
            true => self.room.log.first(),
            false => state.tail.first(),
        };
        let is_short = after > Seq::START && after.next() >= oldest;
        (!is_short).then(|| document.snapshot(state.head))
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

/// Above all ids.
const LAST_OP_ID: OpId = OpId(MAX_SAFE_INTEGER);
