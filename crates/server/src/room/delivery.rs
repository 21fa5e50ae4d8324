//! What a room writes to its members: entries, and who is there.

use std::io::IoSlice;
use std::rc::Rc;

use patchcast_protocol::message::{PresenceChange, ServerMessage, write_server};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{Room, RoomTask};
use crate::cursor::Pending;
use crate::drain;
use crate::frame::push_text;
use crate::limits::{FAN_OUT_TURN, MAX_SLICES};
use crate::member::Member;
use crate::outlet::Writer;
use crate::presence::pause_after;
use crate::tail::Latest;

impl Room {
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

impl RoomTask {
    /// Writes to every member whose socket takes it what lies between its cursor and the head.
    pub(super) async fn fan_out(&mut self) {
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
    pub(super) async fn tell_presence(&mut self) {
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

fn presence_frame(change: PresenceChange<&RawValue>) -> Vec<u8> {
    let mut frame = Vec::new();
    push_text(
        &mut frame,
        write_server(&ServerMessage::Presence(change)).as_bytes(),
    );
    frame
}
