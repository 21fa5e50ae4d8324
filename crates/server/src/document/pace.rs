//! When what costs as much as the whole document is due again: so often that it costs each op only as much as the op itself.

use patchcast_protocol::entry::ENTRY_BYTES;

/// What has come since the last time.
#[derive(Debug)]
pub struct Pace {
    every: usize,
    entries: usize,
    bytes: usize,
}

/// The entries since the last time take at least this part of the document's bytes.
const PART: usize = 4;

impl Pace {
    /// At most once in so many entries.
    pub fn every(entries: usize) -> Pace {
        Pace {
            every: entries,
            entries: 0,
            bytes: 0,
        }
    }

    /// Counts an entry with a payload of this size.
    pub fn add(&mut self, payload: usize) {
        self.entries += 1;
        self.bytes += payload + ENTRY_BYTES;
    }

    /// Takes back the last entry.
    pub fn take_back(&mut self, payload: usize) {
        self.entries -= 1;
        self.bytes -= payload + ENTRY_BYTES;
    }

    /// Whether it is time, for a document of this size. If so, it begins anew.
    pub fn is_due(&mut self, document: usize) -> bool {
        let due = self.entries >= self.every && self.bytes >= document / PART;
        if due {
            *self = Pace::every(self.every);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_after_enough_entries_and_bytes() {
        let mut pace = Pace::every(2);
        pace.add(0);
        assert!(!pace.is_due(0));
        pace.add(0);
        pace.take_back(0);
        assert!(!pace.is_due(0));
        pace.add(8);
        let bytes = 8 + 2 * ENTRY_BYTES;
        assert!(!pace.is_due((bytes + 1) * PART));
        assert!(pace.is_due(bytes * PART));
        assert!(!pace.is_due(0));
    }
}
