//! Finding items again that have no key, and were both moved and changed: by what only they have.

use std::collections::HashMap;

use super::tree::{Kind, Tree, digest};

/// Children of an item that are looked at.
const MAX_CHILDREN: usize = 16;

/// Pairs of what is the same item, wherever it is. An item without marks, because it has a key, is nothing's pair.
///
/// Both have more of their own in common with each other than with anything else, and at least half of all they have.
pub(super) fn find_again(before: &[Option<Marks>], after: &[Option<Marks>]) -> Vec<(usize, usize)> {
    // Each mark that a single item has on either side is a vote.
    let (owners, others) = (owners(before), owners(after));
    let mut votes: HashMap<(usize, usize), usize> = HashMap::new();
    for (mark, owner) in owners {
        if let (Some(index), Some(Some(number))) = (owner, others.get(&mark)) {
            *votes.entry((index, *number)).or_default() += 1;
        }
    }
    let best_before = best(
        votes
            .iter()
            .map(|((index, number), votes)| (*index, *number, *votes)),
    );
    let best_after = best(
        votes
            .iter()
            .map(|((index, number), votes)| (*number, *index, *votes)),
    );
    let mut pairs: Vec<_> = votes
        .into_keys()
        .filter(|(index, number)| best_before.get(index) == Some(&Some(*number)))
        .filter(|(index, number)| best_after.get(number) == Some(&Some(*index)))
        .filter(|(index, number)| match (&before[*index], &after[*number]) {
            (Some(before), Some(after)) => before.are_mostly_in(after),
            _ => false,
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

/// What an item is known by.
pub(super) struct Marks {
    kind: Kind,
    /// All that it has.
    children: Vec<u64>,
    /// That of it which says something: texts, and what has something in it. Numbers coincide.
    telling: Vec<u64>,
}

impl Marks {
    pub fn of<T: Tree>(item: &T) -> Marks {
        let kind = item.kind();
        let (mut children, mut telling) = (Vec::new(), Vec::new());
        let mut add = |name: &str, child: &T| {
            if children.len() < MAX_CHILDREN {
                let mark = digest(child).rotate_left(1) ^ digest(&&serde_json::Value::from(name));
                children.push(mark);
                if child.is_telling() {
                    telling.push(mark);
                }
            }
        };
        match kind {
            Kind::Leaf => {}
            Kind::Array => item.items().iter().for_each(|child| add("", child)),
            Kind::Object => item.each_member(&mut |name, child| add(name, &child)),
        }
        // What it has twice is its own nevertheless.
        telling.sort_unstable();
        telling.dedup();
        Marks {
            kind,
            children,
            telling,
        }
    }

    fn are_mostly_in(&self, other: &Marks) -> bool {
        let shared = self
            .children
            .iter()
            .filter(|mark| other.children.contains(mark))
            .count();
        self.kind == other.kind && 2 * shared >= self.children.len().max(other.children.len())
    }
}

/// Who has a mark, if it is one alone.
fn owners(items: &[Option<Marks>]) -> HashMap<u64, Option<usize>> {
    let mut owners = HashMap::new();
    for (index, marks) in items.iter().enumerate() {
        for mark in marks.iter().flat_map(|marks| &marks.telling) {
            owners
                .entry(*mark)
                .and_modify(|owner| *owner = None)
                .or_insert(Some(index));
        }
    }
    owners
}

/// For each, the other that has the most votes, if one has.
fn best(votes: impl Iterator<Item = (usize, usize, usize)>) -> HashMap<usize, Option<usize>> {
    let mut best: HashMap<usize, (usize, Option<usize>)> = HashMap::new();
    for (one, other, votes) in votes {
        let entry = best.entry(one).or_insert((0, None));
        match votes.cmp(&entry.0) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => entry.1 = None,
            std::cmp::Ordering::Greater => *entry = (votes, Some(other)),
        }
    }
    best.into_iter().map(|(one, (_, other))| (one, other)).collect()
}
