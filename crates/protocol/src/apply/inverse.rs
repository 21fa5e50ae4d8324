//! The inverse of an edit that is not made.

use std::mem;

use serde_json::Value;

use super::Document;
use crate::edit::{Edit, Node};

impl Document {
    /// The inverse of an edit of this document. The bytes that it takes in memory, about, of what the edit would replace and remove, are
    /// taken off `left`; `None` if there are not enough.
    pub fn inverse_within(&self, edit: &Edit, left: &mut usize) -> Option<Edit> {
        spend_gone(&edit.0, &self.value, left)?;
        Some(edit.invert(&self.value))
    }
}

/// Takes what goes by an edit off what is left.
fn spend_gone(node: &Node, place: &Value, left: &mut usize) -> Option<()> {
    match (node, place) {
        (Node::Set(_) | Node::Add(_) | Node::Unset, old) => spend(old, left),
        (Node::Object(edits), Value::Object(members)) => edits
            .iter()
            .filter_map(|(key, edit)| Some((edit, members.get(key)?)))
            .try_for_each(|(edit, member)| spend_gone(edit, member, left)),
        (Node::Array(edit), Value::Array(items)) => {
            edit.removed()
                .filter_map(|index| items.get(index))
                .try_for_each(|item| spend(item, left))?;
            edit.edits()
                .iter()
                .filter_map(|(index, edit)| Some((edit, items.get(*index)?)))
                .try_for_each(|(edit, item)| spend_gone(edit, item, left))
        }
        _ => Some(()),
    }
}

/// Stops as soon as nothing is left, however large the value is.
fn spend(value: &Value, left: &mut usize) -> Option<()> {
    let text = match value {
        Value::String(text) => text.len(),
        _ => 0,
    };
    *left = left.checked_sub(mem::size_of::<Value>() + text)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| spend(item, left)),
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            *left = left.checked_sub(key.len())?;
            spend(member, left)
        }),
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::patch::{Op, Patch};

    #[test]
    fn what_would_go_is_bounded_and_what_stays_is_not_looked_at() {
        let long = "x".repeat(10_000);
        let document = Document::new(json!({ "a": { "b": [long], "c": [1, long] } })).unwrap();
        let remove = |path| {
            let edit = Edit::of(document.value(), &[Patch::new(path, Op::Remove)]).unwrap();
            (
                edit.invert(document.value()),
                document.inverse_within(&edit, &mut 5_000),
            )
        };
        for (path, fits) in [
            (vec!["a".into(), "c".into(), 0_usize.into()], true),
            (vec!["a".into(), "c".into(), 1_usize.into()], false),
            (vec!["a".into(), "b".into()], false),
            (vec!["a".into()], false),
            (vec!["b".into()], true),
        ] {
            let (inverse, within) = remove(path.clone());
            assert_eq!(within, fits.then_some(inverse), "{path:?}");
        }
    }
}
