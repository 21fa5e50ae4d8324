//! What a room appends to its log.

use std::rc::Rc;
use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::{Head, NewEntry};
use patchcast_protocol::ids::{OpId, StateHash};
use tokio::task::spawn_local;

use super::batch::{Batch, answer_again};
use super::{RoomTask, State};
use crate::drain;
use crate::inbox::Submission;
use crate::log::AppendError;
use crate::member::Member;

impl RoomTask {
    /// Appends a batch, and frames it once the log has accepted it.
    pub(super) async fn append(&mut self, batch: Batch) {
        let Batch {
            submissions,
            again,
            space,
        } = batch;
        if self.document.is_some() {
            self.change(submissions).await;
        } else {
            self.append_entries(submissions).await;
        }
        drop(space);
        if !again.is_empty() {
            spawn_local(answer_again(self.room.clone(), again));
        }
    }

    /// Appends entries as they stand, however often others are faster.
    async fn append_entries(&mut self, submissions: Vec<(Rc<Member>, Submission)>) {
        let (entries, mut authors): (Vec<_>, Vec<_>) = submissions.into_iter().filter_map(entry_of).unzip();
        let mut entries: Arc<[NewEntry]> = entries.into();
        while !entries.is_empty() {
            match self.room.log.append(self.room.newest(), entries.clone()).await {
                Ok(head) => {
                    self.accept(&entries, head, None);
                    return note_stored(&entries, &authors);
                }
                Err(AppendError::Conflict(_)) => {
                    self.follow().await;
                    let not_stored = |(entry, author): &(&NewEntry, Rc<Member>)| is_new(author, entry.op);
                    let left = entries.iter().zip(authors).filter(not_stored);
                    let (left, their_authors): (Vec<_>, _) =
                        left.map(|(entry, author)| (entry.clone(), author)).unzip();
                    (entries, authors) = (left.into(), their_authors);
                }
                Err(error @ (AppendError::Refused(_) | AppendError::InDoubt(_))) => {
                    return self.send_away(&authors, &error);
                }
            }
        }
    }

    /// Takes in entries that are in the log now, whose head is `head`, and behind the last of them what state a document has there.
    pub(super) fn accept(&mut self, entries: &[NewEntry], head: Head, check: Option<StateHash>) {
        let mut state = self.room.state.borrow_mut();
        let State { tail, framer, .. } = &mut *state;
        for entry in entries {
            let seq = tail.next();
            framer.push(tail, &entry.at(seq), check.filter(|_| seq == head.seq));
        }
        state.head = head;
    }

    /// Ends the connections of those whose messages were not stored.
    pub(super) fn send_away(&self, authors: &[Rc<Member>], error: &AppendError) {
        tracing::warn!(room = %self.room.id, entries = authors.len(), %error, "messages were not stored");
        for author in authors {
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
    }
}

/// Whether another writer has not stored an op meanwhile. If it has, its author hears of it by the log.
pub(super) fn is_new(author: &Member, op: OpId) -> bool {
    author.session().is_none_or(|session| op > session.stored.get())
}

/// Notes which ops are in the log.
pub(super) fn note_stored(entries: &[NewEntry], authors: &[Rc<Member>]) {
    for (entry, author) in entries.iter().zip(authors) {
        if let Some(session) = author.session() {
            session.stored.set(entry.op);
        }
    }
}

fn entry_of((author, submission): (Rc<Member>, Submission)) -> Option<(NewEntry, Rc<Member>)> {
    match submission {
        Submission::Entry(entry) => Some((entry, author)),
        // Of documents only.
        Submission::Change { .. } | Submission::Refused(_) => None,
    }
}
