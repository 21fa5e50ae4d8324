//! What a replica leaves to the client's next life, and how that begins with it.
//!
//! Whoever keeps only the ops, and not the value, keeps enough for them to be sent: each with its context, from which the server finds its way. But
//! the view does not show them before they are entries, because the value that they were made on is not there.

use patchcast_protocol::apply::{ApplyError, Document};
use patchcast_protocol::edit::Edit;
use patchcast_protocol::ids::{OpId, Position};
use patchcast_protocol::patch::Patch;
use serde_json::Value;

use super::chain::Pending;
use super::change::{Sent, Told};
use super::joining::Aside;
use super::replica::Replica;

/// What an earlier life left, all of it as of one moment. The default is a client without a past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestoredReplica {
    /// The confirmed value, if it was kept: it spares the download, and the view shows the ops at once.
    pub confirmed: Option<Value>,
    /// Up to where the life had confirmed the room's log.
    pub position: Option<Position>,
    /// The ops that are not settled, in the order of their ids.
    pub ops: Vec<RestoredOp>,
}

/// An op of an earlier life.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoredOp {
    /// Its number.
    pub id: OpId,
    /// What it changes, made on the confirmed value and on the ops before it, if the view showed it.
    pub shown: Option<Vec<Patch>>,
    /// What it changes and in which context, if the view did not show it. If neither, it is not an op any more, but the app has not heard of
    /// that.
    pub unshown: Option<RestoredSent>,
    /// As it was last sent, if it was.
    pub sent: Option<RestoredSent>,
    /// Whether it asks to be rejected where it conflicts.
    pub strict: bool,
    /// Whether it may replace the whole document.
    pub reset: bool,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct RestoredSent {
    /// The entry as of whose state it was made.
    pub base: Position,
    /// The first of the own ops upon which it was made.
    pub upon: OpId,
    /// The patches.
    pub patches: Vec<Patch>,
}

impl Replica {
    /// A replica that goes on with what an earlier life left; it begins with `initial` where that did not leave a value.
    pub fn restored(initial: Value, max_bytes: usize, left: RestoredReplica) -> Result<Replica, ApplyError> {
        let RestoredReplica {
            confirmed,
            position,
            ops,
        } = left;
        // An op that was never near a room is one of what the app begins with.
        let shows = confirmed.is_some() || position.is_none();
        let mut replica = match confirmed {
            // The room may allow more than this client does.
            Some(confirmed) => Replica::begin(Document::restored(confirmed, max_bytes)?, max_bytes),
            None => Replica::with_max_bytes(initial, max_bytes)?,
        };
        if shows {
            replica.position = position;
        }
        let first = ops.iter().find(|op| op.shown.is_some()).map(|op| op.id);
        for op in ops {
            let context = position.zip(first).filter(|_| !shows);
            replica.restore(op, context);
        }
        Ok(replica)
    }

    /// What the next life goes on with, once the app has taken all that was told. `with_value`: with the confirmed value, a copy of it.
    pub fn leave(&self, with_value: bool) -> RestoredReplica {
        // What is overruled ends with this life. Those upon it are left as they will be without it.
        if self.chain.iter().any(|op| op.overruled.is_some()) {
            let mut last = self.clone();
            if last.disconnected().is_ok() {
                return last.leave_rest(self, with_value);
            }
        }
        self.leave_rest(self, with_value)
    }

    /// `all` is the replica when all ops were there that it has not told the app to be settled.
    fn leave_rest(&self, all: &Replica, with_value: bool) -> RestoredReplica {
        let gone = all
            .chain
            .iter()
            .filter(|op| !self.knows(op.id))
            .map(|op| RestoredOp {
                id: op.id,
                shown: None,
                unshown: None,
                sent: None,
                strict: op.strict,
                reset: op.reset,
            });
        let aside = self.aside.iter().map(|op| RestoredOp {
            id: op.id,
            shown: None,
            unshown: Some((&op.content).into()),
            sent: op.sent.as_ref().map(RestoredSent::from),
            strict: op.strict,
            reset: op.reset,
        });
        let shown = self.chain.iter().map(|op| RestoredOp {
            id: op.id,
            shown: Some(op.edit.patches()),
            unshown: None,
            sent: op.sent.as_ref().map(RestoredSent::from),
            strict: op.strict,
            reset: op.reset,
        });
        let mut ops: Vec<_> = aside.chain(shown).chain(gone).collect();
        ops.sort_by_key(|op| op.id);
        RestoredReplica {
            confirmed: with_value.then(|| self.confirmed.value().clone()),
            position: self.position,
            ops,
        }
    }

    /// `context` is where an op was made that cannot be shown: the position, and the first of the ops that it lies upon.
    fn restore(&mut self, op: RestoredOp, context: Option<(Position, OpId)>) {
        let RestoredOp {
            id,
            shown,
            unshown,
            sent,
            strict,
            reset,
        } = op;
        let read = |sent| Sent::try_from(sent).ok();
        let sent = sent.and_then(read);
        let restored = match (shown, context) {
            (Some(patches), None) => self.restore_shown(&patches).map(|edit| {
                self.chain.push(Pending {
                    sent,
                    ..Pending::new(id, edit, strict, reset)
                });
            }),
            (Some(patches), Some((position, upon))) => Edit::of_written(&patches).ok().map(|edit| {
                let content = Sent {
                    base: position,
                    upon,
                    edit,
                };
                self.aside.push(Aside {
                    id,
                    content,
                    sent,
                    strict,
                    reset,
                    is_open: true,
                });
            }),
            (None, _) => unshown.and_then(read).map(|content| {
                self.aside.push(Aside {
                    id,
                    content,
                    sent,
                    strict,
                    reset,
                    is_open: true,
                });
            }),
        };
        if restored.is_none() {
            self.tell(Told::Lost(id));
        }
    }

    fn restore_shown(&mut self, patches: &[Patch]) -> Option<Edit> {
        let edit = Edit::of(self.value(), patches).ok()?;
        self.show_restored(edit.clone()).ok()?;
        Some(edit)
    }
}

impl From<&Sent> for RestoredSent {
    fn from(sent: &Sent) -> Self {
        RestoredSent {
            base: sent.base,
            upon: sent.upon,
            patches: sent.edit.patches(),
        }
    }
}

impl TryFrom<RestoredSent> for Sent {
    type Error = ApplyError;

    fn try_from(sent: RestoredSent) -> Result<Self, ApplyError> {
        Ok(Sent {
            base: sent.base,
            upon: sent.upon,
            edit: Edit::of_written(&sent.patches)?,
        })
    }
}
