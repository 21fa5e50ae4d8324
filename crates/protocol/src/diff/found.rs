//! Which items of an array were found again, by one thing after another that tells them apart.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use super::array::Key;
use super::marks::{Marks, find_again};
use super::tree::{Tree, digest, same};

/// The items of an array on one side of the comparison.
pub(super) struct Items<'a, T> {
    pub items: &'a [T],
    pub keys: Vec<Option<Key>>,
    /// Which of the other side each is, as far as it was found again.
    pub found: Vec<Option<usize>>,
    /// Digests of those that neither their identity nor a key has told apart.
    digests: Vec<Option<u64>>,
}

impl<'a, T: Tree> Items<'a, T> {
    pub fn new(items: &'a [T], keys: Vec<Option<Key>>) -> Self {
        Items {
            found: vec![None; items.len()],
            digests: Vec::new(),
            items,
            keys,
        }
    }

    /// Digests of those that are left and that say something: texts, and what has something in it.
    pub fn left(&self) -> impl Iterator<Item = u64> {
        let left = (0..self.items.len()).filter(|&index| self.found[index].is_none());
        left.filter(|&index| self.items[index].is_telling())
            .filter_map(|index| self.digests[index])
    }

    /// Whether an item was not found again, and is in no other array either.
    pub fn is_lost(&self, index: usize, elsewhere: &HashSet<u64>) -> bool {
        let is_elsewhere = self.digests[index].is_some_and(|digest| elsewhere.contains(&digest));
        self.found[index].is_none() && !is_elsewhere
    }

    fn digest_left(&mut self) {
        let digests = self.items.iter().zip(&self.found);
        self.digests = digests
            .map(|(item, found)| found.is_none().then(|| digest(item)))
            .collect();
    }

    fn marks(&self, elsewhere: &HashSet<u64>) -> Vec<Option<Marks>> {
        let is_marked = |index: usize| self.keys[index].is_none() && self.is_lost(index, elsewhere);
        let marks =
            (0..self.items.len()).map(|index| is_marked(index).then(|| Marks::of(&self.items[index])));
        marks.collect()
    }
}

/// Finds those that have kept their identity, their key, or all that is in them.
pub(super) fn find_same<T: Tree>(before: &mut Items<'_, T>, after: &mut Items<'_, T>) {
    let identities = |items: &Items<'_, T>| items.items.iter().map(Tree::identity).collect::<Vec<_>>();
    let pairs = pairs(&identities(before), &identities(after), Among::All);
    note(before, after, pairs);
    let pairs = self::pairs(&before.keys, &after.keys, Among::Unique);
    note(before, after, pairs);
    before.digest_left();
    after.digest_left();
    let mut pairs = self::pairs(&before.digests, &after.digests, Among::Unique);
    pairs.retain(|(index, number)| same(&before.items[*index], &after.items[*number]));
    note(before, after, pairs);
}

/// Finds those that have no key, and were moved and changed.
pub(super) fn find_changed<T: Tree>(
    before: &mut Items<'_, T>,
    after: &mut Items<'_, T>,
    elsewhere: &HashSet<u64>,
) {
    let pairs = find_again(&before.marks(elsewhere), &after.marks(elsewhere));
    note(before, after, pairs);
}

fn note<T>(before: &mut Items<'_, T>, after: &mut Items<'_, T>, pairs: Vec<(usize, usize)>) {
    for (index, number) in pairs {
        if before.found[index].is_none() && after.found[number].is_none() {
            before.found[index] = Some(number);
            after.found[number] = Some(index);
        }
    }
}

/// Whether what several items have in common tells which is which.
#[derive(Clone, Copy, PartialEq)]
enum Among {
    /// It does not.
    Unique,
    /// They come in their order.
    All,
}

/// Pairs of items that have a mark in common.
fn pairs<M: Eq + Hash>(before: &[Option<M>], after: &[Option<M>], among: Among) -> Vec<(usize, usize)> {
    // Of each mark, the items before in their order, and how many there are after.
    let mut marks: HashMap<&M, (Vec<usize>, usize)> = HashMap::new();
    for (index, mark) in before.iter().enumerate() {
        if let Some(mark) = mark {
            marks.entry(mark).or_default().0.push(index);
        }
    }
    for mark in after.iter().flatten() {
        if let Some((_, count)) = marks.get_mut(mark) {
            *count += 1;
        }
    }
    let mut pairs = Vec::new();
    let mut nth: HashMap<&M, usize> = HashMap::new();
    for (number, mark) in after.iter().enumerate() {
        let Some(mark) = mark else { continue };
        let Some((indexes, count)) = marks.get(mark) else {
            continue;
        };
        if among == Among::Unique && (indexes.len() > 1 || *count > 1) {
            continue;
        }
        let turn = nth.entry(mark).or_default();
        pairs.extend(indexes.get(*turn).map(|index| (*index, number)));
        *turn += 1;
    }
    pairs
}
