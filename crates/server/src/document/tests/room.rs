//! A room without its task: a log, the folded value, and each connection's bridge.

use patchcast_protocol::entry::{Entries, NewEntry};
use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};
use patchcast_protocol::message::{Change, RejectCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::document::{Accepted, Answer, Bridge, Folded, Refused, record};

pub const MAX_BYTES: usize = 1 << 20;

pub struct Room {
    pub folded: Folded,
    pub log: Vec<NewEntry>,
    /// How often the log was read.
    pub reads: usize,
}

impl Room {
    /// A room whose first entry has set what the document is.
    pub fn with(initial: &Value) -> Room {
        let mut room = Room {
            folded: Folded::new(MAX_BYTES),
            log: Vec::new(),
            reads: 0,
        };
        let accepted = room.folded.begin(Author([9; 12]), raw(initial)).unwrap();
        room.store(Author([9; 12]), OpId::NONE, accepted);
        room.folded.settle();
        room
    }

    /// The room after a restart, whose store has a snapshot as of this entry.
    pub fn open_at(self, snapshot: Seq) -> Room {
        let mut folded = Folded::new(MAX_BYTES);
        for entry in self.entries(Seq::START, snapshot).iter() {
            folded.fold(&entry).unwrap();
        }
        let bytes = record::write_snapshot(folded.value());
        let mut folded = Folded::open(snapshot, &bytes, MAX_BYTES).unwrap();
        for entry in self.entries(snapshot, self.head()).iter() {
            folded.fold(&entry).unwrap();
        }
        assert_eq!(folded.value().to_string(), self.folded.value().to_string());
        Room { folded, ..self }
    }

    /// Another value of the same log.
    pub fn open_again(&self) -> Folded {
        let mut folded = Folded::new(MAX_BYTES);
        for entry in self.entries(Seq::START, self.head()).iter() {
            folded.fold(&entry).unwrap();
        }
        folded
    }

    pub fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    pub fn text(&self) -> String {
        self.folded.value().to_string()
    }

    pub fn entries(&self, after: Seq, upto: Seq) -> Entries {
        let mut entries = Entries::after(after);
        for entry in &self.log[after.0 as usize..upto.0 as usize] {
            entries.push(entry.author, entry.op, entry.time, &entry.payload);
        }
        entries
    }

    /// Makes an op, and reads what is missing, a few entries at a time.
    pub fn make(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) -> Result<Accepted, Refused> {
        loop {
            match self.folded.make(bridge, change) {
                Answer::Accepted(accepted) => return Ok(accepted),
                Answer::Refused(refused) => return Err(refused),
                Answer::Missing { after } => {
                    let upto = Seq((after.0 + 7).min(self.head().0));
                    assert!(after < upto, "there is nothing more to read");
                    self.reads += 1;
                    bridge.supply(&self.entries(after, upto)).unwrap();
                }
            }
        }
    }

    pub fn store(&mut self, author: Author, op: OpId, accepted: Accepted) {
        self.log.push(NewEntry {
            author,
            op,
            time: Timestamp(1),
            weight: accepted.payload.len() as u64,
            payload: accepted.payload,
        });
        assert_eq!(accepted.seq, self.head());
    }

    /// Makes an op and stores it: what the wire says of it.
    pub fn op(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) -> Result<Value, Refused> {
        let made = self.make(bridge, change);
        let made = made.map(|accepted| {
            let public = serde_json::from_slice(record::public(&accepted.payload)).unwrap();
            self.store(bridge.author(), change.id, accepted);
            public
        });
        self.folded.settle();
        bridge.settle();
        made
    }

    /// Makes an op, of which just that is made.
    pub fn op_as_sent(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) {
        let patches: Value = serde_json::from_str(change.patches.get()).unwrap();
        assert_eq!(self.op(bridge, change).unwrap(), json!({ "patches": patches }));
    }

    /// Makes an op that is refused.
    pub fn op_refused(&mut self, bridge: &mut Bridge, change: &Change<Box<RawValue>>) -> RejectCode {
        let before = self.text();
        let refused = self.op(bridge, change).unwrap_err();
        assert_eq!((self.text(), refused.after), (before, self.head()));
        refused.code
    }
}

pub fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

/// An op, with no other one under way.
pub fn change(id: u64, base: u64, patches: Value) -> Change<Box<RawValue>> {
    change_upon(id, base, id, patches)
}

/// An op that was made upon those from `upon` on.
pub fn change_upon(id: u64, base: u64, upon: u64, patches: Value) -> Change<Box<RawValue>> {
    Change {
        id: OpId(id),
        base: Seq(base),
        upon: OpId(upon),
        strict: false,
        reset: false,
        patches: raw(&patches),
    }
}

pub fn set(key: &str, value: Value) -> Value {
    json!([{ "op": "replace", "path": [key], "value": value }])
}

pub fn insert(index: usize, value: Value) -> Value {
    json!([{ "op": "add", "path": ["l", index], "value": value }])
}

pub fn remove(index: usize) -> Value {
    json!([{ "op": "remove", "path": ["l", index] }])
}
