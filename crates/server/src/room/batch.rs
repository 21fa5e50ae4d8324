//! What a room appends together, and what it answers ops that it knows already.

use std::rc::Rc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::ids::{Seq, Timestamp};
use patchcast_protocol::message::{Ack, Reject, RejectCode, ServerMessage};
use tokio::sync::OwnedSemaphorePermit;

use super::Room;
use crate::dialect::push_own;
use crate::document::record::{self, SentHash};
use crate::drain;
use crate::inbox::Submission;
use crate::log::ReadError;
use crate::member::Member;

/// What a room's turn takes together.
#[derive(Default)]
pub struct Batch {
    /// What is to be appended, and who asked for it.
    pub submissions: Vec<(Rc<Member>, Submission)>,
    /// Ops that their clients have sent before. Their places in the inbox are kept until they are answered: so a flood of them is held
    /// back as any other is.
    pub again: Vec<(Rc<Member>, Submission, OwnedSemaphorePermit)>,
    /// The place in the inbox that the submissions take.
    pub space: Option<OwnedSemaphorePermit>,
}

impl Batch {
    /// Takes in a message. Ops of a connection that is cut off go nowhere.
    pub fn add(&mut self, member: Rc<Member>, submission: Submission, permit: OwnedSemaphorePermit) {
        if let Some(session) = member.session() {
            if session.cut.get() {
                return;
            }
            if submission.op() <= session.taken.get() {
                self.again.push((member, submission, permit));
                return;
            }
            session.taken.set(submission.op());
        }
        match &mut self.space {
            Some(space) => space.merge(permit),
            None => self.space = Some(permit),
        }
        self.submissions.push((member, submission));
    }
}

/// Answers ops whose ids their clients have used before, one after the other.
pub async fn answer_again(room: Rc<Room>, again: Vec<(Rc<Member>, Submission, OwnedSemaphorePermit)>) {
    for (member, submission, permit) in again {
        answer(&room, &member, &submission).await;
        drop(permit);
    }
}

async fn answer(room: &Rc<Room>, member: &Rc<Member>, submission: &Submission) {
    let reject = |code, reason: &str| {
        member.tell(&ServerMessage::Reject(Reject {
            id: submission.op(),
            code,
            reason: reason.into(),
            path: None,
            after: None,
        }));
    };
    match find(room, member, submission).await {
        // What has not been sent yet is acknowledged in its place.
        Ok(Found::Same { seq, .. }) if seq >= member.cursor.borrow().next() => return,
        Ok(Found::Same { ack, .. }) => member.tell_text(&ack),
        Ok(Found::Other) => reject(RejectCode::IdReused, "this id is that of another op"),
        Ok(Found::Nothing) => reject(
            RejectCode::IdPassed,
            "a later op is in the log, and this one is not",
        ),
        Err(error) => {
            tracing::error!(room = %room.id, %error, "an op could not be looked up");
            member
                .outlet
                .close(CloseCode::StorageFailed, "the room's log could not be read");
        }
    }
    drain::start(room, member);
}

/// What the log has under an op's author and id.
enum Found {
    /// The same op, and the text that acknowledges it.
    Same {
        seq: Seq,
        ack: Vec<u8>,
    },
    Other,
    Nothing,
}

async fn find(room: &Room, member: &Member, submission: &Submission) -> Result<Found, ReadError> {
    let (author, op) = (member.author(), submission.op());
    let seq = match room.log.last_op(author, op).await? {
        Some((id, seq)) if id == op => seq,
        _ => return Ok(Found::Nothing),
    };
    let durability = room.terms.durability;
    let mut ack = Vec::new();
    let entries = match room.log.read(Seq(seq.0 - 1), 1).await {
        Ok(entries) => entries,
        // What it said is not kept any more, only that it was there.
        Err(ReadError::Forgotten { .. }) => {
            let time = Timestamp::default();
            let known = Ack {
                id: op,
                seq,
                time,
                durability,
            };
            patchcast_protocol::message::push_ack(&mut ack, &known);
            return Ok(Found::Same { seq, ack });
        }
        Err(error) => return Err(error),
    };
    let Some(entry) = entries.iter().next() else {
        return Ok(Found::Nothing);
    };
    let is_same = match submission {
        Submission::Entry(sent) => sent.payload == entry.payload,
        Submission::Change { change, .. } => record::sent_hash(entry.payload) == Some(SentHash::of(change)),
        Submission::Refused(_) => false,
    };
    push_own(room.id.dialect, &mut ack, &entry, durability);
    Ok(if is_same {
        Found::Same { seq, ack }
    } else {
        Found::Other
    })
}
