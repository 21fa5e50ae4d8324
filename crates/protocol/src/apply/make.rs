//! Making an edit: what it would make of the document is measured first, so that it is made whole or not at all.

use std::mem;

use serde_json::Value;

use super::error::{Fault, out_of_range, reserved, too_large, unresolved};
use super::step::{check, commas};
use super::{ApplyError, Document, WayBack};
use crate::edit::{ArrayEdit, Edit, Item, Node};
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::path::{PathSegment, RESERVED_KEY};
use crate::value::{bytes, key_bytes};

impl Document {
    /// Makes an edit of this document, unless the document would become too deep or too large, or the edit is one of another document.
    pub fn make(&mut self, edit: Edit) -> Result<WayBack, ApplyError> {
        self.make_within(edit, self.max_bytes)
    }

    /// Makes an edit that was made of this document before, when it may have been allowed to be larger.
    pub fn replay(&mut self, edit: Edit) -> Result<WayBack, ApplyError> {
        self.make_within(edit, usize::MAX)
    }

    fn make_within(&mut self, edit: Edit, max_bytes: usize) -> Result<WayBack, ApplyError> {
        let bytes = self.bytes_after(&edit)?;
        if bytes > max_bytes && bytes > self.bytes {
            return Err(too_large(bytes, max_bytes).at(&[]));
        }
        Ok(WayBack::make(
            edit,
            &mut self.value,
            mem::replace(&mut self.bytes, bytes),
        ))
    }

    /// The size that an edit would give the document, or why it cannot be made.
    fn bytes_after(&self, edit: &Edit) -> Result<usize, ApplyError> {
        let mut size = Size::default();
        size.node(&edit.0, &self.value, MAX_DOCUMENT_DEPTH)?;
        Ok(self.bytes - size.gone + size.new)
    }
}

/// The bytes that go and those that come.
#[derive(Default)]
struct Size {
    gone: usize,
    new: usize,
}

impl Size {
    /// `levels` is how many levels a value may have in this place.
    fn node(&mut self, node: &Node, place: &Value, levels: usize) -> Result<(), ApplyError> {
        match (node, place) {
            (Node::Keep, _) => Ok(()),
            (Node::Set(value) | Node::Add(value), old) => {
                self.gone += bytes(old);
                self.add(value, levels)
            }
            (Node::Object(edits), Value::Object(members)) => {
                let mut count = members.len();
                for (key, edit) in edits {
                    self.key(key, edit, members.get(key), levels.saturating_sub(1), &mut count)
                        .map_err(|error| within(key.as_str().into(), error))?;
                }
                self.gone += commas(members.len());
                self.new += commas(count);
                Ok(())
            }
            (Node::Array(edit), Value::Array(items)) => self.array(edit, items, levels.saturating_sub(1)),
            (Node::Unset | Node::Object(_) | Node::Array(_), _) => Err(unresolved().at(&[])),
        }
    }

    fn key(
        &mut self,
        key: &str,
        edit: &Node,
        member: Option<&Value>,
        levels: usize,
        count: &mut usize,
    ) -> Result<(), ApplyError> {
        if key == RESERVED_KEY {
            return Err(reserved().at(&[]));
        }
        match (edit, member) {
            (Node::Keep | Node::Unset, None) => Ok(()),
            (Node::Unset, Some(old)) => {
                *count -= 1;
                self.gone += key_bytes(key) + bytes(old);
                Ok(())
            }
            (Node::Set(value) | Node::Add(value), None) => {
                *count += 1;
                self.new += key_bytes(key);
                self.add(value, levels)
            }
            (edit, Some(member)) => self.node(edit, member, levels),
            (Node::Object(_) | Node::Array(_), None) => Err(unresolved().at(&[])),
        }
    }

    fn array(&mut self, edit: &ArrayEdit, items: &[Value], levels: usize) -> Result<(), ApplyError> {
        let length = items.len();
        let last = edit
            .gone()
            .last()
            .max(edit.edits().last().map(|(index, _)| index));
        let last_gap = edit.arrivals().last().map_or(0, |arrival| arrival.gap);
        if last.is_some_and(|index| *index >= length) || last_gap > length {
            return Err(out_of_range(length).at(&[]));
        }
        for index in edit.removed() {
            self.gone += bytes(&items[index]);
        }
        for arrival in edit.arrivals() {
            if let Item::New(value) = &arrival.item {
                self.add(value, levels)
                    .map_err(|error| within(arrival.gap.into(), error))?;
            }
        }
        for (index, node) in edit.edits() {
            self.node(node, &items[*index], levels)
                .map_err(|error| within((*index).into(), error))?;
        }
        self.gone += commas(length);
        self.new += commas(edit.length_after(length));
        Ok(())
    }

    fn add(&mut self, value: &Value, levels: usize) -> Result<(), ApplyError> {
        check(value, levels).map_err(|fault: Fault| fault.at(&[]))?;
        self.new += bytes(value);
        Ok(())
    }
}

fn within(segment: PathSegment, mut error: ApplyError) -> ApplyError {
    error.path.insert(0, segment);
    error
}
