//! Pairing up what was not found again, between the same neighbours: an item without a key that was edited.

use serde_json::Value;

use super::array::Key;
use super::tree::{Kind, Tree, digest, same};

/// Items to compare with each other at most: what is beyond is paired up by position.
const MAX_COMPARED: usize = 2_500;

/// Children of an item that are looked at to find out whether it is like another one.
const MAX_CHILDREN: usize = 16;

/// What follows the items that are paired up.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Neighbours {
    /// An item that is there before and after.
    Behind,
    /// Nothing: it is the end of the array.
    None,
}

/// Pairs of what is the same item, as indexes on both sides, both in order. Each item comes with its key.
pub(super) fn pair_up<T: Tree>(
    before: &[(T, Option<Key>)],
    after: &[(T, Option<Key>)],
    neighbours: Neighbours,
) -> Vec<(usize, usize)> {
    if before.is_empty() || after.is_empty() {
        return Vec::new();
    }
    let neighbours = match before.len() {
        // As many as there were: each has become another one.
        count if count > 1 && count == after.len() => Neighbours::Behind,
        _ => neighbours,
    };
    let before: Vec<_> = before.iter().map(Looks::of).collect();
    let after: Vec<_> = after.iter().map(Looks::of).collect();
    if before.len() * after.len() > MAX_COMPARED {
        let positions = 0..before.len().min(after.len());
        return positions
            .filter(|&at| likeness(&before[at], &after[at], neighbours) > 0)
            .map(|at| (at, at))
            .collect();
    }
    // The heaviest common subsequence: what is the most alike in all, in order.
    let width = after.len() + 1;
    let mut best = vec![0_usize; (before.len() + 1) * width];
    for (index, item) in before.iter().enumerate().rev() {
        for (number, other) in after.iter().enumerate().rev() {
            let likeness = likeness(item, other, neighbours);
            let paired = if likeness > 0 {
                likeness + best[(index + 1) * width + number + 1]
            } else {
                0
            };
            let skipped = best[(index + 1) * width + number].max(best[index * width + number + 1]);
            best[index * width + number] = paired.max(skipped);
        }
    }
    let mut pairs = Vec::new();
    let (mut index, mut number) = (0, 0);
    while index < before.len() && number < after.len() {
        let here = best[index * width + number];
        let likeness = likeness(&before[index], &after[number], neighbours);
        if likeness > 0 && here == likeness + best[(index + 1) * width + number + 1] {
            pairs.push((index, number));
            index += 1;
            number += 1;
        } else if here == best[(index + 1) * width + number] {
            index += 1;
        } else {
            number += 1;
        }
    }
    pairs
}

/// What of an item is compared.
struct Looks<'a, T> {
    item: &'a T,
    kind: Kind,
    key: &'a Option<Key>,
    /// Digests of its first items, or of its first members with their names.
    children: Vec<u64>,
    /// Digests of the names of its first members.
    names: Vec<u64>,
}

impl<'a, T: Tree> Looks<'a, T> {
    fn of((item, key): &'a (T, Option<Key>)) -> Self {
        let (mut children, mut names) = (Vec::new(), Vec::new());
        let kind = item.kind();
        match kind {
            Kind::Leaf => {}
            Kind::Array => children.extend(item.items().iter().take(MAX_CHILDREN).map(digest)),
            Kind::Object => item.each_member(&mut |name, member| {
                if names.len() < MAX_CHILDREN {
                    let name = digest(&&serde_json::Value::from(name));
                    names.push(name);
                    children.push(digest(&member).rotate_left(1) ^ name);
                }
            }),
        }
        Looks {
            item,
            kind,
            key,
            children,
            names,
        }
    }
}

/// How sure it is that both are one item; 0 if they are not.
fn likeness<T: Tree>(before: &Looks<'_, T>, after: &Looks<'_, T>, neighbours: Neighbours) -> usize {
    const SOME: usize = 1;
    const MORE: usize = 4;
    const MOST: usize = 16;

    let shared = |a: &[u64], b: &[u64]| a.iter().filter(|one| b.contains(one)).count();
    let children = shared(&before.children, &after.children).min(MOST - MORE - 1);
    match (before.kind, after.kind) {
        (Kind::Leaf, Kind::Leaf) if same(before.item, after.item) => MOST,
        // The end is where lists of names grow: one has gone there, and another one is new. Numbers may as well be coordinates, and an empty
        // place was filled.
        (Kind::Leaf, Kind::Leaf)
            if neighbours == Neighbours::None && are_names(&before.item.leaf(), &after.item.leaf()) =>
        {
            0
        }
        (Kind::Leaf, Kind::Leaf) => SOME,
        (Kind::Array, Kind::Array) if children > 0 => MORE + children,
        (Kind::Array, Kind::Array) => SOME,
        (Kind::Object, Kind::Object) => match (before.key, after.key) {
            (Some(a), Some(b)) if a != b => 0,
            (Some(_), Some(_)) => MOST,
            _ if children > 0 => MORE + children,
            (None, None) if shared(&before.names, &after.names) > 0 => SOME,
            _ => 0,
        },
        _ => 0,
    }
}

/// Whether both are texts, of which one is not the other with less than as much written into it. An empty one waits for a text.
fn are_names(before: &Value, after: &Value) -> bool {
    let (Value::String(before), Value::String(after)) = (before, after) else {
        return false;
    };
    let (before, after) = (before.as_bytes(), after.as_bytes());
    let alike = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
    let shared =
        alike(&mut before.iter().zip(after)) + alike(&mut before.iter().rev().zip(after.iter().rev()));
    let (shorter, longer) = (before.len().min(after.len()), before.len().max(after.len()));
    shorter > 0 && (shared < shorter || longer >= 2 * shorter)
}
