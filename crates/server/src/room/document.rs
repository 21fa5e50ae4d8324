//! What the room of a document does beyond a stream's: it makes of each op what becomes an entry, and keeps the value that its log adds up
//! to.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::{Entry, Head, NewEntry};
use patchcast_protocol::ids::{OpId, Seq, StateHash};
use patchcast_protocol::message::{Change, ErrorCode, Reject, ServerMessage, push_snapshot};
use serde_json::value::RawValue;
use tokio::task::spawn_local;

use super::RoomTask;
use super::appending::{is_new, note_stored};
use crate::document::{Accepted, Answer, Bridge, Folded, Refused};
use crate::drain;
use crate::frame::push_text_with;
use crate::inbox::Submission;
use crate::limits::{BLOCK_BYTES, MAX_SHARED_TAIL_BYTES};
use crate::log::{AppendError, Log, ReadError, Snapshot};
use crate::member::{Member, Session};
use crate::rooms::Policy;

/// The value of a document's room.
pub struct Document {
    folded: Folded,
    /// Entries that are sent one by one rather than a state.
    pub(super) max_replay: u64,
    /// What the last joiners were sent.
    shared: Option<Rc<SharedSnapshot>>,
    /// Whether a snapshot is on its way to the store.
    saving: Rc<Cell<bool>>,
}

/// The state of a document as it goes on the wire, framed once for all who join until much has changed.
pub struct SharedSnapshot {
    /// As of when.
    pub head: Head,
    /// The frame.
    pub frame: Vec<u8>,
}

impl Document {
    /// What the log adds up to: its newest snapshot, and the entries after it.
    pub async fn open(log: &dyn Log, policy: Policy) -> Result<(Document, Head), ReadError> {
        let folded = match log.snapshot().await? {
            None => Folded::new(policy.max_document),
            Some(Snapshot { seq, state }) => {
                Folded::open(seq, &state, policy.max_document).map_err(damaged)?
            }
        };
        let mut folded = folded.at_pace(policy.pace);
        loop {
            let head = log.head();
            if folded.head() == head.seq {
                let document = Document {
                    folded,
                    max_replay: policy.pace.max_replay,
                    shared: None,
                    saving: Rc::default(),
                };
                return Ok((document, head));
            }
            for entry in log.read(folded.head(), BLOCK_BYTES).await?.iter() {
                folded.fold(&entry).map_err(damaged)?;
            }
        }
    }

    /// Takes in an entry that another writer has appended.
    pub fn fold(&mut self, entry: &Entry<'_>) -> Result<(), ReadError> {
        self.folded.fold(entry).map_err(damaged)
    }

    /// What clients can compare their state with, when it is time to.
    pub fn check(&mut self) -> Option<StateHash> {
        self.folded.check()
    }

    /// The state for a joiner. It may be some entries old: those are sent after it.
    pub fn snapshot(&mut self, head: Head) -> Rc<SharedSnapshot> {
        let is_fresh = |shared: &&Rc<SharedSnapshot>| {
            let bytes = MAX_SHARED_TAIL_BYTES.max(shared.frame.len() / 4) as u64;
            head.seq.since(shared.head.seq) <= self.max_replay && head.weight - shared.head.weight <= bytes
        };
        if let Some(shared) = self.shared.as_ref().filter(is_fresh) {
            return shared.clone();
        }
        let state = self.folded.value().to_string();
        let mut frame = Vec::with_capacity(state.len() + 64);
        push_text_with(&mut frame, |text| push_snapshot(text, head.seq, state.as_bytes()));
        let shared = Rc::new(SharedSnapshot { head, frame });
        self.shared = Some(shared.clone());
        shared
    }
}

/// What became of the submissions of one turn, before any of it is stored.
#[derive(Default)]
struct Made {
    entries: Vec<NewEntry>,
    authors: Vec<Rc<Member>>,
    refused: Vec<(Rc<Member>, Reject)>,
}

impl RoomTask {
    /// Makes ops one after the other, and appends what they have become, however often others are faster.
    pub(super) async fn change(&mut self, mut submissions: Vec<(Rc<Member>, Submission)>) {
        while !submissions.is_empty() {
            let made = match self.make(&submissions).await {
                Ok(made) => made,
                Err(error) => {
                    self.settle(&submissions, Settled::RolledBack);
                    return self.send_away(
                        &authors_of(&submissions),
                        &AppendError::Refused(error.to_string()),
                    );
                }
            };
            let entries: Arc<[NewEntry]> = made.entries.into();
            let newest = self.room.state.borrow().head;
            let appended = match entries.is_empty() {
                // What is refused is no work for the store.
                true => Ok(newest),
                false => self.room.log.append(newest.seq, entries.clone()).await,
            };
            match appended {
                Ok(head) => {
                    self.settle(&submissions, Settled::Stored);
                    let check = self.document_mut().check();
                    self.accept(&entries, head, check);
                    note_stored(&entries, &made.authors);
                    self.tell_refused(made.refused);
                    return self.save();
                }
                Err(AppendError::Conflict(_)) => {
                    self.settle(&submissions, Settled::RolledBack);
                    self.follow().await;
                    submissions.retain(|(author, submission)| is_new(author, submission.op()));
                }
                Err(error @ (AppendError::Refused(_) | AppendError::InDoubt(_))) => {
                    self.settle(&submissions, Settled::RolledBack);
                    return self.send_away(&authors_of(&submissions), &error);
                }
            }
        }
    }

    /// Makes the document, if nobody has yet. `false` when the client's initial value is none.
    pub(super) async fn begin(&mut self, member: &Rc<Member>, session: &Session) -> bool {
        let Some((initial, time)) = session.initial.take() else {
            return true;
        };
        while self.room.newest() == Seq::START {
            let begun = self.document_mut().folded.begin(session.client, initial.clone());
            let Accepted { payload, .. } = match begun {
                Ok(accepted) => accepted,
                Err(Refused { reason, .. }) => {
                    refuse_initial(member, reason);
                    drain::start(&self.room, member);
                    return false;
                }
            };
            let entry = NewEntry {
                author: session.client,
                op: OpId::NONE,
                time,
                weight: payload.len() as u64,
                payload,
            };
            let entries: Arc<[NewEntry]> = [entry].into();
            match self.room.log.append(Seq::START, entries.clone()).await {
                Ok(head) => {
                    self.document_mut().folded.settle();
                    self.accept(&entries, head, None);
                }
                Err(AppendError::Conflict(_)) => {
                    self.document_mut().folded.roll_back();
                    self.follow().await;
                }
                Err(error) => {
                    self.document_mut().folded.roll_back();
                    self.send_away(std::slice::from_ref(member), &error);
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn document_mut(&mut self) -> &mut Document {
        self.document
            .as_mut()
            .expect("only a document's room asks for it")
    }

    async fn make(&mut self, submissions: &[(Rc<Member>, Submission)]) -> Result<Made, ReadError> {
        let mut made = Made::default();
        for (author, submission) in submissions {
            let Some(session) = author.session() else { continue };
            match submission {
                Submission::Change { change, time } => match self.make_one(session, change).await? {
                    Ok(accepted) => {
                        made.entries.push(NewEntry {
                            author: session.client,
                            op: change.id,
                            time: *time,
                            weight: accepted.payload.len() as u64,
                            payload: accepted.payload,
                        });
                        made.authors.push(author.clone());
                    }
                    Err(refused) => made.refused.push((author.clone(), refused.of(change.id))),
                },
                Submission::Refused(reject) => {
                    with_bridge(session, |bridge| bridge.lose(reject.id));
                    let after = Some(self.document_mut().folded.head());
                    made.refused.push((
                        author.clone(),
                        Reject {
                            after,
                            ..reject.clone()
                        },
                    ));
                }
                Submission::Entry(_) => {}
            }
        }
        Ok(made)
    }

    /// Makes an op, after reading from the log what it was made without.
    async fn make_one(
        &mut self,
        session: &Session,
        change: &Change<Box<RawValue>>,
    ) -> Result<Result<Accepted, Refused>, ReadError> {
        loop {
            let folded = &mut self.document_mut().folded;
            let after = match with_bridge(session, |bridge| folded.make(bridge, change)) {
                Answer::Accepted(accepted) => return Ok(Ok(accepted)),
                Answer::Refused(refused) => return Ok(Err(refused)),
                Answer::Missing { after } => after,
            };
            match self.room.log.read(after, BLOCK_BYTES).await {
                Ok(entries) => with_bridge(session, |bridge| bridge.supply(&entries)).map_err(damaged)?,
                Err(ReadError::Forgotten { .. }) => {
                    let folded = &mut self.document_mut().folded;
                    let refused = with_bridge(session, |bridge| folded.refuse_forgotten(bridge, change.id));
                    return Ok(Err(refused));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What has been made is stored, or never will be.
    fn settle(&mut self, submissions: &[(Rc<Member>, Submission)], settled: Settled) {
        let folded = &mut self.document_mut().folded;
        match settled {
            Settled::Stored => folded.settle(),
            Settled::RolledBack => folded.roll_back(),
        }
        for session in submissions.iter().filter_map(|(author, _)| author.session()) {
            with_bridge(session, |bridge| match settled {
                Settled::Stored => bridge.settle(),
                Settled::RolledBack => bridge.roll_back(),
            });
        }
    }

    fn tell_refused(&self, refused: Vec<(Rc<Member>, Reject)>) {
        for (author, reject) in refused {
            author.tell(&ServerMessage::Reject(reject));
            drain::start(&self.room, &author);
        }
    }

    /// Stores a snapshot when it is time to. Nobody waits for it: if it fails, more is to be read when the room is opened again.
    fn save(&mut self) {
        let seq = self.room.newest();
        let document = self.document_mut();
        if document.saving.get() {
            return;
        }
        let Some(state) = document.folded.snapshot() else {
            return;
        };
        let snapshot = Snapshot {
            seq,
            state: state.into(),
        };
        let saving = document.saving.clone();
        let (room, forget) = (self.room.clone(), self.forgettable(seq));
        saving.set(true);
        spawn_local(async move {
            if let Err(error) = room.log.save(snapshot, forget).await {
                tracing::warn!(room = %room.id, %error, "a snapshot was not stored");
            }
            saving.set(false);
        });
    }

    /// Up to where entries may go: what the operator wants to keep stays, what somebody who is here has not been sent, and what one who comes
    /// back soon will ask for.
    fn forgettable(&self, newest: Seq) -> Option<Seq> {
        let policy = self.room.policy;
        let kept = newest
            .0
            .saturating_sub(policy.retain?.max(policy.pace.max_replay));
        let owed = self
            .members
            .iter()
            .map(|member| member.cursor.borrow().next().0 - 1);
        Some(Seq(owed.fold(kept, u64::min)))
    }
}

/// What has become of what was made.
#[derive(Clone, Copy)]
enum Settled {
    Stored,
    RolledBack,
}

fn with_bridge<T>(session: &Session, act: impl FnOnce(&mut Bridge) -> T) -> T {
    let mut bridge = session.bridge.borrow_mut();
    act(bridge.get_or_insert_with(|| Box::new(Bridge::new(session.client))))
}

fn authors_of(submissions: &[(Rc<Member>, Submission)]) -> Vec<Rc<Member>> {
    submissions.iter().map(|(author, _)| author.clone()).collect()
}

fn refuse_initial(member: &Member, reason: String) {
    let code = ErrorCode::BadInitial;
    if let Some(session) = member.session() {
        session.cut.set(true);
    }
    member.tell(&ServerMessage::Error {
        code,
        reason: reason.clone(),
    });
    member
        .outlet
        .close(code.closes().unwrap_or(CloseCode::MalformedMessage), &reason);
}

fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}
