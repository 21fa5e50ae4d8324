//! Every op that was ever submitted, and what has become of it.

use std::collections::BTreeMap;

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Epoch, Seq};

/// Names an op for the simulator, whatever its client calls it: client, life, number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpKey(pub usize, pub usize, pub usize);

/// What has become of an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It waits.
    Waiting,
    /// It is an entry.
    Ordered {
        /// Of which log.
        epoch: Epoch,
        /// Which.
        seq: Seq,
    },
    /// It never will be one.
    Rejected,
    /// The life that submitted it ended before it was kept, so it cannot have been sent.
    NeverSent,
    /// The life that submitted it ended, and nobody knows.
    Unknown,
}

/// All ops.
#[derive(Default)]
pub struct Ledger {
    ops: BTreeMap<OpKey, (Author, Fate)>,
}

impl Ledger {
    /// An op was submitted.
    pub fn submit(&mut self, key: OpKey, author: Author) {
        self.ops.insert(key, (author, Fate::Waiting));
    }

    /// What became of an op.
    pub fn settle(&mut self, key: OpKey, fate: Fate) {
        if let Some((_, known)) = self.ops.get_mut(&key) {
            *known = fate;
        }
    }

    /// What is known of an op.
    pub fn fate(&self, key: OpKey) -> Option<Fate> {
        self.ops.get(&key).map(|(_, fate)| *fate)
    }

    /// How many ops there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Compares the ops with the logs that hold them, and says what is wrong.
    pub fn audit(&self, logs: &[(Epoch, Vec<NewEntry>)]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut found: BTreeMap<OpKey, (Epoch, Seq)> = BTreeMap::new();
        let mut last: BTreeMap<(usize, Author), u64> = BTreeMap::new();
        for (room, (epoch, entries)) in logs.iter().enumerate() {
            for (index, entry) in entries.iter().enumerate() {
                let seq = Seq(index as u64 + 1);
                let Some(key) = key_of(&entry.payload) else {
                    wrong.push(format!("{seq} was written by nobody"));
                    continue;
                };
                if found.insert(key, (*epoch, seq)).is_some() {
                    wrong.push(format!("{key:?} is in the log twice"));
                }
                if last
                    .insert((room, entry.author), entry.op.0)
                    .is_some_and(|last| last >= entry.op.0)
                {
                    wrong.push(format!("{seq}: its author's ids do not increase"));
                }
                if self
                    .ops
                    .get(&key)
                    .is_none_or(|(author, _)| *author != entry.author)
                {
                    wrong.push(format!("{seq} is of another author"));
                }
            }
        }
        for (key, (_, fate)) in &self.ops {
            let place = found.get(key);
            let right = match fate {
                Fate::Ordered { epoch, seq } => {
                    place == Some(&(*epoch, *seq)) || logs.iter().all(|(now, _)| now != epoch)
                }
                Fate::Rejected | Fate::NeverSent => place.is_none(),
                Fate::Unknown => true,
                Fate::Waiting => false,
            };
            if !right {
                wrong.push(format!("{key:?} is {fate:?}, and in the log as {place:?}"));
            }
        }
        wrong
    }
}

/// The JSON text of an op's data, `bytes` longer than it must be.
pub fn data_of(key: OpKey, bytes: usize) -> String {
    let OpKey(client, life, number) = key;
    let padding = "x".repeat(bytes);
    format!(r#"{{"op":"{client}.{life}.{number}","pad":"{padding}"}}"#)
}

/// Which op an entry is.
pub fn key_of(payload: &[u8]) -> Option<OpKey> {
    let text = std::str::from_utf8(payload).ok()?;
    let (key, _) = text.strip_prefix(r#"{"op":""#)?.split_once('"')?;
    let mut parts = key.split('.').map(str::parse);
    match (parts.next()?, parts.next()?, parts.next()?) {
        (Ok(client), Ok(life), Ok(number)) => Some(OpKey(client, life, number)),
        _ => None,
    }
}
