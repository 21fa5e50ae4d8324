//! What a room appends to its log.

use std::sync::Arc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::entry::{Head, NewEntry};
use tokio::task::spawn_local;

use super::batch::{Batch, answer_again, not_stored_yet};
use super::{RoomTask, State};
use crate::drain;
use crate::log::AppendError;

impl RoomTask {
    /// Appends a batch, however often others are faster, and frames it once the log has accepted it.
    pub(super) async fn append(&mut self, batch: Batch) {
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
}
