//! What a room's log holds.

use crate::ids::{Author, OpId, Seq, Timestamp};

/// An entry on its way into a log, which gives it its [`Seq`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Who wrote it: the one connection that it is not delivered to, in dialects with that rule.
    pub author: Author,
    /// Its author's number for it; [`OpId::NONE`] in dialects without ops.
    pub op: OpId,
    /// When the server accepted it.
    pub time: Timestamp,
    /// What it adds to [`Head::weight`].
    pub weight: u64,
    /// The entry itself, as its dialect writes it.
    pub payload: Vec<u8>,
}

impl NewEntry {
    /// The entry that it becomes as number `seq`.
    pub fn at(&self, seq: Seq) -> Entry<'_> {
        Entry {
            seq,
            author: self.author,
            op: self.op,
            time: self.time,
            payload: &self.payload,
        }
    }
}

/// The end of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last entry; [`Seq::START`] for an empty log.
    pub seq: Seq,
    /// The weights of all entries added up, so that the size of a whole history is known without reading it.
    pub weight: u64,
}

impl Head {
    /// The head after `entry` was appended.
    #[must_use]
    pub fn after(self, entry: &NewEntry) -> Head {
        Head {
            seq: self.seq.next(),
            weight: self.weight + entry.weight,
        }
    }
}

/// An entry as it lies in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number.
    pub seq: Seq,
    /// Who wrote it.
    pub author: Author,
    /// Its author's number for it.
    pub op: OpId,
    /// When the server accepted it.
    pub time: Timestamp,
    /// The entry itself.
    pub payload: &'a [u8],
}

/// What an entry takes beyond its payload, about: in memory, and in a message to clients of sessions. It is counted so that very
/// many very small entries do not make a large message.
pub const ENTRY_BYTES: usize = 96;

/// Consecutive entries of one log in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    first: Seq,
    payloads: Vec<u8>,
    index: Vec<Indexed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Indexed {
    author: Author,
    op: OpId,
    time: Timestamp,
    end: usize,
}

impl Entries {
    /// No entries yet; the first one pushed is the one after the position `after`.
    pub fn after(after: Seq) -> Entries {
        Entries {
            first: after.next(),
            ..Entries::default()
        }
    }

    /// Adds the next entry.
    pub fn push(&mut self, author: Author, op: OpId, time: Timestamp, payload: &[u8]) {
        self.payloads.extend_from_slice(payload);
        self.index.push(Indexed {
            author,
            op,
            time,
            end: self.payloads.len(),
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes that they take: the payloads, and [`ENTRY_BYTES`] for what stands around each.
    pub fn bytes(&self) -> usize {
        self.payloads.len() + self.len() * ENTRY_BYTES
    }

    /// Whether one more entry with such a payload keeps within `max_bytes`. The first always does.
    pub fn fits(&self, payload: &[u8], max_bytes: usize) -> bool {
        self.is_empty() || self.bytes() + payload.len() + ENTRY_BYTES <= max_bytes
    }

    /// The position after the last of them.
    pub fn last(&self) -> Seq {
        Seq(self.first.0 + self.index.len() as u64 - 1)
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.index.len()).map(|i| {
            let start = if i == 0 { 0 } else { self.index[i - 1].end };
            let Indexed {
                author,
                op,
                time,
                end,
            } = self.index[i];
            Entry {
                seq: self.first.plus(i as u64),
                author,
                op,
                time,
                payload: &self.payloads[start..end],
            }
        })
    }
}
