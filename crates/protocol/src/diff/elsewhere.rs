//! Items that have gone from one array and are new in another one.
//!
//! Such an item has moved there. What now stands where it was is not what has become of it, however alike the two are: if it were taken for
//! that, what others do with the item would be done with something else.

use std::collections::{HashMap, HashSet};

/// What is left in arrays once equal items were found again, by digests, each with the number of an array.
#[derive(Default)]
pub(super) struct Left {
    arrays: usize,
    before: HashMap<u64, usize>,
    after: HashMap<u64, usize>,
}

impl Left {
    /// Takes in another array.
    pub fn add(&mut self, before: impl Iterator<Item = u64>, after: impl Iterator<Item = u64>) {
        self.arrays += 1;
        self.before.extend(before.map(|digest| (digest, self.arrays)));
        self.after.extend(after.map(|digest| (digest, self.arrays)));
    }

    /// What is left in one array before and in another one after.
    pub fn elsewhere(&self) -> HashSet<u64> {
        let is_elsewhere =
            |(digest, array): &(&u64, &usize)| self.after.get(digest).is_some_and(|other| other != *array);
        self.before
            .iter()
            .filter(is_elsewhere)
            .map(|(digest, _)| *digest)
            .collect()
    }
}
