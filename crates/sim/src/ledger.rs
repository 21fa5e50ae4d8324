//! Every op that was ever submitted, and what has become of it.

use std::collections::BTreeMap;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Epoch, OpId, Seq};
use patchcast_protocol::room::RoomId;
use patchcast_server::document::record::{self, SentHash};

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
    /// In which forms ops of documents were sent.
    sent: BTreeMap<(Author, OpId), Vec<Sent>>,
}

/// An op of a document, as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// By this an entry is known to be the op.
    pub hash: SentHash,
    /// What the simulator calls it.
    pub key: OpKey,
    /// The entry as of whose state it was made.
    pub base: Seq,
    /// The first of the own ops upon which it was made.
    pub upon: OpId,
}

/// What the disk has of a room.
pub struct StoredLog {
    /// Which.
    pub room: RoomId,
    /// Of which log the numbers are.
    pub epoch: Epoch,
    /// From the first.
    pub entries: Vec<NewEntry>,
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

    /// An op of a document was sent.
    pub fn sent(&mut self, author: Author, id: OpId, sent: Sent) {
        self.sent.entry((author, id)).or_default().push(sent);
    }

    /// In which form an entry of a document was sent, if it was by anybody who is known.
    pub fn origin(&self, entry: &NewEntry) -> Option<&Sent> {
        let hash = record::sent_hash(&entry.payload)?;
        let forms = self.sent.get(&(entry.author, entry.op))?;
        let mut same = forms.iter().rev().filter(|sent| sent.hash == hash);
        // Who forgot its ids may have used one twice, even for the same.
        let is_ordered = |sent: &&Sent| matches!(self.fate(sent.key), Some(Fate::Ordered { .. }));
        same.clone().find(is_ordered).or_else(|| same.next())
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
    pub fn audit(&self, logs: &[StoredLog]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut found: BTreeMap<OpKey, (Epoch, Seq)> = BTreeMap::new();
        for log in logs {
            let mut last: BTreeMap<Author, OpId> = BTreeMap::new();
            for (index, entry) in log.entries.iter().enumerate() {
                let seq = Seq(index as u64 + 1);
                let room = &log.room;
                if room.dialect == Dialect::Documents && (seq, entry.op) == (Seq(1), OpId::NONE) {
                    continue;
                }
                let key = match room.dialect {
                    Dialect::Documents => self.origin(entry).map(|sent| sent.key),
                    _ => key_of(&entry.payload),
                };
                let Some(key) = key else {
                    wrong.push(format!("{room}: {seq} was written by nobody"));
                    continue;
                };
                if found.insert(key, (log.epoch, seq)).is_some() {
                    wrong.push(format!("{key:?} is in the log twice"));
                }
                if last
                    .insert(entry.author, entry.op)
                    .is_some_and(|last| last >= entry.op)
                {
                    wrong.push(format!("{room}: {seq}: its author's ids do not increase"));
                }
                if self
                    .ops
                    .get(&key)
                    .is_none_or(|(author, _)| *author != entry.author)
                {
                    wrong.push(format!("{room}: {seq} is of another author"));
                }
            }
        }
        for (key, (_, fate)) in &self.ops {
            let place = found.get(key);
            let right = match fate {
                Fate::Ordered { epoch, seq } => {
                    place == Some(&(*epoch, *seq)) || logs.iter().all(|log| log.epoch != *epoch)
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
