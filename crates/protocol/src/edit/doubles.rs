//! Items that two people have moved to different arrays: they are where the later has put them, and nowhere else.
//!
//! In one array that is a move, of which the later counts. Between two it is one thing taken away and another one inserted, so what both have
//! taken away would be there twice. The earlier of the two edits is then merged without what it has inserted.

use indexmap::IndexMap;
use serde_json::Value;

use super::Node;
use super::array::{ArrayEdit, Item};
use super::twins::{key, name};
use crate::path::{Path, PathSegment};
use crate::value::same;

/// An edit without some of what it inserts.
pub(super) struct Reduced {
    pub edit: Node,
    /// What makes of the document after the whole edit that after the reduced one.
    pub taken_back: Node,
    /// The arrays of the base in which the rest would have been inserted.
    pub paths: Vec<Path>,
}

/// The earlier edit without what the later inserts in another array, if there is such a thing. Both are known to take the same thing away.
pub(super) fn without_doubles(earlier: &Node, later: &Node) -> Option<Reduced> {
    let mut found = IndexMap::new();
    collect(earlier, &mut Path::new(), &mut found);
    let mut others = IndexMap::new();
    collect(later, &mut Path::new(), &mut others);
    found.retain(|name, inserted| {
        let (Some(inserted), Some(Some(other))) = (inserted, others.get(name)) else {
            return false;
        };
        inserted.path != other.path
            && (inserted.has_key || same(inserted.value, other.value))
            && is_left(earlier, &other.path)
    });
    if found.is_empty() {
        return None;
    }
    let (edit, taken_back) = reduce(earlier, &found);
    let paths = found
        .into_values()
        .flatten()
        .map(|inserted| inserted.path)
        .collect();
    Some(Reduced {
        edit,
        taken_back,
        paths,
    })
}

struct Inserted<'a> {
    /// Of the array, in the base.
    path: Path,
    value: &'a Value,
    has_key: bool,
}

/// What an edit inserts by what makes it known. `None` is what it inserts several times.
type ByName<'a> = IndexMap<String, Option<Inserted<'a>>>;

fn collect<'a>(edit: &'a Node, path: &mut Path, found: &mut ByName<'a>) {
    match edit {
        Node::Object(members) => {
            for (key, edit) in members {
                within(path, key.as_str().into(), |path| collect(edit, path, found));
            }
        }
        Node::Array(array) => {
            for (index, edit) in array.edits() {
                within(path, (*index).into(), |path| collect(edit, path, found));
            }
            for arrival in array.arrivals() {
                let Item::New(value) = &arrival.item else { continue };
                let Some((name, has_key)) = known_as(value) else {
                    continue;
                };
                let inserted = Inserted {
                    path: path.clone(),
                    value,
                    has_key,
                };
                found
                    .entry(name)
                    .and_modify(|inserted| *inserted = None)
                    .or_insert(Some(inserted));
            }
        }
        _ => {}
    }
}

/// A name, and whether it is a key. What says too little to be known by it has none.
fn known_as(value: &Value) -> Option<(String, bool)> {
    match value {
        Value::Null | Value::Bool(_) => None,
        _ => key(value)
            .map(|key| (key, true))
            .or_else(|| Some((name(value), false))),
    }
}

/// Whether a container of the base is still there after an edit.
fn is_left(edit: &Node, path: &[PathSegment]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return matches!(edit, Node::Keep | Node::Object(_) | Node::Array(_));
    };
    let within = match (edit, first.index()) {
        (Node::Set(_) | Node::Add(_) | Node::Unset, _) => return false,
        (Node::Object(members), _) => members.get(&*first.key()),
        (Node::Array(array), Some(index)) if array.removes(index) => return false,
        (Node::Array(array), Some(index)) => array.edit_of(index),
        _ => None,
    };
    within.is_none_or(|edit| is_left(edit, rest))
}

/// The edit without what is to be left out, and what takes that back after the whole one.
fn reduce(edit: &Node, left_out: &ByName<'_>) -> (Node, Node) {
    match edit {
        Node::Object(members) => {
            let mut edits = IndexMap::with_capacity(members.len());
            let mut taken_back = IndexMap::new();
            for (key, edit) in members {
                let (edit, taken) = reduce(edit, left_out);
                if !edit.is_keep() {
                    edits.insert(key.clone(), edit);
                }
                if !taken.is_keep() {
                    taken_back.insert(key.clone(), taken);
                }
            }
            (Node::object(edits), Node::object(taken_back))
        }
        Node::Array(array) => {
            let (mut gone_again, mut edits, mut taken_back) = (Vec::new(), Vec::new(), Vec::new());
            for (index, edit) in array.edits() {
                let (edit, taken) = reduce(edit, left_out);
                edits.push((*index, edit));
                taken_back.extend(array.index_after(*index).map(|after| (after, taken)));
            }
            let mut arrivals = Vec::with_capacity(array.arrivals().len());
            for (number, arrival) in array.arrivals().iter().enumerate() {
                let known = match &arrival.item {
                    Item::New(value) => known_as(value),
                    Item::Moved(_) => None,
                };
                if known.is_some_and(|(name, _)| left_out.contains_key(&name)) {
                    gone_again.push(array.arrival_after(number));
                } else {
                    arrivals.push(arrival.clone());
                }
            }
            (
                Node::array(ArrayEdit::new(array.gone().to_vec(), arrivals, edits)),
                Node::array(ArrayEdit::new(gone_again, Vec::new(), taken_back)),
            )
        }
        edit => (edit.clone(), Node::Keep),
    }
}

fn within<T>(path: &mut Path, segment: PathSegment, act: impl FnOnce(&mut Path) -> T) -> T {
    path.push(segment);
    let done = act(path);
    path.pop();
    done
}
