//! What someone did, found by comparing the state before with the state after.
//!
//! Patches that were recorded while somebody changed an array say what became of each index, which is not what was meant: taking the first of a
//! thousand items changes all indexes. Between two states the items can be told apart, so taking one is one removal, wherever it was, and
//! `items = items.filter(..)` or `{...state}` are what they mean. In arrays, items are found again by
//! 1. identity, where the caller has it: immutable updates keep what they do not change;
//! 2. a key, such as `id`;
//! 3. being equal;
//! 4. having something that no other item has, and half of the rest: it was moved and changed;
//! 5. being alike and between the same neighbours: it is an edit, and not one item gone and another one new. It is not if one of them has come
//!    from another array, or has gone there.
//!
//! Of those found again, as many as can be keep their order (the longest increasing subsequence), and the others have moved.
//!
//! # What it gives up
//! A replacement of everything is smaller than the patches when little is left of what was there, but it takes with it what others do in there
//! at the same time. So it has to pay for itself: only what takes eight kibibytes of patches or more is replaced, where that is less than half as
//! long. The root is never replaced by what is an object or an array as before: a document is not begun anew unless somebody asks for it.
//!
//! The order of an object's keys is not compared. New keys come in the order in which they are in the state after.

mod array;
mod elsewhere;
mod found;
mod marks;
mod pairs;
mod tree;

use std::cell::RefCell;
use std::collections::HashSet;

use elsewhere::Left;
use indexmap::IndexMap;
use serde_json::Value;

pub(crate) use tree::digest;
pub use tree::{Kind, Tree};

use crate::edit::{Edit, KEYS, Node};
use crate::value;

/// How things are found again.
#[derive(Clone, Debug)]
pub struct Options {
    /// The members that tell items apart, the first that is there: [`KEYS`] unless there are better ones. Their values are strings or numbers, each of which no other item has.
    pub keys: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            keys: KEYS.map(str::to_owned).to_vec(),
        }
    }
}

/// What makes `after` of `before`.
pub fn diff(before: &Value, after: &Value) -> Edit {
    diff_with(&before, &after, &Options::default())
}

/// What makes `after` of `before`, of any kind of tree, with options.
pub fn diff_with<T: Tree>(before: &T, after: &T, options: &Options) -> Edit {
    let compare = |elsewhere: HashSet<u64>| {
        let differ = Differ {
            options,
            elsewhere,
            left: RefCell::default(),
        };
        let root = Place {
            path_bytes: "[]".len(),
            is_root: true,
        };
        let (edit, _) = differ.node(before, after, root);
        (Edit(edit), differ.left.into_inner().elsewhere())
    };
    match compare(HashSet::new()) {
        (edit, elsewhere) if elsewhere.is_empty() => edit,
        // What has moved between arrays is known only when all of them were looked at.
        (_, elsewhere) => compare(elsewhere).0,
    }
}

struct Differ<'a> {
    options: &'a Options,
    /// Digests of what is in another array after.
    elsewhere: HashSet<u64>,
    left: RefCell<Left>,
}

/// Where something is, as far as it matters for what patches cost.
#[derive(Clone, Copy)]
struct Place {
    path_bytes: usize,
    is_root: bool,
}

impl Place {
    fn within(self, segment_bytes: usize) -> Place {
        Place {
            path_bytes: self.path_bytes + segment_bytes + ",".len(),
            is_root: false,
        }
    }

    /// Bytes of a patch for this place, without its value.
    fn patch_bytes(self) -> usize {
        r#"{"op":"replace","path":,"value":},"#.len() + self.path_bytes
    }
}

/// Bytes of patches below which nothing is replaced that could be changed.
const WORTH_REPLACING: usize = 8 << 10;

impl Differ<'_> {
    /// What changes, and about how many bytes of patches that is.
    fn node<T: Tree>(&self, before: &T, after: &T, place: Place) -> (Node, usize) {
        if tree::is_same_node(before, after) {
            return (Node::Keep, 0);
        }
        let (edit, bytes) = match (before.kind(), after.kind()) {
            (Kind::Object, Kind::Object) => self.object(before, after, place),
            (Kind::Array, Kind::Array) => self.array(&before.items(), &after.items(), place),
            (Kind::Leaf, Kind::Leaf) if tree::same(before, after) => return (Node::Keep, 0),
            _ => return set(after, place, Node::Set),
        };
        if bytes >= WORTH_REPLACING && !place.is_root {
            let (set, set_bytes) = set(after, place, Node::Set);
            if bytes > 2 * set_bytes {
                return (set, set_bytes);
            }
        }
        (edit, bytes)
    }

    fn object<T: Tree>(&self, before: &T, after: &T, place: Place) -> (Node, usize) {
        let mut edits = IndexMap::new();
        let mut bytes = 0;
        before.each_member(&mut |key, _| {
            if after.member(key).is_none() {
                bytes += place.within(value::key_bytes(key)).patch_bytes();
                edits.insert(key.to_owned(), Node::Unset);
            }
        });
        after.each_member(&mut |key, member| {
            let place = place.within(value::key_bytes(key));
            let (edit, edit_bytes) = match before.member(key) {
                Some(before) => self.node(&before, &member, place),
                None => set(&member, place, Node::Add),
            };
            if !edit.is_keep() {
                bytes += edit_bytes;
                edits.insert(key.to_owned(), edit);
            }
        });
        (Node::object(edits), bytes)
    }
}

fn set<T: Tree>(value: &T, place: Place, node: fn(Value) -> Node) -> (Node, usize) {
    let value = value.to_value();
    let bytes = place.patch_bytes() + value::bytes(&value);
    (node(value), bytes)
}
