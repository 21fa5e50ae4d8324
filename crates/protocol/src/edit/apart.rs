//! Whether an edit has to be carried over another one at all.

use super::array::ArrayEdit;
use super::{Edit, Node};

impl Edit {
    /// Whether this edit is the same after `over`, whichever of them is the later, and there is no conflict. `false` does not say that it is not.
    ///
    /// It costs what the smaller of them has at each place, and makes nothing: of what two people do to one document, most has nothing to do
    /// with the other's.
    pub fn is_apart_from(&self, over: &Edit) -> bool {
        node(&self.0, &over.0)
    }
}

fn node(edit: &Node, over: &Node) -> bool {
    match (edit, over) {
        (Node::Keep, _) | (_, Node::Keep) => true,
        (Node::Object(edits), Node::Object(over)) if edits.len() < over.len() => edits
            .iter()
            .all(|(key, edit)| over.get(key).is_none_or(|over| node(edit, over))),
        (Node::Object(edits), Node::Object(over)) => over
            .iter()
            .all(|(key, over)| edits.get(key).is_none_or(|edit| node(edit, over))),
        (Node::Array(edit), Node::Array(over)) => array(edit, over),
        _ => false,
    }
}

fn array(edit: &ArrayEdit, over: &ArrayEdit) -> bool {
    if !over.gone().is_empty() || !over.arrivals().is_empty() {
        return false;
    }
    over.edits()
        .iter()
        .all(|(index, over)| match edit.edit_of(*index) {
            Some(edit) => node(edit, over),
            None => !edit.removes(*index),
        })
}
