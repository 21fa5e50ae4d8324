//! Comparing arrays: which items are found again, in which order, and what became of the others.

use std::collections::HashMap;
use std::hash::Hash;

use serde_json::Value;

use super::marks::{Marks, find_again};
use super::pairs::{Neighbours, pair_up};
use super::tree::{Kind, Tree, digest, is_same_node, same};
use super::{Differ, Place};
use crate::edit::{ArrayEdit, Arrival, Item, Node, longest_increasing};
use crate::value;

impl Differ<'_> {
    pub(super) fn array<T: Tree>(&self, before: &[T], after: &[T], place: Place) -> (Node, usize) {
        let place = place.within(digits(before.len().max(after.len())));
        let start = before
            .iter()
            .zip(after)
            .take_while(|(a, b)| is_unchanged(*a, *b))
            .count();
        let (before_rest, after_rest) = (&before[start..], &after[start..]);
        let backwards = before_rest.iter().rev().zip(after_rest.iter().rev());
        let end = backwards.take_while(|(a, b)| is_unchanged(*a, *b)).count();
        let before = &before_rest[..before_rest.len() - end];
        let after = &after_rest[..after_rest.len() - end];

        let origins = self.origins(before, after, end == 0);
        let mut bytes = 0;
        let mut is_found = vec![false; before.len()];
        let mut edits = Vec::new();
        for (item, origin) in after.iter().zip(&origins) {
            let Some((index, _)) = *origin else { continue };
            is_found[index] = true;
            let (edit, edit_bytes) = self.node(&before[index], item, place);
            bytes += edit_bytes;
            edits.push((start + index, edit));
        }
        let mut gone: Vec<_> = (0..before.len())
            .filter(|index| !is_found[*index])
            .map(|index| start + index)
            .collect();
        bytes += gone.len() * place.patch_bytes();
        let mut arrivals = Vec::new();
        let mut gap = start;
        for (item, origin) in after.iter().zip(&origins) {
            let item = match *origin {
                Some((index, Fate::Stays)) => {
                    gap = start + index + 1;
                    continue;
                }
                Some((index, Fate::Moves)) => {
                    gone.push(start + index);
                    bytes += place.patch_bytes();
                    Item::Moved(start + index)
                }
                None => {
                    let value = item.to_value();
                    bytes += place.patch_bytes() + value::bytes(&value);
                    Item::New(value)
                }
            };
            arrivals.push(Arrival { gap, item });
        }
        (Node::array(ArrayEdit::new(gone, arrivals, edits)), bytes)
    }

    /// For each item after, which item before it was, and whether that stays. `are_last` if nothing follows them.
    fn origins<T: Tree>(&self, before: &[T], after: &[T], are_last: bool) -> Vec<Option<(usize, Fate)>> {
        let mut found = Found {
            of_before: vec![false; before.len()],
            of_after: vec![None; after.len()],
        };
        found.again(
            &numbers_of(before, Tree::identity),
            &numbers_of(after, Tree::identity),
            Among::All,
        );
        let keys = |items: &[T]| items.iter().map(|item| self.key(item)).collect::<Vec<_>>();
        let (before_keys, after_keys) = (keys(before), keys(after));
        found.again(&before_keys, &after_keys, Among::Unique);
        let left_of = |items: &[T], is_left: &dyn Fn(usize) -> bool| -> Vec<Option<u64>> {
            items
                .iter()
                .enumerate()
                .map(|(index, item)| is_left(index).then(|| digest(item)))
                .collect()
        };
        let before_digests = left_of(before, &|index| !found.of_before[index]);
        let after_digests = left_of(after, &|index| found.of_after[index].is_none());
        found.again_if(&before_digests, &after_digests, Among::Unique, |index, number| {
            same(&before[index], &after[number])
        });
        self.left.borrow_mut().add(
            telling(before, &before_digests, |index| !found.of_before[index]),
            telling(after, &after_digests, |index| found.of_after[index].is_none()),
        );
        // What is not the same anywhere near.
        let is_elsewhere =
            |digest: Option<u64>| digest.is_some_and(|digest| self.elsewhere.contains(&digest));
        let stands_alone = |digests: &[Option<u64>]| -> Vec<bool> {
            digests.iter().map(|digest| is_elsewhere(*digest)).collect()
        };
        let (gone_elsewhere, come_from_elsewhere) =
            (stands_alone(&before_digests), stands_alone(&after_digests));
        let is_left_before = |found: &Found, index: usize| !found.of_before[index] && !gone_elsewhere[index];
        let is_left_after =
            |found: &Found, index: usize| found.of_after[index].is_none() && !come_from_elsewhere[index];
        let marks =
            |items: &[T], keys: &[Option<Key>], is_left: &dyn Fn(usize) -> bool| -> Vec<Option<Marks>> {
                let marks = |index: usize| {
                    (is_left(index) && keys[index].is_none()).then(|| Marks::of(&items[index]))
                };
                (0..items.len()).map(marks).collect()
            };
        let before_marks = marks(before, &before_keys, &|index| is_left_before(&found, index));
        let after_marks = marks(after, &after_keys, &|index| is_left_after(&found, index));
        for (index, number) in find_again(&before_marks, &after_marks) {
            found.of_before[index] = true;
            found.of_after[number] = Some(index);
        }

        let (numbers, indexes): (Vec<usize>, Vec<usize>) = found
            .of_after
            .iter()
            .enumerate()
            .filter_map(|(number, index)| Some((number, (*index)?)))
            .unzip();
        let mut origins: Vec<_> = found
            .of_after
            .iter()
            .map(|index| index.map(|index| (index, Fate::Moves)))
            .collect();
        // What is left between two that stay is paired up there.
        let (mut next_before, mut next_after) = (0, 0);
        let kept = longest_increasing(&indexes)
            .into_iter()
            .map(|kept| (indexes[kept], numbers[kept]));
        for (index, number) in kept.chain([(before.len(), after.len())]) {
            let left_before: Vec<_> = (next_before..index)
                .filter(|index| is_left_before(&found, *index))
                .collect();
            let left_after: Vec<_> = (next_after..number)
                .filter(|number| is_left_after(&found, *number))
                .collect();
            let side = |items: &[T], keys: &[Option<Key>], left: &[usize]| -> Vec<_> {
                left.iter()
                    .map(|&index| (items[index].clone(), keys[index].clone()))
                    .collect()
            };
            let pairs = pair_up(
                &side(before, &before_keys, &left_before),
                &side(after, &after_keys, &left_after),
                if are_last && number == after.len() {
                    Neighbours::None
                } else {
                    Neighbours::Behind
                },
            );
            for (paired_before, paired_after) in pairs {
                origins[left_after[paired_after]] = Some((left_before[paired_before], Fate::Stays));
            }
            if let Some(origin) = origins.get_mut(number) {
                *origin = Some((index, Fate::Stays));
            }
            (next_before, next_after) = (index + 1, number + 1);
        }
        origins
    }

    /// What tells an item apart, if it has such a thing.
    fn key<T: Tree>(&self, item: &T) -> Option<Key> {
        if item.kind() != Kind::Object {
            return None;
        }
        self.options.keys.iter().enumerate().find_map(|(number, key)| {
            let member = item.member(key).filter(|member| member.kind() == Kind::Leaf)?;
            match &*member.leaf() {
                Value::String(text) => Some(Key::Text(number, text.clone())),
                Value::Number(value) => Some(Key::Number(number, (value.as_f64()? + 0.0).to_bits())),
                _ => None,
            }
        })
    }
}

/// Which member it is, and its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Text(usize, String),
    Number(usize, u64),
}

/// What becomes of an item that was found again.
#[derive(Clone, Copy)]
enum Fate {
    Stays,
    Moves,
}

/// Whether what several items have in common tells which is which.
#[derive(Clone, Copy, PartialEq)]
enum Among {
    /// It does not.
    Unique,
    /// They come in their order.
    All,
}

/// Which items were found again so far.
struct Found {
    of_before: Vec<bool>,
    /// The index before of each item after.
    of_after: Vec<Option<usize>>,
}

impl Found {
    fn again<M: Eq + Hash>(&mut self, before: &[Option<M>], after: &[Option<M>], among: Among) {
        self.again_if(before, after, among, |_, _| true);
    }

    /// Finds items by their marks.
    fn again_if<M: Eq + Hash>(
        &mut self,
        before: &[Option<M>],
        after: &[Option<M>],
        among: Among,
        is_it: impl Fn(usize, usize) -> bool,
    ) {
        // Of each mark, the items before in their order and how many there are after.
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
            let index = indexes.get(*turn).copied();
            *turn += 1;
            let Some(index) = index else { continue };
            if !self.of_before[index] && self.of_after[number].is_none() && is_it(index, number) {
                self.of_before[index] = true;
                self.of_after[number] = Some(index);
            }
        }
    }
}

/// Digests of those that are left and say something: a text, or what has something in it.
fn telling<'a, T: Tree>(
    items: &'a [T],
    digests: &'a [Option<u64>],
    is_left: impl Fn(usize) -> bool + 'a,
) -> impl Iterator<Item = u64> + 'a {
    let left = (0..items.len()).filter(move |&index| is_left(index) && items[index].is_telling());
    left.filter_map(|index| digests[index])
}

fn numbers_of<T: Tree>(items: &[T], number: fn(&T) -> Option<u64>) -> Vec<Option<u64>> {
    items.iter().map(number).collect()
}

/// Whether the two are one item that has not changed, at the beginning or at the end of both arrays. Where items are told apart, equal ones are not one.
fn is_unchanged<T: Tree>(before: &T, after: &T) -> bool {
    match (before.identity(), after.identity()) {
        (Some(_), Some(_)) => is_same_node(before, after),
        _ => same(before, after),
    }
}

fn digits(length: usize) -> usize {
    length.max(1).ilog10() as usize + 1
}
