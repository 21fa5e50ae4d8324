//! The app of one life of a client of a document: what it shows, from what it is told alone, and the ops that it waits for.

use std::collections::BTreeMap;
use std::fmt;

use patchcast_protocol::apply::{Document, KeyOrder};
use patchcast_protocol::ids::{Epoch, OpId, Position, Seq};
use patchcast_protocol::message::{Ack, RejectCode};
use patchcast_protocol::path::PathSegment;
use patchcast_session::document::{Change, DocumentOpState, DocumentSession, Refusal, What};
use serde_json::{Map, Value};

use super::chronicle::identical;
use crate::ledger::{Fate, OpKey};
use crate::server::LIMITS;
use crate::witness::Witness;

/// What one life of a client knows.
#[derive(Clone)]
pub struct App {
    /// What it knows of everything else.
    pub witness: Witness,
    /// All ops of the client that are known, settled or not.
    pub ops: BTreeMap<OpId, Op>,
    /// What is shown: all that was told, one after the other.
    shown: Document,
    /// Where the room was when it was last looked at, and what was confirmed was what the log says.
    confirmed: Option<Position>,
}

/// An own op.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// What the simulator calls it.
    pub key: OpKey,
    /// Whether it is not settled.
    pub waits: bool,
    /// Whether it asks to be rejected where it conflicts.
    pub strict: bool,
    /// Bytes of the document when it was submitted, about.
    pub bytes: usize,
}

impl App {
    /// An app that shows nothing yet.
    pub fn new(witness: Witness) -> App {
        App {
            witness,
            ops: BTreeMap::new(),
            shown: Document::restored(Value::Null, usize::MAX).expect("null has no levels"),
            confirmed: None,
        }
    }

    /// The session has begun.
    pub fn begin(&mut self, session: &DocumentSession) {
        self.shown = Document::restored(session.value().clone(), usize::MAX).expect("a view is a document");
    }

    /// An op was submitted.
    pub fn submitted(&mut self, id: OpId, op: Op) {
        self.ops.insert(id, op);
    }

    /// What is shown has changed.
    pub fn changed(&mut self, change: &Change) {
        match &change.what {
            What::Edit(edit) => {
                if let Err(error) = self.shown.apply(&edit.patches()) {
                    self.fail(format_args!("it is told of what does not apply: {error}"));
                }
            }
            What::Order(orders) => {
                let mut value = self.shown.value().clone();
                for order in orders {
                    if sort_keys(&mut value, order).is_none() {
                        self.fail(format_args!(
                            "it is told an order of keys that it does not have: {order:?}"
                        ));
                    }
                }
                self.shown = Document::restored(value, usize::MAX).expect("it was a document before");
            }
        }
    }

    /// An op has got further, on a connection to a log of this epoch.
    pub fn op(&mut self, id: OpId, state: &DocumentOpState, epoch: Epoch) {
        if *state == DocumentOpState::Sent {
            return;
        }
        let Some(op) = self.ops.get_mut(&id).filter(|op| op.waits) else {
            return self.fail(format_args!("{id} is settled, which did not wait: {state:?}"));
        };
        op.waits = false;
        let op = *op;
        match state {
            DocumentOpState::Sent => {}
            DocumentOpState::Ordered { ack, .. } => self.ordered(*ack, op.key, epoch),
            DocumentOpState::Rejected(refusal) => {
                if !self.is_justified(op, refusal, epoch) {
                    self.fail(format_args!("{id} is rejected for no reason: {refusal:?}"));
                }
                let witness = &self.witness;
                let by_another = witness.replaceable && refusal.code == RejectCode::IdReused;
                witness.rejected(op.key, witness.contested || by_another);
            }
        }
    }

    /// A state that was dropped for good may have taken ops with it.
    pub fn reset(&self) {
        if self.witness.world.logs_lost() == 0 {
            self.fail(format_args!("a reset, although no log was lost"));
        }
    }

    /// Whether the room has gone on, though nothing has changed in what is shown.
    pub fn is_behind(&self, session: &DocumentSession) -> bool {
        session.replica().position() != self.confirmed
    }

    /// What is confirmed is the log up to there, and what is shown is what was told.
    pub fn look(&mut self, session: &DocumentSession) {
        let (shown, value) = (self.shown.value(), session.value());
        if !identical(shown, value) {
            self.fail(format_args!("it shows {value}, and was told {shown}"));
        }
        let replica = session.replica();
        let confirmed = replica.confirmed();
        self.confirmed = replica.position();
        let Some(position) = self.confirmed else {
            return;
        };
        match self.witness.world.document_at(&self.witness.room, position) {
            Ok(state) if identical(&state, confirmed) => {}
            Ok(state) => self.fail(format_args!(
                "{confirmed} is confirmed at {position:?}, and the log says {state}"
            )),
            Err(what) => self.fail(format_args!("{what}")),
        }
    }

    /// Whether the app shows what the log says, and nothing else.
    pub fn faults(&self) -> Vec<String> {
        let (world, room) = (&self.witness.world, &self.witness.room);
        let epoch = world.disk.epoch(room).unwrap_or_default();
        let seq = Seq(world.disk.entries(room).len() as u64);
        let position = Position { epoch, seq };
        let state = match world.document_at(room, position) {
            Ok(state) => state,
            Err(what) => return vec![what],
        };
        let mut faults = Vec::new();
        if self.confirmed != Some(position) {
            faults.push(format!("is at {:?}, and the log at {position:?}", self.confirmed));
        }
        let shown = self.shown.value();
        if !identical(shown, &state) {
            faults.push(format!("shows {shown}, and the log says {state}"));
        }
        faults
    }

    fn ordered(&mut self, ack: Ack, key: OpKey, epoch: Epoch) {
        let fate = Fate::Ordered { epoch, seq: ack.seq };
        self.witness.world.ledger().settle(key, fate);
        let Some(entry) = self.witness.durable(epoch, ack.seq) else {
            return;
        };
        if (entry.author, entry.op) != (self.witness.author, ack.id) {
            self.fail(format_args!(
                "{} is acknowledged as {}, which is {} of {}",
                ack.id, ack.seq, entry.op, entry.author
            ));
        }
    }

    /// Whether there is a reason for a rejection.
    fn is_justified(&self, op: Op, refusal: &Refusal, epoch: Epoch) -> bool {
        let Witness {
            world,
            replaceable,
            forgetful,
            ..
        } = &self.witness;
        let setup = world.setup.documents;
        let fate = world.ledger().fate(op.key);
        let may_be = op.strict
            || setup.max_bytes < 1 << 20
            || setup.retain.is_some()
            || world.logs_lost() > 0
            // Not told from one of another life that has the same id.
            || *replaceable
            || *forgetful;
        match refusal.code {
            RejectCode::Conflict => op.strict,
            RejectCode::TooLarge => setup.max_bytes < 1 << 20 || op.bytes + 300 > LIMITS.max_message,
            // Another life of the client has sent this op, or one after it.
            RejectCode::IdReused | RejectCode::IdPassed if *replaceable => true,
            RejectCode::IdReused => *forgetful,
            RejectCode::IdPassed => {
                may_be || matches!(fate, Some(Fate::Ordered { epoch: then, .. }) if then != epoch)
            }
            RejectCode::BaseForgotten => may_be,
            // It was made upon one whose context is not known: not kept any more, or that of another life.
            RejectCode::DoesNotApply => setup.retain.is_some() || *replaceable,
            _ => false,
        }
    }

    fn fail(&self, what: fmt::Arguments<'_>) {
        self.witness.fail(what);
    }
}

/// Gives the keys of an object another order, if it has just these.
fn sort_keys(value: &mut Value, order: &KeyOrder) -> Option<()> {
    let place = order.path.iter().try_fold(value, |place, segment| match place {
        Value::Array(items) => items.get_mut(segment.index()?),
        Value::Object(members) => members.get_mut(PathSegment::key(segment).as_ref()),
        _ => None,
    })?;
    let members = place.as_object_mut()?;
    let key = |key: &String| Some((key.clone(), members.get(key)?.clone()));
    let sorted: Map<_, _> = order.keys.iter().map(key).collect::<Option<_>>()?;
    if sorted.len() != members.len() {
        return None;
    }
    *members = sorted;
    Some(())
}
