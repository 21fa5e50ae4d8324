//! What a room appends together, and what it answers ops that it knows already.

use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::message::{Ack, Reject, RejectCode, ServerMessage};
use tokio::sync::OwnedSemaphorePermit;

use super::Room;
use crate::dialect::ack;
use crate::drain;
use crate::log::ReadError;
use crate::member::Member;

/// What a room's turn takes together.
#[derive(Default)]
pub struct Batch {
    /// What is to be appended.
    pub entries: Vec<NewEntry>,
    /// Who asked for each of them.
    pub authors: Vec<Rc<Member>>,
    /// Ops that their clients have sent before. Their places in the inbox are kept until they are answered: so a flood of them is held
    /// back as any other is.
    pub again: Vec<(Rc<Member>, NewEntry, OwnedSemaphorePermit)>,
    /// The place in the inbox that the entries take.
    pub space: Option<OwnedSemaphorePermit>,
}

impl Batch {
    /// Takes in a message. Ops of a connection that is cut off go nowhere.
    pub fn add(&mut self, member: Rc<Member>, entry: NewEntry, permit: OwnedSemaphorePermit) {
        if let Some(session) = member.session() {
            if session.cut.get() {
                return;
            }
            if entry.op <= session.taken.get() {
                self.again.push((member, entry, permit));
                return;
            }
            session.taken.set(entry.op);
        }
        match &mut self.space {
            Some(space) => space.merge(permit),
            None => self.space = Some(permit),
        }
        self.entries.push(entry);
        self.authors.push(member);
    }
}

/// Those of a batch that another writer has not stored meanwhile. Of the others their authors hear by the log.
pub fn not_stored_yet(entries: &[NewEntry], authors: Vec<Rc<Member>>) -> (Arc<[NewEntry]>, Vec<Rc<Member>>) {
    let is_new = |(entry, author): &(&NewEntry, Rc<Member>)| match author.session() {
        Some(session) => entry.op > session.stored.get(),
        None => true,
    };
    let (entries, authors): (Vec<_>, Vec<_>) = entries
        .iter()
        .zip(authors)
        .filter(is_new)
        .map(|(entry, author)| (entry.clone(), author))
        .unzip();
    (entries.into(), authors)
}

/// Answers ops whose ids their clients have used before, one after the other.
pub async fn answer_again(room: Rc<Room>, again: Vec<(Rc<Member>, NewEntry, OwnedSemaphorePermit)>) {
    for (member, entry, permit) in again {
        answer(&room, &member, entry).await;
        drop(permit);
    }
}

async fn answer(room: &Rc<Room>, member: &Rc<Member>, entry: NewEntry) {
    let id = entry.op;
    let reject = |code, reason: &str| {
        ServerMessage::Reject(Reject {
            id,
            code,
            reason: reason.into(),
            path: None,
            after: None,
        })
    };
    let answer = match find_op(room, &entry).await {
        Ok(Some((ack, payload))) if payload == entry.payload => {
            // What has not been sent yet is acknowledged in its place.
            if ack.seq >= member.cursor.borrow().next() {
                return;
            }
            ServerMessage::Ack(ack)
        }
        Ok(Some(_)) => reject(RejectCode::IdReused, "this id is that of another op"),
        Ok(None) => reject(
            RejectCode::IdPassed,
            "a later op is in the log, and this one is not",
        ),
        Err(error) => {
            tracing::error!(room = %room.id, %error, "an op could not be looked up");
            member
                .outlet
                .close(CloseCode::StorageFailed, "the room's log could not be read");
            drain::start(room, member);
            return;
        }
    };
    member.tell(&answer);
    drain::start(room, member);
}

/// The entry that the op of this author and id became, and what it says.
async fn find_op(room: &Room, op: &NewEntry) -> Result<Option<(Ack, Vec<u8>)>, ReadError> {
    let seq = match room.log.last_op(op.author, op.op).await? {
        Some((id, seq)) if id == op.op => seq,
        _ => return Ok(None),
    };
    let entries = room.log.read(Seq(seq.0 - 1), 1).await?;
    let found = entries.iter().next();
    Ok(found.map(|entry| (ack(&entry, room.terms.durability), entry.payload.to_vec())))
}
