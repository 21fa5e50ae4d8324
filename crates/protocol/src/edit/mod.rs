//! What patches change, as a tree: as large as the change, never as the document.
//!
//! Patches are a list, each made on what the one before has left. That is how they travel, and how they apply. To reason about them they are
//! made one [`Edit`], all of which is in the coordinates of one document, its *base*: which keys get which value, which items of an array
//! go, move or change, and what arrives between which two of them. Edits are composed, inverted, carried over other edits, and written as
//! patches again, the fewest that do the same.
//!
//! # Laws
//! For edits `a` and `b` of one base, of which `a` is the earlier in the order of the server:
//! - `a.patches()` apply to the base as the patches do that `a` was made of, and `Edit::of` them is `a` again.
//! - TP1: the base, then `a`, then `b` carried over `a` is the same document as the base, then `b`, then `a` carried over `b`.
//! - `a.compose(c)` is `a`, then `c`; `a.invert(base)` leads back from what `a` makes of the base.
//!
//! # Who wins
//! There is one merge of two edits, and [`transform`](Edit::transform) gives what is missing of it when one of them has been made. So TP1 does
//! not depend on any of these rules, only what people find does:
//!
//! | one | the other | what is made |
//! | --- | --- | --- |
//! | sets or removes a key, an item's or the root's whole value | sets or removes it too | the later counts |
//! | sets or removes a key | edits within it | what is set or removed; the edit is absorbed |
//! | removes an item | edits or moves it, or removes it too | it is removed, once |
//! | removes an item | replaces all of it | the new one is there |
//! | moves an item | moves it too | it moves once, to where the later moves it |
//! | moves an item | edits it | both |
//! | inserts items | inserts items in the same place | both, those of the earlier first |
//! | moves items | inserts items in the same place | both, the new ones behind, or before all at the beginning |
//! | inserts an item with a key | inserts the same one, an equal one with that key | it is there once |
//! | takes an item from one array to another | takes it there or elsewhere too | it is there once, in the array where the later has put it, and as it has it |
//!
//! What arrives where an item has gone takes that item's place, so what others put before or after that item stays before or after it.

mod apart;
mod array;
mod compose;
mod doubles;
mod from_patches;
mod increasing;
mod invert;
mod merge;
mod place;
mod squash;
mod to_patches;
mod transform;
mod twins;
mod whole;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use merge::merge;
pub use squash::{squash, squash_unseen};
pub use transform::{Conflict, Outcome, Side, Transformed};

use crate::value;
pub(crate) use array::{ArrayEdit, Arrival, Item};
pub(crate) use increasing::longest_increasing;
pub(crate) use invert::invert_order;

/// The members that tell items of an array apart, the first that is there: strings or numbers.
pub const KEYS: [&str; 4] = ["id", "key", "_id", "uuid"];

/// What changes at one place of a document, and below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit(pub(crate) Node);

/// An [`Edit`], to those who make them. Nothing within one is `Keep`, and no list or map of edits is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Node {
    /// Nothing changes.
    #[default]
    Keep,
    /// The place gets this value, in the stead of another one.
    Set(Value),
    /// The key is new, and gets this value.
    Add(Value),
    /// The key goes. In arrays, it is for the array to say which items go.
    Unset,
    /// What changes in an object, key by key, in the order in which new keys come.
    Object(IndexMap<String, Node>),
    /// What changes in an array.
    Array(ArrayEdit),
}

impl Edit {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0 == Node::Keep
    }

    /// Whether it replaces the whole document.
    pub fn is_reset(&self) -> bool {
        matches!(self.0, Node::Set(_))
    }

    /// Makes the change. What does not fit the value, which is then not the base, is left out.
    pub fn apply(self, value: &mut Value) {
        self.0.apply(value);
    }
}

impl Node {
    pub fn object(members: IndexMap<String, Node>) -> Node {
        if members.is_empty() {
            Node::Keep
        } else {
            Node::Object(members)
        }
    }

    pub fn array(edit: ArrayEdit) -> Node {
        if edit.is_empty() {
            Node::Keep
        } else {
            Node::Array(edit)
        }
    }

    pub fn is_keep(&self) -> bool {
        matches!(self, Node::Keep)
    }

    pub fn apply(self, value: &mut Value) {
        match (self, value) {
            (Node::Set(new) | Node::Add(new), value) => *value = new,
            (Node::Object(edits), Value::Object(members)) if is_worth_a_pass(&edits) => {
                members.retain(|key, _| !matches!(edits.get(key), Some(Node::Unset)));
                for (key, edit) in edits {
                    match edit {
                        Node::Set(new) | Node::Add(new) => drop(members.insert(key, new)),
                        edit => edit.apply_to_key(members, key),
                    }
                }
                value::order_keys(members);
            }
            (Node::Object(edits), Value::Object(members)) => {
                edits
                    .into_iter()
                    .for_each(|(key, edit)| edit.apply_to_key(members, key));
            }
            (Node::Array(edit), Value::Array(items)) => edit.apply(items),
            _ => {}
        }
    }

    fn apply_to_key(self, members: &mut Map<String, Value>, key: String) {
        match self {
            Node::Set(new) | Node::Add(new) => drop(value::insert(members, key, new)),
            Node::Unset => drop(members.shift_remove(&key)),
            edit => {
                if let Some(member) = members.get_mut(&key) {
                    edit.apply(member);
                }
            }
        }
    }
}

/// Whether so many keys come and go that one pass over the object is cheaper than moving what is behind each of them.
pub(crate) fn is_worth_a_pass(edits: &IndexMap<String, Node>) -> bool {
    const FEW: usize = 16;

    let moves_others = |(key, edit): (&String, &Node)| match edit {
        Node::Unset => true,
        // Integers stand before all other keys.
        Node::Set(_) | Node::Add(_) => key.starts_with(|first: char| first.is_ascii_digit()),
        Node::Keep | Node::Object(_) | Node::Array(_) => false,
    };
    edits.len() > FEW && edits.iter().filter(|edit| moves_others(*edit)).count() > FEW
}
