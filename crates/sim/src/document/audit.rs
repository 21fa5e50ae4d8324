//! What must hold of a document's log and of its snapshot, when all is quiet.

use patchcast_protocol::ids::{Position, Seq};
use patchcast_server::document::record;
use serde_json::Value;

use super::chronicle::identical;
use super::wire::BEGINNING;
use crate::ledger::StoredLog;
use crate::world::World;

/// Says what is wrong.
pub fn audit(world: &World, log: &StoredLog) -> Vec<String> {
    let room = &log.room;
    let mut wrong = Vec::new();
    for (index, entry) in log.entries.iter().enumerate() {
        let seq = Seq(index as u64 + 1);
        if entry.op == BEGINNING && seq != Seq(1) {
            wrong.push(format!("{room}: {seq} begins a document that there is already"));
        }
        if !is_as_sent(&entry.payload) && met_nobody(world, log, index) {
            wrong.push(format!(
                "{room}: {seq} met nothing that its author did not know, and is not made as it was sent"
            ));
        }
    }
    if let Some(snapshot) = world.disk.snapshot(room) {
        let state: Value = serde_json::from_slice::<Value>(&snapshot.state)
            .map_or(Value::Null, |mut kept| kept["state"].take());
        let at = Position {
            epoch: log.epoch,
            seq: snapshot.seq,
        };
        match world.document_at(room, at) {
            Ok(known) if identical(&known, &state) => {}
            Ok(_) => wrong.push(format!(
                "{room}: the snapshot as of {} is of another state",
                snapshot.seq
            )),
            Err(what) => wrong.push(format!("{room}: the snapshot: {what}")),
        }
    }
    wrong
}

fn is_as_sent(payload: &[u8]) -> bool {
    let public: Value = serde_json::from_slice(record::public(payload)).unwrap_or_default();
    matches!(public["outcome"].as_str(), None | Some("as-sent"))
}

/// Whether an op was made on just what the log has before it: whatever came behind its base are those of its author upon which it says it was made.
fn met_nobody(world: &World, log: &StoredLog, index: usize) -> bool {
    let entry = &log.entries[index];
    let ledger = world.ledger();
    let Some(sent) = ledger.origin(entry) else {
        return false;
    };
    let Some(between) = log.entries.get(sent.base.0 as usize..index) else {
        return false;
    };
    let mut upon = sent.upon.0..entry.op.0;
    let knows = between.iter().all(|before| {
        before.author == entry.author && Some(before.op.0) == upon.next() && is_as_sent(&before.payload)
    });
    knows && upon.is_empty()
}
