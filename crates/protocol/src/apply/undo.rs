//! The way back from a change: what it took the place of.

use serde_json::Value;

use super::Document;
use super::step::{resolve_mut, shift};
use crate::patch::{Op, Patch};
use crate::path::Path;

/// What patches have replaced and removed. It holds those values themselves, not copies of them.
#[derive(Debug)]
pub struct Undo {
    /// In the order in which they were made.
    pub(super) steps: Vec<Step>,
    /// The size of the document before.
    pub(super) bytes: usize,
}

/// One place that has changed.
#[derive(Debug)]
pub(super) struct Step {
    /// Where, with indexes for what the patch called `-`.
    pub path: Path,
    pub was: Was,
}

/// What was there.
#[derive(Debug)]
pub(super) enum Was {
    /// Another value.
    Value(Value),
    /// Nothing: the key is new, or the item.
    Absent,
    /// A key that is gone, and the number of keys before it.
    Key { position: usize, value: Value },
    /// Items from this index on that are gone.
    Items(Vec<Value>),
    /// An array of this length, which the path's `length` has grown.
    Length(usize),
    /// Another item; this one was at another index.
    Moved { from: usize },
}

impl Undo {
    /// The patches that lead back. They give the value as it was; a key that was removed comes last again, as it would in JavaScript.
    pub fn into_patches(self) -> Vec<Patch> {
        self.steps
            .into_iter()
            .rev()
            .flat_map(Step::into_patches)
            .collect()
    }

    /// Makes the document what it was, down to the order of its keys.
    ///
    /// Only for the document that it comes from, in the state after the change.
    pub fn roll_back(self, document: &mut Document) {
        for step in self.steps.into_iter().rev() {
            step.roll_back(&mut document.value);
        }
        document.bytes = self.bytes;
    }
}

impl Step {
    fn into_patches(self) -> Vec<Patch> {
        let Step { mut path, was } = self;
        let op = match was {
            Was::Value(value) => Op::Replace(Some(value)),
            Was::Absent => Op::Remove,
            Was::Key { value, .. } => Op::Add(Some(value)),
            Was::Length(length) => Op::Replace(Some(length.into())),
            Was::Moved { from } => {
                let to = path
                    .pop()
                    .and_then(|last| last.index())
                    .expect("an item moved to an index");
                path.push(from.into());
                Op::Move { from: to as u64 }
            }
            Was::Items(items) => {
                let first = path
                    .pop()
                    .and_then(|last| last.index())
                    .expect("items have an index");
                let added = items.into_iter().enumerate().map(|(offset, item)| {
                    let path = path.iter().cloned().chain([(first + offset).into()]).collect();
                    Patch::new(path, Op::Add(Some(item)))
                });
                return added.collect();
            }
        };
        vec![Patch { path, op }]
    }

    fn roll_back(self, root: &mut Value) {
        const UNCHANGED: &str = "the document is as the change left it";
        let Some((last, parent)) = self.path.split_last() else {
            if let Was::Value(value) = self.was {
                *root = value;
            }
            return;
        };
        match (resolve_mut(root, parent).expect(UNCHANGED), self.was) {
            (Value::Object(members), was) => match (was, last.key()) {
                (Was::Value(value), key) => members[&*key] = value,
                (Was::Key { position, value }, key) => {
                    members.shift_insert(position, key.into_owned(), value);
                }
                (_, key) => {
                    members.shift_remove(&*key);
                }
            },
            (Value::Array(items), Was::Length(length)) => items.truncate(length),
            (Value::Array(items), was) => match (was, last.index().expect(UNCHANGED)) {
                (Was::Value(value), index) => items[index] = value,
                (Was::Items(gone), index) => {
                    items.splice(index..index, gone);
                }
                (Was::Moved { from }, to) => shift(items, to, from),
                (_, index) => {
                    items.remove(index);
                }
            },
            _ => unreachable!("{UNCHANGED}"),
        }
    }
}
