//! Items that two people have both put into an array, and that are one.
//!
//! Who takes something from one list and puts it into another has removed it and inserted it. When two do that, it is removed once, and would be
//! there twice. So what both insert is one item, if it is equal and has a key that nothing else has which either inserts.

use std::collections::HashMap;

use serde_json::Value;

use super::KEYS;
use super::array::{ArrayEdit, Item};
use crate::value::same;

/// The arrivals of `edit` that are one with arrivals of `over`: the number of the one by that of the other.
pub(super) fn twins(edit: &ArrayEdit, over: &ArrayEdit) -> HashMap<usize, usize> {
    let ours = named(edit);
    if ours.is_empty() {
        return HashMap::new();
    }
    let theirs = named(over);
    let found = ours.into_iter().filter_map(|(name, (number, value))| {
        let (other, other_value) = theirs.get(&name)?;
        same(value?, (*other_value)?).then_some((number, *other))
    });
    found.collect()
}

/// New items by their keys, with their numbers. Where several have one key, it has no value.
fn named(edit: &ArrayEdit) -> HashMap<String, (usize, Option<&Value>)> {
    let mut named = HashMap::new();
    for (number, arrival) in edit.arrivals().iter().enumerate() {
        if let Item::New(value) = &arrival.item
            && let Some(name) = name(value)
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
fn name(item: &Value) -> Option<String> {
    KEYS.iter().find_map(|key| match item.get(key)? {
        value @ (Value::String(_) | Value::Number(_)) => Some(format!("{key}:{value}")),
        _ => None,
    })
}
