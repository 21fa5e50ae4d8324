//! A server, as small as it can be: the log, its value, and for each connection the way from its client's context to the head.

use std::collections::VecDeque;

use patchcast_protocol::apply::Document;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::message::{Change, RejectCode};
use patchcast_protocol::patch::Patch;
use serde_json::Value;
use serde_json::value::RawValue;

pub struct Server {
    document: Document,
    max_bytes: usize,
    /// Whether it is of another version, which merges some ops in another way than the clients do.
    pub is_strange: bool,
    pub epoch: Epoch,
    pub log: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub author: Author,
    pub id: OpId,
    pub made: Edit,
    /// The bridge behind it.
    steps: VecDeque<(Mark, Edit)>,
}

/// In which context an op is made.
#[derive(Clone, Copy, Debug)]
struct Context {
    base: Seq,
    upon: OpId,
}

#[derive(Debug)]
pub enum Answer {
    /// It is a new entry.
    Made {
        as_sent: bool,
    },
    /// It is this entry since before.
    Known(Seq),
    Rejected(RejectCode),
}

/// From the context of a client to the head.
pub struct Bridge {
    author: Author,
    upto: Seq,
    steps: VecDeque<(Mark, Edit)>,
}

#[derive(Clone, Copy, Debug)]
enum Mark {
    Entry(Seq),
    Rejected(OpId),
}

impl Bridge {
    pub fn new(author: Author) -> Bridge {
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
    /// A server whose rooms take documents of so many bytes.
    pub fn new(max_bytes: usize, is_strange: bool) -> Server {
        Server {
            document: Document::with_max_bytes(Value::Null, max_bytes).unwrap(),
            max_bytes,
            is_strange,
            epoch: Epoch(1),
            log: Vec::new(),
        }
    }

    /// What the first client to come says that the document is.
    pub fn begin(&mut self, author: Author, initial: Value) {
        let made = Edit::of(&Value::Null, &[root(initial)]).unwrap();
        self.document.make(made.clone()).unwrap();
        self.log.push(Entry {
            author,
            id: OpId::NONE,
            made,
            steps: VecDeque::new(),
        });
    }

    /// The disk is lost, and an old copy takes its place.
    pub fn lose(&mut self, kept: usize) {
        self.epoch = Epoch(self.epoch.0 + 1);
        self.log.truncate(kept);
        self.document = Document::restored(self.replay(self.head()), self.max_bytes).unwrap();
    }

    pub fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    pub fn value(&self) -> &Value {
        self.document.value()
    }

    /// What the log says that the document was behind an entry.
    pub fn replay(&self, upto: Seq) -> Value {
        let mut document = Document::restored(Value::Null, usize::MAX).unwrap();
        for entry in &self.log[..upto.0 as usize] {
            document.apply(&entry.made.patches()).unwrap();
        }
        document.into_value()
    }

    pub fn last_op(&self, author: Author) -> OpId {
        let own = self.log.iter().filter(|entry| entry.author == author);
        own.map(|entry| entry.id).max().unwrap_or_default()
    }

    pub fn take(&mut self, bridge: &mut Bridge, change: &Change<&RawValue>) -> Result<Answer, String> {
        let (author, id) = (bridge.author, change.id);
        let context = Context {
            base: change.base,
            upon: change.upon,
        };
        if id <= self.last_op(author) {
            let known = self
                .log
                .iter()
                .position(|entry| (entry.author, entry.id) == (author, id));
            let known = known.map(|index| Answer::Known(Seq(index as u64 + 1)));
            return Ok(known.unwrap_or(Answer::Rejected(RejectCode::IdPassed)));
        }
        if context.base > self.head() {
            return Err(format!("{id} of {author} is of the future: {context:?}"));
        }
        bridge.begin(context, &self.log);
        let patches: Vec<Patch> =
            serde_json::from_str(change.patches.get()).map_err(|error| error.to_string())?;
        let steps: Vec<_> = bridge.steps.iter().map(|(_, edit)| edit).collect();
        let sent = Edit::of_earlier(self.value(), &steps, &patches)
            .map_err(|error| format!("{id} of {author} does not apply: {error} {:?}", error.path))?;
        let (mut made, conflicts) = bridge.carry(sent.clone());
        if self.is_strange && self.log.len() % 8 == 7 {
            // The client sees it made, so in its context it was, and then was taken back.
            let way_back = made.invert(self.value());
            bridge
                .steps
                .push_back((Mark::Entry(self.head().next()), way_back));
            made = Edit::default();
        }
        let resets = made.patches().first().is_some_and(|patch| patch.path.is_empty());
        let way_back = made.invert(self.value());
        let refusal = if resets && !change.reset {
            Some(RejectCode::ResetNeeded)
        } else if change.strict && (conflicts || !made.does_all_of(&sent)) {
            Some(RejectCode::Conflict)
        } else {
            let made = self.document.make(made.clone());
            made.is_err().then_some(RejectCode::TooLarge)
        };
        if let Some(code) = refusal {
            bridge.steps.push_back((Mark::Rejected(id), way_back));
            return Ok(Answer::Rejected(code));
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

pub fn root(value: Value) -> Patch {
    Patch::new(Vec::new(), patchcast_protocol::patch::Op::Replace(Some(value)))
}
