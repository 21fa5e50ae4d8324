//! Joining: how what is pending gets on top of a state that has come from elsewhere, and what becomes of ops whose fate nobody has told.
//!
//! A client that has a position gets the entries after it, and goes on as if nothing had been. Without one, or where too much has happened since, it
//! gets a state of the room and the entries after that. They are gathered aside until all is there, and are then merged three ways:
//! what differs between the state that the ops lie on and the room's is carried up through them like any entry. Nothing that is pending is lost.
//!
//! Which of its ops the room has is told by the last id: those up to it are entries or were rejected, those above are not in the log for certain. The
//! former are taken out of the view, for what they did is in the room's state or is not; they are sent again
//! as they were, only to learn which.

use patchcast_protocol::apply::Document;
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{Epoch, OpId, Position, Seq};
use serde_json::Value;

use super::chain::Pending;
use super::change::{Cause, Content, Sent, Told};
use super::mutation::{Mutation, is};
use super::replica::{Diverged, Replica};

/// The room's state as it comes.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    document: Document,
}

/// An op that the view does not show, and whose fate is not known.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    pub id: OpId,
    /// In the last context that is known.
    pub content: Sent,
    /// As it was last sent, where that is something else.
    pub sent: Option<Sent>,
    pub strict: bool,
    pub reset: bool,
    /// Whether it may still become an entry.
    pub is_open: bool,
}

impl Joining {
    pub fn entry(&mut self, made: Edit) -> Result<(), Diverged> {
        self.document.replay(made).map_err(Diverged)?;
        Ok(())
    }
}

impl Aside {
    pub fn content(&self) -> Content {
        Content {
            sent: self.content.clone(),
            strict: self.strict,
            reset: self.reset,
        }
    }
}

impl Replica {
    /// The entries that come are not those after the position: they begin with the first one.
    pub fn begin_history(&mut self) {
        let document = Document::restored(Value::Null, usize::MAX).expect("null is a document");
        self.joining = Some(Joining { document });
    }

    /// The entries that come are those after this state of the room.
    pub fn begin_with(&mut self, state: Value) -> Result<(), Diverged> {
        let document = Document::restored(state, usize::MAX).map_err(Diverged)?;
        self.joining = Some(Joining { document });
        Ok(())
    }

    /// All is there that the room had when it said welcome: it is at `position`, and `last_op` is the last op that it has of this client.
    pub fn caught_up(&mut self, position: Position, last_op: OpId) -> Result<(), Diverged> {
        self.close_aside(position.epoch, last_op);
        match self.joining.take() {
            Some(joining) => self.merge(joining, last_op)?,
            None => {
                while let Some(first) = self.first_up_to(last_op) {
                    self.set_aside(first)?;
                }
            }
        }
        self.position = Some(position);
        self.is_live = true;
        self.take_overruled()?;
        self.settle_keys();
        Ok(())
    }

    /// Whether an op is better sent once others are settled: as long as one is open that the view does not show, the room could take those that
    /// come behind it for made upon it.
    pub fn must_wait(&self, id: OpId) -> bool {
        let earlier = self.aside.iter().filter(|aside| aside.id < id);
        match self.aside.iter().find(|aside| aside.id == id) {
            None => self.aside.iter().any(|aside| aside.is_open),
            // Its context names ops that may have been rejected.
            Some(aside) if aside.is_open => earlier.clone().any(|earlier| !earlier.is_open),
            Some(_) => false,
        }
    }

    /// Takes an op out of the view whose fate is not known and that will not become an entry any more.
    pub(super) fn set_aside(&mut self, id: OpId) -> Result<(), Diverged> {
        let Some(index) = self.chain.index_of(id) else {
            return Ok(());
        };
        let context = self.context();
        if let Some(op) = self.take_back(index, Cause::Rejected(id))? {
            self.aside.push(closed(op, context));
        }
        Ok(())
    }

    pub(super) fn take_aside(&mut self, id: OpId) -> Option<Aside> {
        let index = self.aside.iter().position(|aside| aside.id == id)?;
        Some(self.aside.remove(index))
    }

    /// An own op was seen in a history that is not taken over yet.
    pub(super) fn arrive(&mut self, own: Option<OpId>) {
        let Some(id) = own else { return };
        if self.take_aside(id).is_none()
            && let Some(op) = self.chain.get_mut(id)
        {
            op.arrived = true;
        }
    }

    /// An op was rejected in an earlier life. Those that were made upon it there are of a state that nobody knows.
    pub(super) fn lose_upon(&mut self, id: OpId) {
        let is_lost = |aside: &Aside| aside.is_open && aside.id > id && aside.content.upon <= id;
        let lost: Vec<_> = self
            .aside
            .iter()
            .filter(|aside| is_lost(aside))
            .map(|aside| aside.id)
            .collect();
        lost.into_iter().for_each(|id| self.lose(id));
    }

    /// Three ways: what the ops lie on, the room's state, and the ops.
    fn merge(&mut self, joining: Joining, last_op: OpId) -> Result<(), Diverged> {
        // What the room may have is made part of the common state. So what it has done to it, or not done, is the difference.
        let context = self.context();
        while self.first_up_to(last_op).is_some() && !is(Mutation::KeepUnderSnapshot) {
            let Some(op) = self.chain.pop() else { break };
            self.confirmed.replay(op.edit.clone()).map_err(Diverged)?;
            if !op.arrived {
                self.aside.push(closed(op, context));
            }
        }
        let difference = diff(self.confirmed.value(), joining.document.value());
        self.confirmed = joining.document;
        self.keys.forget();
        self.carry(0, difference, Cause::Room)
    }

    fn first_up_to(&self, last_op: OpId) -> Option<OpId> {
        self.chain.first().map(|op| op.id).filter(|id| *id <= last_op)
    }

    /// Of the ops that the view does not show, those that the room may have are only asked about.
    fn close_aside(&mut self, epoch: Epoch, last_op: OpId) {
        for aside in self.aside.iter_mut().filter(|aside| aside.id <= last_op) {
            aside.is_open = false;
            if let Some(sent) = aside.sent.take() {
                aside.content = sent;
            }
        }
        // Of another log, whose entries nobody knows. The beginning of every log is the same.
        let is_known = |aside: &Aside| {
            let Sent { base, upon, .. } = &aside.content;
            let is_there = *upon == aside.id || self.aside.iter().any(|aside| aside.id == *upon);
            base.epoch == epoch || (base.seq == Seq::START && is_there)
        };
        let is_lost = |aside: &Aside| aside.id > last_op && !is_known(aside);
        let lost: Vec<_> = self
            .aside
            .iter()
            .filter(|aside| is_lost(aside))
            .map(|aside| aside.id)
            .collect();
        lost.into_iter().for_each(|id| self.lose(id));
        for aside in self.aside.iter_mut().filter(|aside| aside.id > last_op) {
            aside.is_open = true;
            aside.content.base.epoch = epoch;
        }
    }

    /// In which context an op would be sent now.
    fn context(&self) -> (Position, Option<OpId>) {
        (
            self.position.unwrap_or_default(),
            self.chain.first().map(|first| first.id),
        )
    }

    fn lose(&mut self, id: OpId) {
        self.take_aside(id);
        self.tell(Told::Lost(id));
    }
}

/// An op that the room has, or never will have. If nothing is known of its having been sent, it was sent by another life that was left the same:
/// as this one would have sent it.
fn closed(op: Pending, (base, first): (Position, Option<OpId>)) -> Aside {
    let sent = op.sent.unwrap_or(Sent {
        base,
        upon: first.unwrap_or(op.id),
        edit: op.edit,
    });
    Aside {
        id: op.id,
        content: sent,
        sent: None,
        strict: op.strict,
        reset: op.reset,
        is_open: false,
    }
}
