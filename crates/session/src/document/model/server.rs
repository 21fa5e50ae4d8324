//! A server, as small as it can be: the log, its value, and for each connection the way from its client's context to the head.

use std::collections::VecDeque;

use patchcast_protocol::apply::Document;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::ids::{OpId, Seq};
use patchcast_protocol::patch::Patch;
use serde_json::Value;

pub struct Server {
    document: Document,
    /// Whether it is of another version, which merges some ops in another way than the clients do.
    is_strange: bool,
    pub log: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub author: usize,
    pub id: OpId,
    pub made: Edit,
    /// The bridge behind it.
    steps: VecDeque<(Mark, Edit)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub base: Seq,
    pub upon: OpId,
}

/// An op as it arrives.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: OpId,
    pub context: Context,
    pub patches: Vec<Patch>,
    pub strict: bool,
    pub reset: bool,
}

#[derive(Debug)]
pub enum Answer {
    /// It is a new entry.
    Made {
        as_sent: bool,
    },
    /// It is this entry since before.
    Known(Seq),
    Rejected,
}

/// From the context of a client to the head.
pub struct Bridge {
    author: usize,
    upto: Seq,
    steps: VecDeque<(Mark, Edit)>,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    Entry(Seq),
    Rejected(OpId),
}

impl Bridge {
    pub fn new(author: usize) -> Bridge {
        Bridge {
            author,
            upto: Seq::START,
            steps: VecDeque::new(),
        }
    }

    /// Leads from this context.
    fn begin(&mut self, context: Context, log: &[Entry]) {
        // Upon ops of an earlier connection.
        let numbered = log.iter().zip(1..).skip(self.upto.max(context.base).0 as usize);
        let upon = numbered
            .filter(|(entry, _)| entry.author == self.author && entry.id >= context.upon)
            .last();
        if let Some((entry, seq)) = upon {
            (self.upto, self.steps) = (Seq(seq), entry.steps.clone());
        }
        let is_known = |mark: &Mark| match mark {
            Mark::Entry(seq) => *seq <= context.base,
            Mark::Rejected(id) => *id < context.upon,
        };
        while self.steps.front().is_some_and(|(mark, _)| is_known(mark)) {
            self.steps.pop_front();
        }
        for (entry, seq) in log.iter().zip(1..).skip(self.upto.max(context.base).0 as usize) {
            self.steps.push_back((Mark::Entry(Seq(seq)), entry.made.clone()));
        }
        self.upto = Seq(log.len() as u64);
    }

    /// Leads from the context with an op in it. What is left to do of it at the head, and whether it met a conflict.
    fn carry(&mut self, sent: Edit) -> (Edit, bool) {
        let mut conflicts = false;
        let mut edit = sent;
        for (_, step) in &mut self.steps {
            let carried = edit.transform(step, Side::Later);
            *step = step.transform(&edit, Side::Earlier).edit;
            conflicts |= !carried.conflicts.is_empty();
            edit = carried.edit;
        }
        (edit, conflicts)
    }
}

impl Server {
    pub fn new(initial: Value, max_bytes: usize, is_strange: bool) -> Server {
        Server {
            is_strange,
            document: Document::with_max_bytes(initial, max_bytes).unwrap(),
            log: Vec::new(),
        }
    }

    pub fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    pub fn value(&self) -> &Value {
        self.document.value()
    }

    pub fn last_op(&self, author: usize) -> OpId {
        let own = self.log.iter().filter(|entry| entry.author == author);
        own.map(|entry| entry.id).max().unwrap_or_default()
    }

    pub fn take(&mut self, bridge: &mut Bridge, change: Change) -> Result<Answer, String> {
        let (author, id, context) = (bridge.author, change.id, change.context);
        if id <= self.last_op(author) {
            let known = self
                .log
                .iter()
                .position(|entry| (entry.author, entry.id) == (author, id));
            return Ok(known.map_or(Answer::Rejected, |index| Answer::Known(Seq(index as u64 + 1))));
        }
        if context.base > self.head() {
            return Err(format!("{id} of client {author} is of the future: {context:?}"));
        }
        bridge.begin(context, &self.log);
        let steps: Vec<_> = bridge.steps.iter().map(|(_, edit)| edit).collect();
        let sent = Edit::of_earlier(self.value(), &steps, &change.patches)
            .map_err(|error| format!("{id} of client {author} does not apply: {error} {:?}", error.path))?;
        let (mut made, conflicts) = bridge.carry(sent.clone());
        if self.is_strange && self.log.len() % 8 == 7 {
            // The clients see it made, so in their context it was, and then was taken back.
            bridge
                .steps
                .push_back((Mark::Entry(self.head().next()), made.invert(self.value())));
            made = Edit::default();
        }
        let resets = made.patches().first().is_some_and(|patch| patch.path.is_empty());
        let way_back = made.invert(self.value());
        let is_refused = (resets && !change.reset) || (change.strict && conflicts);
        if is_refused || self.document.make(made.clone()).is_err() {
            bridge.steps.push_back((Mark::Rejected(id), way_back));
            return Ok(Answer::Rejected);
        }
        let as_sent = made == sent;
        self.log.push(Entry {
            author,
            id,
            made,
            steps: bridge.steps.clone(),
        });
        bridge.upto = self.head();
        Ok(Answer::Made { as_sent })
    }
}
