//! Making an edit, and the way back: what it took the place of, down to the order of keys.
//!
//! The edit was measured, so it fits. Patches are made one by one, each of which moves the items behind it. An edit is made in one pass
//! over each array that it changes, however many items come and go.

use std::collections::{HashMap, HashSet};
use std::{mem, ptr};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Document;
use crate::edit::{ArrayEdit, Arrival, Edit, Node, invert_order, is_worth_a_pass};
use crate::value::{insert, order_keys};

/// What an edit has replaced and removed. It holds those values themselves, not copies of them.
#[derive(Debug)]
pub struct WayBack {
    was: Was,
    /// The size of the document before.
    bytes: usize,
}

/// What was at a place, and below it.
#[derive(Debug)]
enum Was {
    /// The same.
    Same,
    /// Another value.
    Value(Value),
    /// Nothing: the key is new.
    Absent,
    /// A key that is gone, and the number of keys before it.
    Key { position: usize, value: Value },
    /// Other members, in the order in which they were changed.
    Object(Vec<(String, Was)>),
    /// The same of very many that came and went at once: the positions are those before all of them.
    Members(Vec<(String, Was)>),
    /// Other items. Every index is one after the edit.
    Array {
        gone: Vec<usize>,
        arrivals: Vec<Arrival>,
        within: Vec<(usize, Was)>,
    },
}

impl WayBack {
    pub(super) fn make(Edit(node): Edit, value: &mut Value, bytes: usize) -> WayBack {
        let was = make(node, value);
        WayBack { was, bytes }
    }

    /// Makes the document what it was, down to the order of its keys.
    ///
    /// Only for the document that it comes from, in the state after the edit.
    pub fn roll_back(self, document: &mut Document) {
        self.was.restore(&mut document.value);
        document.bytes = self.bytes;
    }

    /// The edit that makes the document what it was: what [`Edit::invert`] would have said before. A key that comes back comes last.
    pub fn into_edit(self) -> Edit {
        Edit(self.was.into_node())
    }
}

fn make(node: Node, place: &mut Value) -> Was {
    match (node, place) {
        (Node::Set(new) | Node::Add(new), place) => Was::Value(mem::replace(place, new)),
        (Node::Object(edits), Value::Object(members)) if is_worth_a_pass(&edits) => {
            Was::Members(make_members(edits, members))
        }
        (Node::Object(edits), Value::Object(members)) => {
            let make_member = |(key, edit): (String, Node)| {
                let was = make_key(edit, members, &key);
                (key, was)
            };
            Was::Object(edits.into_iter().map(make_member).collect())
        }
        (Node::Array(edit), Value::Array(items)) => make_items(edit, items),
        _ => Was::Same,
    }
}

fn make_key(edit: Node, members: &mut Map<String, Value>, key: &str) -> Was {
    match edit {
        Node::Set(new) | Node::Add(new) => match insert(members, key.to_owned(), new) {
            Some(old) => Was::Value(old),
            None => Was::Absent,
        },
        Node::Unset => {
            let Some((found, _)) = members.get_key_value(key) else {
                return Was::Same;
            };
            // Comparing addresses touches no key but the one.
            let position = members.keys().take_while(|key| !ptr::eq(*key, found)).count();
            let value = members.shift_remove(key).unwrap_or_default();
            Was::Key { position, value }
        }
        edit => members
            .get_mut(key)
            .map_or(Was::Same, |member| make(edit, member)),
    }
}

/// In one pass over the object, however many keys come and go.
fn make_members(mut edits: IndexMap<String, Node>, members: &mut Map<String, Value>) -> Vec<(String, Was)> {
    let before = mem::take(members);
    let mut gone = HashMap::new();
    for (position, (key, value)) in before.into_iter().enumerate() {
        match edits.get(&key) {
            Some(Node::Unset) => drop(gone.insert(key, Was::Key { position, value })),
            _ => drop(members.insert(key, value)),
        }
    }
    let was = edits.drain(..).map(|(key, edit)| {
        let was = match edit {
            Node::Unset => gone.remove(&key).unwrap_or(Was::Same),
            Node::Set(new) | Node::Add(new) => match members.insert(key.clone(), new) {
                Some(old) => Was::Value(old),
                None => Was::Absent,
            },
            edit => make_key(edit, members, &key),
        };
        (key, was)
    });
    let was = was.collect();
    order_keys(members);
    was
}

fn make_items(mut edit: ArrayEdit, items: &mut Vec<Value>) -> Was {
    let mut within = Vec::new();
    for (index, node) in edit.take_edits() {
        if let (Some(after), Some(item)) = (edit.index_after(index), items.get_mut(index)) {
            within.push((after, make(node, item)));
        }
    }
    let (gone, arrivals) = invert_order(&edit, |index| {
        items.get_mut(index).map(mem::take).unwrap_or_default()
    });
    edit.apply(items);
    Was::Array {
        gone,
        arrivals,
        within,
    }
}

impl Was {
    fn restore(self, place: &mut Value) {
        match (self, place) {
            (Was::Value(old), place) => *place = old,
            (Was::Object(keys), Value::Object(members)) => {
                for (key, was) in keys.into_iter().rev() {
                    was.restore_key(members, key);
                }
            }
            (Was::Members(keys), Value::Object(members)) => restore_members(keys, members),
            (
                Was::Array {
                    gone,
                    arrivals,
                    within,
                },
                Value::Array(items),
            ) => {
                for (index, was) in within {
                    if let Some(item) = items.get_mut(index) {
                        was.restore(item);
                    }
                }
                ArrayEdit::new(gone, arrivals, Vec::new()).apply(items);
            }
            _ => {}
        }
    }

    fn restore_key(self, members: &mut Map<String, Value>, key: String) {
        match self {
            Was::Absent => drop(members.shift_remove(&key)),
            Was::Key { position, value } => {
                drop(members.shift_insert(position.min(members.len()), key, value));
            }
            was => {
                if let Some(member) = members.get_mut(&key) {
                    was.restore(member);
                }
            }
        }
    }

    fn into_node(self) -> Node {
        match self {
            Was::Same => Node::Keep,
            Was::Value(old) => Node::Set(old),
            Was::Absent => Node::Unset,
            Was::Key { value, .. } => Node::Add(value),
            Was::Object(keys) | Was::Members(keys) => {
                let nodes = keys.into_iter().rev().map(|(key, was)| (key, was.into_node()));
                Node::object(nodes.filter(|(_, node)| !node.is_keep()).collect())
            }
            Was::Array {
                gone,
                arrivals,
                within,
            } => {
                let within = within.into_iter().map(|(index, was)| (index, was.into_node()));
                Node::array(ArrayEdit::new(gone, arrivals, within.collect()))
            }
        }
    }
}

/// In one pass over the object, as [`make_members`].
fn restore_members(keys: Vec<(String, Was)>, members: &mut Map<String, Value>) {
    let (mut absent, mut gone) = (HashSet::new(), Vec::new());
    for (key, was) in keys {
        match was {
            Was::Absent => drop(absent.insert(key)),
            Was::Key { position, value } => gone.push((position, key, value)),
            was => was.restore_key(members, key),
        }
    }
    gone.sort_unstable_by_key(|(position, ..)| *position);
    let mut gone = gone.into_iter().peekable();
    for (key, value) in mem::take(members) {
        if absent.contains(&key) {
            continue;
        }
        while let Some((_, key, value)) = gone.next_if(|(position, ..)| *position <= members.len()) {
            members.insert(key, value);
        }
        members.insert(key, value);
    }
    members.extend(gone.map(|(_, key, value)| (key, value)));
}
