//! The way back.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::array::{ArrayEdit, Arrival, Item};
use super::{Edit, Node};

impl Edit {
    /// The edit of what this one makes of `base` that makes `base` of it again.
    ///
    /// It costs what has gone and was replaced. Keys that come back come last.
    pub fn invert(&self, base: &Value) -> Edit {
        Edit(invert(&self.0, Some(base)))
    }
}

/// `base` is what was there, if anything was.
fn invert(edit: &Node, base: Option<&Value>) -> Node {
    match (edit, base) {
        (Node::Set(_) | Node::Add(_), None) => Node::Unset,
        (Node::Set(_) | Node::Add(_), Some(base)) => Node::Set(base.clone()),
        (Node::Unset, Some(base)) => Node::Add(base.clone()),
        (Node::Object(edits), Some(Value::Object(members))) => Node::object(invert_members(edits, members)),
        (Node::Array(edit), Some(Value::Array(items))) => Node::array(invert_items(edit, items)),
        _ => Node::Keep,
    }
}

fn invert_members(edits: &IndexMap<String, Node>, members: &Map<String, Value>) -> IndexMap<String, Node> {
    // Those that were new go in the opposite order, which matters to nobody but a reader.
    let inverse = edits
        .iter()
        .rev()
        .map(|(key, edit)| (key.clone(), invert(edit, members.get(key))));
    inverse.filter(|(_, edit)| !edit.is_keep()).collect()
}

fn invert_items(edit: &ArrayEdit, items: &[Value]) -> ArrayEdit {
    let (gone, arrivals) = invert_order(edit, |index| items.get(index).cloned().unwrap_or_default());
    let edits = edit.edits().iter().filter_map(|(index, node)| {
        let after = edit.index_after(*index)?;
        Some((after, invert(node, items.get(*index))))
    });
    ArrayEdit::new(gone, arrivals, edits.collect())
}

/// What brings the items back to where they were: which leave their places, and what arrives. `removed` gives an item that has gone for good.
pub(crate) fn invert_order(
    edit: &ArrayEdit,
    mut removed: impl FnMut(usize) -> Value,
) -> (Vec<usize>, Vec<Arrival>) {
    let gone = (0..edit.arrivals().len())
        .map(|number| edit.arrival_after(number))
        .collect();
    let arrivals = edit.gone().iter().map(|&index| {
        // Behind all that arrived where the item was: what arrived goes, so it is the same gap.
        let behind = edit.arrivals().partition_point(|arrival| arrival.gap <= index);
        let item = match edit.index_after(index) {
            Some(after) => Item::Moved(after),
            None => Item::New(removed(index)),
        };
        Arrival {
            gap: index - edit.gone_before(index) + behind,
            item,
        }
    });
    (gone, arrivals.collect())
}
