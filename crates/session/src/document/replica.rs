//! The replica: the confirmed value, the ops that are not settled, and the view, which is the one with the others made on it.
//!
//! Every change costs what it changes, and what is pending; never the size of the document. Only joining without a position does.

use std::collections::VecDeque;

use patchcast_protocol::apply::{ApplyError, Document};
use patchcast_protocol::diff;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{OpId, Position, Seq, StateHash};
use patchcast_protocol::limits::DEFAULT_MAX_DOCUMENT_BYTES;
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::Path;
use patchcast_protocol::value::state_hash;
use serde_json::Value;
use thiserror::Error;

use super::chain::{Chain, Pending};
use super::change::{
    Cause, Change, Content, Made, Prepared, Sent, StepKind, Told, UndoError, Update, UpdateError,
    UpdateOptions, What,
};
use super::history::History;
use super::joining::{Aside, Joining};
use super::keys::Keys;
use super::mutation::{Mutation, is};

/// A client's copy of a document.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) confirmed: Document,
    /// Up to where `confirmed` is the room's log. `None` when it is not: it is what the app began with, or was confirmed by a log that is not there any
    /// more. What is pending lies on it all the same, until a state of the room takes its place.
    pub(super) position: Option<Position>,
    pub(super) chain: Chain,
    view: Document,
    /// Ops that are not in the view, and whose fate is not known.
    pub(super) aside: Vec<Aside>,
    /// Rejects that have come before the entries that they come after.
    rejected: VecDeque<(Seq, OpId)>,
    pub(super) joining: Option<Joining>,
    /// Whether it has caught up on this connection. Before that, an op may be an entry that has not come yet.
    pub(super) is_live: bool,
    pub(super) keys: Keys,
    history: History,
    max_bytes: usize,
    told: VecDeque<Told>,
}

/// What the room says does not fit what is confirmed here: the two have come apart. A state of the room makes it good.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("the document has come apart from the room's: {0}")]
pub struct Diverged(pub ApplyError);

impl Replica {
    /// A replica that shows `initial` until it knows the room's value. What is done until then is done to that value, too.
    pub fn new(initial: Value) -> Result<Replica, ApplyError> {
        Replica::with_max_bytes(initial, DEFAULT_MAX_DOCUMENT_BYTES)
    }

    /// A replica whose own updates may make the document grow to `max_bytes` as JSON: what the room allows, or less.
    pub fn with_max_bytes(initial: Value, max_bytes: usize) -> Result<Replica, ApplyError> {
        Ok(Replica::begin(
            Document::with_max_bytes(initial, max_bytes)?,
            max_bytes,
        ))
    }

    pub(super) fn begin(view: Document, max_bytes: usize) -> Replica {
        Replica {
            confirmed: view.clone(),
            position: None,
            chain: Chain::default(),
            view,
            aside: Vec::new(),
            rejected: VecDeque::new(),
            joining: None,
            is_live: false,
            keys: Keys::default(),
            history: History::default(),
            max_bytes,
            told: VecDeque::new(),
        }
    }

    /// What the app sees: all its ops made on what the room has confirmed.
    pub fn value(&self) -> &Value {
        self.view.value()
    }

    /// What the room had at [`position`](Replica::position), or the app has begun with.
    pub fn confirmed(&self) -> &Value {
        self.confirmed.value()
    }

    /// Up to where the room's log is confirmed; `None` when that is not known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Ops that the view shows and that are not settled.
    pub fn pending(&self) -> usize {
        self.chain.len()
    }

    /// Whether there are steps to undo, and to redo. Others may have left nothing of them.
    pub fn has_steps(&self) -> (bool, bool) {
        self.history.has_steps()
    }

    /// What has happened, in order.
    pub fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// Makes an update; `None` if it changes nothing. On an error, nothing has changed.
    pub fn update(
        &mut self,
        update: Update,
        options: UpdateOptions,
    ) -> Result<Option<Prepared>, UpdateError> {
        let edit = self.edit_of(update, options)?;
        if edit.is_empty() {
            return Ok(None);
        }
        if sets_root(&edit) && !options.reset {
            return Err(UpdateError::ResetNeeded);
        }
        let way_back = self.view.make(edit.clone())?;
        Ok(Some(Prepared {
            edit,
            way_back,
            strict: options.strict,
            reset: options.reset,
            step: StepKind::Update(options.group),
        }))
    }

    /// Takes back the last step of this client that is not undone yet.
    pub fn undo(&mut self) -> Result<Prepared, UndoError> {
        self.make_step(StepKind::Undo)
    }

    /// Takes back the last undo, unless an update came after it.
    pub fn redo(&mut self) -> Result<Prepared, UndoError> {
        self.make_step(StepKind::Redo)
    }

    /// Makes an op of what was prepared, under an id above all before it.
    pub fn commit(&mut self, id: OpId, prepared: Prepared) {
        let Prepared {
            edit,
            way_back,
            strict,
            reset,
            step,
        } = prepared;
        self.history.record(step, id, way_back.into_edit());
        self.keys.note_view(&edit);
        self.tell_change(Cause::Own(id), What::Edit(edit.clone()));
        self.chain.push(Pending::new(id, edit, strict, reset));
    }

    /// Takes back what was prepared, as if nothing had been.
    pub fn cancel(&mut self, prepared: Prepared) {
        prepared.way_back.roll_back(&mut self.view);
    }

    /// The content of an op that is sent now. It is the one under which it is known from now on.
    pub fn content(&mut self, id: OpId) -> Option<Content> {
        if let Some(aside) = self.aside.iter_mut().find(|aside| aside.id == id) {
            aside.sent = None;
            return Some(aside.content());
        }
        let base = self.position.unwrap_or_default();
        let upon = match is(Mutation::ForgetUpon) {
            false => self.chain.first()?.id,
            true => id,
        };
        let op = self.chain.get_mut(id)?;
        let edit = match (&op.sent, is(Mutation::ResendStale)) {
            (Some(sent), true) => sent.edit.clone(),
            _ => op.edit.clone(),
        };
        let sent = Sent { base, upon, edit };
        op.sent = Some(sent.clone());
        op.in_flight = true;
        Some(Content {
            sent,
            strict: op.strict,
            reset: op.reset,
        })
    }

    /// The next entry of the room; `own` is the op that it was, if it was one of this client's.
    pub fn entry(&mut self, seq: Seq, own: Option<OpId>, made: Edit) -> Result<(), Diverged> {
        if let Some(joining) = &mut self.joining {
            joining.entry(made)?;
            self.arrive(own);
            return Ok(());
        }
        let own = own.filter(|id| self.take_aside(*id).is_none());
        match own.filter(|id| self.chain.index_of(*id).is_some()) {
            Some(id) => {
                // The room takes ops in their order: those before this one were rejected, and nobody was there to hear it.
                while let Some(first) = self.chain.first().map(|op| op.id).filter(|first| *first < id) {
                    self.set_aside(first)?;
                }
                self.settle_first(made)?;
            }
            None => self.make_below(made)?,
        }
        self.advance(seq)
    }

    /// The next entry of the room is an own op that was sent on this connection.
    pub fn acknowledged(&mut self, seq: Seq, id: OpId, made: Made) -> Result<(), Diverged> {
        let as_sent = || {
            let in_chain = self
                .chain
                .iter()
                .find(|op| op.id == id)
                .and_then(|op| op.sent.as_ref());
            let aside = self.aside.iter().find(|op| op.id == id).map(|op| &op.content);
            in_chain.or(aside).map(|sent| sent.edit.clone())
        };
        let made = match made {
            Made::Otherwise(edit) if !is(Mutation::IgnoreMade) => edit,
            _ => as_sent().unwrap_or_default(),
        };
        self.entry(seq, Some(id), made)
    }

    /// An op was rejected when the room's head was `after`. It takes effect when the replica has come as far, which [`Told::Refused`] says.
    pub fn rejected(&mut self, id: OpId, after: Option<Seq>) -> Result<(), Diverged> {
        let here = self.position.map_or(Seq::START, |position| position.seq);
        let after = after.unwrap_or(here);
        self.rejected.push_back((after, id));
        if is(Mutation::RejectEarly) {
            return self.take_rejects(Seq(u64::MAX));
        }
        self.take_rejects(here)
    }

    /// An op will not be sent: the view is without it from now on.
    pub fn withdraw(&mut self, id: OpId) -> Result<(), Diverged> {
        self.rejected.retain(|(_, rejected)| *rejected != id);
        self.reject(id)
    }

    /// Compares with the hash that the room has of its value as of an entry. The own hash, if it is another one.
    pub fn check(&self, seq: Seq, hash: StateHash) -> Option<StateHash> {
        if self.joining.is_some() || self.position.is_none_or(|position| position.seq != seq) {
            return None;
        }
        Some(self.hash()).filter(|own| *own != hash)
    }

    /// The hash of what is confirmed.
    pub fn hash(&self) -> StateHash {
        state_hash(self.confirmed.value())
    }

    /// What is confirmed is not what the log says, or the log is another one: it is no position any more, and what the next connection brings takes its place.
    pub fn forget_position(&mut self) {
        self.position = None;
    }

    /// Whether an op is not settled, as far as this replica knows.
    pub fn knows(&self, id: OpId) -> bool {
        self.chain.index_of(id).is_some() || self.aside.iter().any(|aside| aside.id == id)
    }

    /// Whether an op is not settled, and made on what is confirmed here.
    pub fn shows(&self, id: OpId) -> bool {
        self.position.is_some() && self.chain.index_of(id).is_some()
    }

    /// Makes the view anew of what is confirmed and pending, after a [`Diverged`]: it may have been left half-way.
    pub fn recover(&mut self) {
        let mut view = Document::restored(self.confirmed.value().clone(), self.max_bytes)
            .expect("a document's value is one of a document");
        for op in self.chain.iter_mut() {
            // What does not fit has nothing to hold on to any more.
            if view.replay(op.edit.clone()).is_err() {
                op.edit = Edit::default();
            }
        }
        let difference = diff::diff(self.view.value(), view.value());
        let mut told = std::mem::replace(&mut self.view, view);
        self.keys.forget();
        self.history.note(&difference);
        if !difference.is_empty() {
            told.replay(difference.clone())
                .expect("a difference fits what it was found in");
            self.tell_change(Cause::Room, What::Edit(difference));
        }
        let sorted = told.order_keys_as(&self.view);
        if !sorted.is_empty() {
            self.tell_change(Cause::Room, What::Order(sorted));
        }
    }

    /// An op whose fate was not known is an entry, of what was before the position: the view has it, or what was made of it.
    pub fn settled(&mut self, id: OpId) {
        self.take_aside(id);
    }

    /// The connection is lost. What was rejected on it is so at once: what is sent again is sent from here.
    pub fn disconnected(&mut self) -> Result<(), Diverged> {
        self.joining = None;
        self.is_live = false;
        self.take_rejects(Seq(u64::MAX))?;
        self.chain.iter_mut().for_each(|op| op.in_flight = false);
        self.take_overruled()
    }

    /// Shows an op of an earlier life.
    pub(super) fn show_restored(&mut self, edit: Edit) -> Result<(), ApplyError> {
        self.keys.note_view(&edit);
        self.view.replay(edit).map(drop)
    }

    /// Something happens below all ops.
    pub(super) fn make_below(&mut self, made: Edit) -> Result<(), Diverged> {
        self.confirm(made.clone())?;
        self.carry(0, made, Cause::Room)
    }

    /// Makes an edit of the confirmed value, which the view is told of by whoever calls.
    fn confirm(&mut self, made: Edit) -> Result<(), Diverged> {
        if !self.chain.is_empty() {
            self.keys.note_confirmed(&made);
        }
        self.confirmed.replay(made).map_err(Diverged)?;
        Ok(())
    }

    /// Carries what happens below the op at `from` up to the view.
    pub(super) fn carry(&mut self, from: usize, edit: Edit, cause: Cause) -> Result<(), Diverged> {
        // Where nothing is pending, both are the same and stay so.
        let is_same = self.chain.is_empty();
        let left = self.chain.carry(from, edit);
        if left.is_empty() {
            return Ok(());
        }
        if !is_same {
            self.keys.note_view(&left);
        }
        self.history.note(&left);
        self.view.replay(left.clone()).map_err(Diverged)?;
        self.tell_change(cause, What::Edit(left));
        Ok(())
    }

    /// What comes of a change once nothing is pending any more.
    pub(super) fn settle_keys(&mut self) {
        if self.chain.is_empty() {
            let sorted = self.keys.settle(&mut self.view, &self.confirmed);
            if !sorted.is_empty() {
                self.tell_change(Cause::Room, What::Order(sorted));
            }
        }
    }

    /// Takes an op out of the view, and back what it did.
    pub(super) fn take_back(&mut self, index: usize, cause: Cause) -> Result<Option<Pending>, Diverged> {
        // What the ops before it make of the confirmed value is made for a moment: only there its inverse can be told.
        let mut ways_back = Vec::with_capacity(index);
        for op in self.chain.iter().take(index) {
            ways_back.push(self.confirmed.replay(op.edit.clone()).map_err(Diverged)?);
        }
        let inverse = self
            .chain
            .iter()
            .nth(index)
            .map(|op| op.edit.invert(self.confirmed.value()));
        for way_back in ways_back.into_iter().rev() {
            way_back.roll_back(&mut self.confirmed);
        }
        let removed = self.chain.remove(index);
        if let (Some(inverse), Some(op)) = (inverse, &removed) {
            self.history.reject(op.id);
            let from = match is(Mutation::LeaveThoseUponRejected) {
                false => index,
                true => self.chain.len(),
            };
            self.carry_above(from, inverse, cause)?;
        }
        Ok(removed)
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.told.push_back(told);
    }

    /// The first op is settled, and `made` is what the room has made of it.
    fn settle_first(&mut self, made: Edit) -> Result<(), Diverged> {
        let first = match is(Mutation::KeepAcknowledged) {
            false => self.chain.first().map(|op| op.edit.clone()),
            true => None,
        };
        let Some(shown) = first else {
            return self.make_below(made);
        };
        if shown == made {
            self.confirm(made)?;
            self.chain.pop();
            return Ok(());
        }
        let inverse = shown.invert(self.confirmed.value());
        self.confirm(made.clone())?;
        self.chain.pop();
        self.carry_above(0, inverse.compose(made), Cause::Room)
    }

    /// Like [`carry`](Replica::carry), when an op was just taken out: the keys may stand differently although nothing is pending.
    fn carry_above(&mut self, from: usize, edit: Edit, cause: Cause) -> Result<(), Diverged> {
        if self.chain.is_empty() {
            self.keys.note_view(&edit);
        }
        self.carry(from, edit, cause)
    }

    fn advance(&mut self, seq: Seq) -> Result<(), Diverged> {
        if let Some(position) = &mut self.position {
            position.seq = seq;
        }
        self.take_rejects(seq)?;
        if self.is_live {
            self.take_overruled()?;
        }
        self.settle_keys();
        Ok(())
    }

    /// Takes back what is strict, others were faster with, and was not sent since: the server would not see that it is late.
    pub(super) fn take_overruled(&mut self) -> Result<(), Diverged> {
        while let Some((index, path)) = self.chain.overruled() {
            let Some(id) = self.chain.iter().nth(index).map(|op| op.id) else {
                break;
            };
            self.take_back(index, Cause::Rejected(id))?;
            self.settle_keys();
            self.tell(Told::Overruled { id, path });
        }
        Ok(())
    }

    fn take_rejects(&mut self, here: Seq) -> Result<(), Diverged> {
        while let Some((_, id)) = self.rejected.pop_front_if(|(after, _)| *after <= here) {
            self.reject(id)?;
        }
        Ok(())
    }

    fn reject(&mut self, id: OpId) -> Result<(), Diverged> {
        match self.chain.index_of(id) {
            Some(index) => {
                self.take_back(index, Cause::Rejected(id))?;
                self.settle_keys();
            }
            None => match self.take_aside(id) {
                Some(aside) if !aside.is_open => self.lose_upon(id),
                Some(_) => {}
                None => return Ok(()),
            },
        }
        self.tell(Told::Refused(id));
        Ok(())
    }

    fn make_step(&mut self, step: StepKind) -> Result<Prepared, UndoError> {
        let edit = self.history.next(step)?;
        let way_back = self.view.make(edit.clone()).map_err(UndoError::DoesNotApply)?;
        Ok(Prepared {
            reset: sets_root(&edit),
            edit,
            way_back,
            strict: false,
            step,
        })
    }

    /// The edit in the form in which the server has it, too.
    fn edit_of(&self, update: Update, options: UpdateOptions) -> Result<Edit, ApplyError> {
        let value = self.view.value();
        let patches = match update {
            Update::Patches(patches) => patches,
            Update::Edit(edit) => edit.patches(),
            Update::Next(next) if options.reset => vec![Patch::new(Path::new(), Op::Replace(Some(next)))],
            Update::Next(next) => diff::diff(value, &next).patches(),
        };
        Edit::of(value, &patches)
    }

    fn tell_change(&mut self, cause: Cause, what: What) {
        self.tell(Told::Changed(Change { cause, what }));
    }
}

fn sets_root(edit: &Edit) -> bool {
    edit.patches().first().is_some_and(|patch| patch.path.is_empty())
}
