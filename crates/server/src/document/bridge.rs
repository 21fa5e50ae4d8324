//! The way from the state that a client's ops are made on to the head of the log.
//!
//! A client makes ops on the state behind an entry, its *base*, and upon those of its own ops that it has not heard of. What it has not
//! seen are *steps*, one after the other: others' entries, and the undoing of its own ops that were refused. An op is carried over all of them, and
//! they are carried over the op. So they lead from the state with the op to the head with what was made of it, for whatever comes next
//! upon that op. What the client has seen in the meantime is dropped: it is always the first of them.
//!
//! A bridge grows when its client sends something, never otherwise.

use std::collections::VecDeque;
use std::rc::Rc;

use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::entry::Entries;
use patchcast_protocol::ids::{Author, OpId, Seq};
use patchcast_protocol::message::{RejectCode, WireConflict};

use super::answer::Fault;
use super::past::{FoldError, Past, Recent};
use super::record::Context;
use crate::limits::{MAX_BEHIND, MAX_BEHIND_BYTES, MAX_CONFLICTS};

/// One connection's bridge.
#[derive(Debug)]
pub struct Bridge {
    author: Author,
    way: Way,
    /// What it was when all that was made was stored, if anything was made since.
    settled: Option<Box<Way>>,
}

/// A way to the head, or as far as it has been built.
#[derive(Clone, Debug)]
struct Way {
    /// Where it was begun. Own entries from that op on lie in the context.
    start: Context,
    /// From where it leads: the last op was made on the state behind this entry.
    base: Seq,
    /// The last entry that it leads over.
    upto: Seq,
    steps: VecDeque<Step>,
    /// Own entries after the base, which are in the context.
    own: VecDeque<(OpId, Seq)>,
    /// The context of an op before which nothing was under way, from which the own entries can be replayed.
    since: Context,
    /// The last own op of which the context may hold what nobody knows any more.
    lost: OpId,
    /// For whose sake it is being built from older entries.
    sought: Option<Context>,
}

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
    pub steps: VecDeque<Step>,
}

/// Why the head is not reached.
#[derive(Debug)]
pub enum Gap {
    /// The entries after this position are needed.
    Missing(Seq),
    /// It cannot be.
    Fault(Fault),
}

impl Bridge {
    /// The bridge of a connection that has sent nothing yet.
    pub fn new(author: Author) -> Bridge {
        let start = Context {
            base: Seq::START,
            upon: OpId::NONE,
        };
        Bridge {
            author,
            way: Way::from(start, OpId::NONE),
            settled: None,
        }
    }

    /// Whose it is.
    pub fn author(&self) -> Author {
        self.author
    }

    /// Takes in entries that [`Answer::Missing`](super::Answer::Missing) has asked for.
    pub fn supply(&mut self, entries: &Entries) -> Result<(), FoldError> {
        for entry in entries.iter() {
            // An own entry may show that it has to begin earlier; then other entries are asked for.
            if entry.seq != self.way.upto.next() {
                break;
            }
            self.way.take(self.author, &Past::read(&entry)?)?;
        }
        Ok(())
    }

    /// An op that was refused without anybody knowing what it does. No later op that was made upon it can be made.
    pub fn lose(&mut self, id: OpId) {
        self.way.lose(id);
        if let Some(settled) = &mut self.settled {
            settled.lose(id);
        }
    }

    /// What was made is stored.
    pub fn settle(&mut self) {
        self.settled = None;
    }

    /// What was made since it was last stored has been taken back.
    pub fn roll_back(&mut self) {
        if let Some(settled) = self.settled.take() {
            self.way = *settled;
        }
    }

    /// To be called before anything is made, so that it can be taken back.
    pub(super) fn remember(&mut self) {
        if self.settled.is_none() {
            self.settled = Some(Box::new(self.way.clone()));
        }
    }

    /// Leads from a context to the head.
    pub(super) fn reach(&mut self, context: Context, recent: &Recent, head: Seq) -> Result<(), Gap> {
        let way = &mut self.way;
        if context.upon <= way.lost {
            return Err(upon_lost(way.lost).into());
        }
        if way.sought != Some(context) && !way.leads_from(context) {
            *way = Way::from(context, way.last_lost());
        }
        way.sought = Some(context);
        while way.upto < head {
            if head.since(way.upto) + way.steps.len() as u64 > MAX_BEHIND || way.bytes() > MAX_BEHIND_BYTES {
                way.give_up();
                return Err(forgotten("the state that it was made on is too far behind").into());
            }
            let entries = recent.after(way.upto, head).ok_or(Gap::Missing(way.upto))?;
            for entry in entries {
                // An own entry may show that it has to begin earlier.
                if entry.seq == way.upto.next() {
                    way.take(self.author, entry)?;
                }
            }
        }
        way.sought = None;
        way.leave_behind(context);
        way.is_told(context)
    }

    /// What lies between the context that was reached last and the head.
    pub(super) fn steps(&self) -> Vec<&Edit> {
        self.way.steps.iter().map(|step| &*step.edit).collect()
    }

    /// Carries an op of that context to the head.
    pub(super) fn carry(&self, sent: &Edit) -> Carried {
        self.way.carry(self.author, sent)
    }

    /// From where on the log tells that context, if [no refused op](Self::is_upon_refused) is in it.
    pub(super) fn since(&self, context: Context) -> Context {
        match self.way.own.is_empty() {
            true => context,
            false => self.way.since,
        }
    }

    /// Whether that context has an op in it that was refused.
    pub(super) fn is_upon_refused(&self) -> bool {
        let refused = |step: &Step| matches!(step.mark, Mark::Refused { .. });
        self.way.steps.iter().any(refused)
    }

    /// The op that was carried is made, as this entry.
    pub(super) fn accept(&mut self, carried: VecDeque<Step>, context: Context, id: OpId, seq: Seq) {
        self.way.since = self.since(context);
        self.way.steps = carried;
        self.way.own.push_back((id, seq));
        self.way.upto = seq;
    }

    /// The op that was carried is not made, and `inverse` takes it back. It weighs about so many bytes.
    pub(super) fn take_back(&mut self, carried: VecDeque<Step>, id: OpId, inverse: Edit, bytes: usize) {
        self.way.steps = carried;
        self.way.steps.push_back(Step {
            mark: Mark::Refused {
                id,
                after: self.way.upto,
            },
            edit: Rc::new(inverse),
            bytes,
        });
    }

    /// The op is not made, and cannot be taken back.
    pub(super) fn lose_for_now(&mut self, id: OpId) {
        self.way.lose(id);
    }

    /// Entries that are needed are not kept any more.
    pub(super) fn give_up(&mut self) {
        self.way.give_up();
    }
}

impl Way {
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
    fn take(&mut self, author: Author, entry: &Past) -> Result<(), FoldError> {
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
        if self.own.is_empty() {
            self.since = since;
        }
        self.steps = self.carry(author, sent.as_ref().unwrap_or(&entry.made)).steps;
        self.own.push_back((entry.id, entry.seq));
        self.upto = entry.seq;
        Ok(())
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

    fn carry(&self, author: Author, sent: &Edit) -> Carried {
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
                let told = carried.conflicts.into_iter().map(|conflict| WireConflict {
                    path: conflict.path,
                    lost: conflict.absorbed,
                    seq,
                    client,
                });
                conflicts.extend(told.take(MAX_CONFLICTS - conflicts.len()));
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

    /// Whether all ops in a context are known.
    fn is_told(&self, context: Context) -> Result<(), Gap> {
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
            Some(lost) => Err(upon_lost(lost).into()),
            None => Ok(()),
        }
    }

    fn lose(&mut self, id: OpId) {
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

    /// Keeps nothing: the way is longer than what may be kept.
    fn give_up(&mut self) {
        let start = Context {
            base: Seq::START,
            upon: OpId::NONE,
        };
        *self = Way::from(start, self.last_lost());
    }

    fn bytes(&self) -> usize {
        self.steps.iter().map(|step| step.bytes).sum()
    }
}

impl From<Fault> for Gap {
    fn from(fault: Fault) -> Self {
        Gap::Fault(fault)
    }
}

impl From<FoldError> for Gap {
    fn from(error: FoldError) -> Self {
        Gap::Fault(forgotten(error.to_string()))
    }
}

fn forgotten(reason: impl Into<String>) -> Fault {
    Fault::new(RejectCode::BaseForgotten, reason)
}

fn upon_lost(OpId(lost): OpId) -> Fault {
    let reason = format!("it was made upon op {lost}, of which nothing is known any more");
    Fault::new(RejectCode::DoesNotApply, reason)
}
