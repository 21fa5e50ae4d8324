//! Comparing arrays: which items are found again, in which order, and what became of the others.

use std::ops::Range;

use serde_json::Value;

use super::found::{Items, find_changed, find_same};
use super::pairs::{Neighbours, pair_up};
use super::tree::{Kind, Tree, is_same_node, same};
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
        let mut before = Items::new(before, before.iter().map(|item| self.key(item)).collect());
        let mut after = Items::new(after, after.iter().map(|item| self.key(item)).collect());
        find_same(&mut before, &mut after);
        self.left.borrow_mut().add(before.left(), after.left());
        find_changed(&mut before, &mut after, &self.elsewhere);

        let found = after.found.iter().enumerate();
        let (numbers, indexes): (Vec<usize>, Vec<usize>) = found
            .filter_map(|(number, index)| Some((number, (*index)?)))
            .unzip();
        let moves = |index: &Option<usize>| index.map(|index| (index, Fate::Moves));
        let mut origins: Vec<_> = after.found.iter().map(moves).collect();
        // What is left between two that stay is paired up there.
        let (mut next_before, mut next_after) = (0, 0);
        let kept = longest_increasing(&indexes)
            .into_iter()
            .map(|kept| (indexes[kept], numbers[kept]));
        let lost = |of: &Items<'_, T>, range: Range<usize>| -> Vec<usize> {
            range
                .filter(|index| of.is_lost(*index, &self.elsewhere))
                .collect()
        };
        let with_keys = |of: &Items<'_, T>, indexes: &[usize]| -> Vec<_> {
            let item = |index: &usize| (of.items[*index].clone(), of.keys[*index].clone());
            indexes.iter().map(item).collect()
        };
        for (index, number) in kept.chain([(before.items.len(), after.items.len())]) {
            let left_before = lost(&before, next_before..index);
            let left_after = lost(&after, next_after..number);
            let neighbours = match are_last && number == after.items.len() {
                true => Neighbours::None,
                false => Neighbours::Behind,
            };
            let pairs = pair_up(
                &with_keys(&before, &left_before),
                &with_keys(&after, &left_after),
                neighbours,
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
