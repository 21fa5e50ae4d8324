//! Items that two people have both put into an array, and that are one.
//!
//! Who takes something from one list and puts it into another has removed it and inserted it. When two do that, it is removed once, and would be
//! there twice. So what both insert into one array is one item, if nothing else that either inserts there is like it, and if
//! - it has a key and is equal; or
//! - it has the same key or is equal, and both take the same thing away, wherever that is: it is what they put back here.

use std::collections::HashMap;

use serde_json::Value;

use super::array::{ArrayEdit, Item};
use super::{KEYS, Node};
use crate::diff::digest;
use crate::value::same;

/// Two arrivals that are one, by their numbers.
#[derive(Clone, Copy)]
pub(super) struct Twin {
    pub number: usize,
    pub is_equal: bool,
}

/// The arrivals of `over` that are one with arrivals of `edit`, by the numbers of these. `both_take` is what [`both_take`] says of the edits of
/// which these are parts.
pub(super) fn twins(edit: &ArrayEdit, over: &ArrayEdit, both_take: bool) -> HashMap<usize, Twin> {
    let ours = named(edit, both_take);
    if ours.is_empty() {
        return HashMap::new();
    }
    let theirs = named(over, both_take);
    let found = ours.into_iter().filter_map(|(name, (number, value))| {
        let (other, other_value) = theirs.get(&name)?;
        let is_equal = same(value?, (*other_value)?);
        let twin = Twin {
            number: *other,
            is_equal,
        };
        (is_equal || both_take).then_some((number, twin))
    });
    found.collect()
}

/// Whether there is something that both edits take from its place for good.
pub(super) fn both_take(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Unset, Node::Unset) => true,
        (Node::Object(a), Node::Object(b)) => {
            let (fewer, more) = if a.len() < b.len() { (a, b) } else { (b, a) };
            let mut shared = fewer
                .iter()
                .filter_map(|(key, edit)| Some((edit, more.get(key)?)));
            shared.any(|(a, b)| both_take(a, b))
        }
        (Node::Array(a), Node::Array(b)) => {
            let is_shorter = a.gone().len() < b.gone().len();
            let (fewer, more) = if is_shorter { (a, b) } else { (b, a) };
            let mut shared = a
                .edits()
                .iter()
                .filter_map(|(index, edit)| Some((edit, b.edit_of(*index)?)));
            fewer.removed().any(|index| more.removes(index)) || shared.any(|(a, b)| both_take(a, b))
        }
        _ => false,
    }
}

/// New items by what makes them known, with their numbers: their keys, or all of them if those without one count too. Where several
/// have one name, it has no value.
fn named(edit: &ArrayEdit, is_any: bool) -> HashMap<String, (usize, Option<&Value>)> {
    let mut named = HashMap::new();
    for (number, arrival) in edit.arrivals().iter().enumerate() {
        if let Item::New(value) = &arrival.item
            && let Some(name) = key(value).or_else(|| is_any.then(|| name(value)))
        {
            named
                .entry(name)
                .and_modify(|(_, value)| *value = None)
                .or_insert((number, Some(value)));
        }
    }
    named
}

/// Which key an item has, and its value.
pub(super) fn key(item: &Value) -> Option<String> {
    KEYS.iter().find_map(|key| match item.get(key)? {
        value @ (Value::String(_) | Value::Number(_)) => Some(format!("{key}:{value}")),
        _ => None,
    })
}

/// What all equal items have in common.
pub(super) fn name(item: &Value) -> String {
    format!("={}", digest(&item))
}
