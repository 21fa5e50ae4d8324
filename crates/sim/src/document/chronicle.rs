//! The logs of documents, each replayed from its start patch by patch, as somebody does who knows nothing of edits: what everybody has to come to.

use std::collections::BTreeMap;
use std::rc::Rc;

use patchcast_protocol::apply::Document;
use patchcast_protocol::ids::{Position, Seq};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::room::RoomId;
use patchcast_server::document::record;
use serde_json::Value;

use crate::disk::Disk;

/// All documents' logs, those that were lost as well.
#[derive(Default)]
pub struct Chronicle {
    logs: BTreeMap<(RoomId, u64), Replay>,
}

struct Replay {
    document: Document,
    /// Behind each entry, from none on.
    states: Vec<Rc<Value>>,
}

impl Chronicle {
    /// The state at a position; or why there is none: it is not durable, or not in the log.
    pub fn state(&mut self, disk: &Disk, room: &RoomId, at: Position) -> Result<Rc<Value>, String> {
        self.follow(disk, room)?;
        let log = self
            .logs
            .entry((room.clone(), at.epoch.0))
            .or_insert_with(Replay::new);
        let state = log.states.get(at.seq.0 as usize);
        state
            .cloned()
            .ok_or_else(|| format!("{} is told of, and is not durable", at.seq))
    }

    /// Takes in what has become durable since.
    pub fn follow(&mut self, disk: &Disk, room: &RoomId) -> Result<(), String> {
        let Some(epoch) = disk.epoch(room) else {
            return Ok(());
        };
        let log = self
            .logs
            .entry((room.clone(), epoch.0))
            .or_insert_with(Replay::new);
        while let Some((_, entry)) = disk.durable(room, Seq(log.states.len() as u64)) {
            log.take(&entry.payload)?;
        }
        Ok(())
    }
}

impl Replay {
    fn new() -> Replay {
        let document = Document::restored(Value::Null, usize::MAX).expect("null has no levels");
        let states = vec![Rc::new(document.value().clone())];
        Replay { document, states }
    }

    fn take(&mut self, payload: &[u8]) -> Result<(), String> {
        let seq = self.states.len();
        let patches =
            patches_of(payload).map_err(|error| format!("entry {seq} is no list of patches: {error}"))?;
        let applied = self.document.apply(&patches);
        applied.map_err(|error| {
            format!("entry {seq} does not apply to what those before it have left: {error}")
        })?;
        self.states.push(Rc::new(self.document.value().clone()));
        Ok(())
    }
}

fn patches_of(payload: &[u8]) -> Result<Vec<Patch>, serde_json::Error> {
    let mut public: Value = serde_json::from_slice(record::public(payload))?;
    serde_json::from_value(public["patches"].take())
}

/// Whether two values have the same text.
pub fn identical(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |((key, a), (other, b)): ((&String, &Value), (&String, &Value))| {
                key == other && identical(a, b)
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (a, b) => a == b,
    }
}
