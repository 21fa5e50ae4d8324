//! The way from the state that a client's ops are made on to the head of the log.
//!
//! A client makes ops on the state behind an entry, its *base*, and upon those of its own ops that it has not heard of. What it has not
//! seen are *steps*, one after the other: others' entries, and the undoing of its own ops that were refused. An op is carried over all of them, and
//! they are carried over the op. So they lead from the state with the op to the head with what was made of it, for whatever comes next
//! upon that op. What the client has seen in the meantime is dropped: it is always the first of them.

use std::collections::VecDeque;
use std::rc::Rc;

use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::ids::{Author, OpId, Seq};
use patchcast_protocol::message::{RejectCode, WireConflict};

use super::answer::{Fault, told};
use super::past::{FoldError, Past};
use super::record::Context;
use crate::limits::{MAX_BEHIND, MAX_BEHIND_BYTES, MAX_CONFLICTS};

/// A way to the head, or as far as it has been built.
#[derive(Clone, Debug)]
pub struct Way {
    /// Where it was begun. Own entries from that op on lie in the context.
    start: Context,
    /// From where it leads: the last op was made on the state behind this entry.
    base: Seq,
    /// The last entry that it leads over.
    upto: Seq,
    steps: Steps,
    /// Own entries after the base, which are in the context.
    own: VecDeque<(OpId, Seq)>,
    /// The context of an op before which nothing was under way, from which the own entries can be replayed.
    since: Context,
    /// The last own op of which the context may hold what nobody knows any more.
    lost: OpId,
    /// For whose sake it is being built from older entries.
    sought: Option<Context>,
}

/// What a client has not seen, in order.
pub type Steps = VecDeque<Step>;

#[derive(Clone, Debug)]
pub struct Step {
    mark: Mark,
    edit: Rc<Edit>,
    bytes: usize,
}

/// What a step is, so that it is known when the client has seen it.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Entry {
        seq: Seq,
        author: Author,
    },
    /// An own op that is undone, because it was refused.
    Refused {
        id: OpId,
        after: Seq,
    },
}

impl Mark {
    /// Which entry it is, and whose. An own op that is undone was refused behind one.
    fn entry(self, author: Author) -> (Seq, Author) {
        match self {
            Mark::Entry { seq, author } => (seq, author),
            Mark::Refused { after, .. } => (after, author),
        }
    }
}

/// An op that was carried to the head, and what is left of the steps once it is made.
pub struct Carried {
    pub edit: Edit,
    pub conflicts: Vec<WireConflict>,
    pub steps: Steps,
}

impl Way {
    /// A way of a connection that has sent nothing yet.
    pub fn new() -> Way {
        let start = Context {
            base: Seq::START,
            upon: OpId::NONE,
        };
        Way::from(start, OpId::NONE)
    }

    fn from(context: Context, lost: OpId) -> Way {
        Way {
            start: context,
            base: context.base,
            upto: context.base,
            steps: VecDeque::new(),
            own: VecDeque::new(),
            since: context,
            lost,
            sought: None,
        }
    }

    /// The last entry that it leads over.
    pub fn upto(&self) -> Seq {
        self.upto
    }

    /// What lies between its context and the head.
    pub fn edits(&self) -> Vec<&Edit> {
        self.steps.iter().map(|step| &*step.edit).collect()
    }

    /// From where on the log tells its context, if [no refused op](Self::is_upon_refused) is in it.
    pub fn since(&self, context: Context) -> Context {
        match self.own.is_empty() {
            true => context,
            false => self.since,
        }
    }

    /// Whether its context has an op in it that was refused.
    pub fn is_upon_refused(&self) -> bool {
        let refused = |step: &Step| matches!(step.mark, Mark::Refused { .. });
        self.steps.iter().any(refused)
    }

    /// Begins to lead from a context, anew if what is there does not.
    pub fn seek(&mut self, context: Context) -> Result<(), Fault> {
        if context.upon <= self.lost {
            return Err(upon_lost(self.lost));
        }
        if self.sought != Some(context) && !self.leads_from(context) {
            *self = Way::from(context, self.last_lost());
        }
        self.sought = Some(context);
        Ok(())
    }

    /// Gives up if it would become too long.
    pub fn check_length(&mut self, head: Seq) -> Result<(), Fault> {
        let bytes: usize = self.steps.iter().map(|step| step.bytes).sum();
        if head.since(self.upto) + self.steps.len() as u64 <= MAX_BEHIND && bytes <= MAX_BEHIND_BYTES {
            return Ok(());
        }
        self.give_up();
        Err(forgotten("the state that it was made on is too far behind"))
    }

    /// It leads to the head, and now from the context that was sought.
    pub fn arrive(&mut self, context: Context) -> Result<(), Fault> {
        self.sought = None;
        self.leave_behind(context);
        self.check_told(context)
    }

    /// Keeps nothing.
    pub fn give_up(&mut self) {
        let lost = self.last_lost();
        *self = Way { lost, ..Way::new() };
    }

    /// Whether it only has to be made longer, and its first steps be dropped, to lead from a context.
    fn leads_from(&self, context: Context) -> bool {
        let Context { base, upon } = context;
        // What the client knows of is behind its base. A client that has its own view of that gets a way of its own.
        let known = self.own.partition_point(|(id, _)| *id < upon);
        let own_is_seen = known == 0 || self.own[known - 1].1 <= base;
        let refusals_are_seen = self.steps.iter().all(|step| match step.mark {
            Mark::Refused { id, after } => id >= upon || after <= base,
            Mark::Entry { .. } => true,
        });
        self.sought.is_none() && (self.base..=self.upto).contains(&base) && own_is_seen && refusals_are_seen
    }

    /// Takes in the next entry.
    pub fn take(&mut self, author: Author, entry: &Past) -> Result<(), FoldError> {
        if entry.author != author || entry.id == OpId::NONE || entry.id < self.start.upon {
            self.steps.push_back(Step {
                mark: Mark::Entry {
                    seq: entry.seq,
                    author: entry.author,
                },
                edit: entry.made.clone(),
                bytes: entry.bytes(),
            });
            self.upto = entry.seq;
            return Ok(());
        }
        // Made upon what the client does not know either: it is in the context, so the way leads on from the state with it.
        let origin = entry.origin()?;
        let since = origin.since();
        let is_told = origin.context().base >= self.base && since.upon >= self.start.upon;
        let earlier = Context {
            base: since.base.min(self.start.base),
            upon: since.upon.min(self.start.upon),
        };
        if !is_told && earlier != self.start {
            let sought = self.sought;
            *self = Way::from(earlier, self.lost);
            self.sought = sought;
            return Ok(());
        }
        if !is_told || origin.is_upon_refused() {
            self.lose(entry.id);
        }
        let sent = origin.sent().map_err(|reason| FoldError::Entry {
            seq: entry.seq,
            reason,
        })?;
        self.leave_behind(origin.context());
        let since = if self.own.is_empty() { since } else { self.since };
        let steps = self.carry(author, sent.as_ref().unwrap_or(&entry.made)).steps;
        self.add_own(steps, since, entry.id, entry.seq);
        Ok(())
    }

    /// An own op became the next entry, and these are the steps behind it. It is told by the log from `since` on.
    pub fn add_own(&mut self, steps: Steps, since: Context, id: OpId, seq: Seq) {
        self.steps = steps;
        self.since = since;
        self.own.push_back((id, seq));
        self.upto = seq;
    }

    /// An own op was refused at the head, these are the steps behind it, and `inverse` undoes it.
    pub fn add_refused(&mut self, mut steps: Steps, id: OpId, inverse: Edit, bytes: usize) {
        let after = self.upto;
        steps.push_back(Step {
            mark: Mark::Refused { id, after },
            edit: Rc::new(inverse),
            bytes,
        });
        self.steps = steps;
    }

    /// Drops the first steps, as many as are in a context.
    fn leave_behind(&mut self, context: Context) {
        let Context { base, upon } = context;
        let is_known = |step: &Step| match step.mark {
            Mark::Entry { seq, .. } => seq <= base,
            Mark::Refused { id, .. } => id < upon,
        };
        let known = self.steps.iter().take_while(|step| is_known(step)).count();
        self.steps.drain(..known);
        let seen = self.own.partition_point(|(_, seq)| *seq <= base);
        self.own.drain(..seen);
        self.base = self.base.max(base);
    }

    /// Carries an op of its context to the head, and the steps over the op.
    pub fn carry(&self, author: Author, sent: &Edit) -> Carried {
        let mut edit = sent.clone();
        let mut conflicts = Vec::new();
        let mut steps = VecDeque::with_capacity(self.steps.len());
        for step in &self.steps {
            // Most steps have nothing to do with the op. They stay what they are, which others share.
            let left = match step.edit.is_apart_from(&edit) {
                true => step.edit.clone(),
                false => Rc::new(step.edit.transform(&edit, Side::Earlier).edit),
            };
            if !edit.is_apart_from(&step.edit) {
                let carried = edit.transform(&step.edit, Side::Later);
                edit = carried.edit;
                let (seq, client) = step.mark.entry(author);
                let conflicting = carried.conflicts.into_iter().map(|conflict| WireConflict {
                    path: told(conflict.path),
                    lost: conflict.absorbed,
                    seq,
                    client,
                });
                conflicts.extend(conflicting.take(MAX_CONFLICTS - conflicts.len()));
            }
            // That an op was refused must be known, even if nothing is left to undo.
            if !left.is_empty() || matches!(step.mark, Mark::Refused { .. }) {
                steps.push_back(Step { edit: left, ..*step });
            }
        }
        Carried {
            edit,
            conflicts,
            steps,
        }
    }

    /// Whether all ops in its context are known.
    fn check_told(&self, context: Context) -> Result<(), Fault> {
        let lost = (context.upon <= self.lost).then_some(self.lost);
        // An own op that was made on a later state than those that were made upon it.
        let ahead = self
            .own
            .back()
            .filter(|_| context.base < self.base)
            .map(|(id, _)| *id);
        let behind_a_refusal = match self.steps.front().map(|step| step.mark) {
            // The client has seen what came after the refusal, but not the refusal.
            Some(Mark::Refused { id, after }) if after < context.base => Some(id),
            _ => None,
        };
        match lost.or(ahead).or(behind_a_refusal) {
            Some(lost) => Err(upon_lost(lost)),
            None => Ok(()),
        }
    }

    /// Nobody knows what this own op does.
    pub fn lose(&mut self, id: OpId) {
        self.lost = self.lost.max(id);
    }

    /// The last op that would be lost if the way was built anew.
    fn last_lost(&self) -> OpId {
        let refused = self.steps.iter().filter_map(|step| match step.mark {
            Mark::Refused { id, .. } => Some(id),
            Mark::Entry { .. } => None,
        });
        refused.fold(self.lost, OpId::max)
    }
}

/// Why a way cannot be built.
pub fn forgotten(reason: impl Into<String>) -> Fault {
    Fault::new(RejectCode::BaseForgotten, reason)
}

fn upon_lost(OpId(lost): OpId) -> Fault {
    let reason = format!("it was made upon op {lost}, of which nothing is known any more");
    Fault::new(RejectCode::DoesNotApply, reason)
}
