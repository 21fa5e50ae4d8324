//! One patch at a time, made so that it can be taken back.

use std::mem;
use std::ptr;

use serde_json::{Map, Value};

use super::Document;
use super::error::{
    Fault, array_key, cannot_move, invalid_length, length_out_of_range, only_replaced, out_of_range,
    reserved, too_deep, too_large, unresolved,
};
use super::undo::{Step, Undo, Was};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use crate::patch::{self, Op, Patch};
use crate::path::{PathSegment, RESERVED_KEY};
use crate::value::{bytes, canonicalize, insert, key_bytes};

/// A document whose patches are being applied.
pub(super) struct Change<'a> {
    document: &'a mut Document,
    undo: Undo,
    room: Room,
}

/// What a document may still become. What makes it larger asks first.
struct Room {
    bytes: usize,
    max_bytes: usize,
    /// Levels that a value may have in the place that is being changed.
    levels: usize,
    /// Items that the patches may make by growing an array's `length`.
    growth: usize,
}

impl<'a> Change<'a> {
    pub fn of(document: &'a mut Document) -> Change<'a> {
        let undo = Undo {
            steps: Vec::new(),
            bytes: document.bytes,
        };
        let room = Room {
            bytes: document.bytes,
            max_bytes: document.max_bytes,
            levels: 0,
            growth: MAX_LENGTH_GROWTH,
        };
        Change { document, undo, room }
    }

    pub fn apply(&mut self, patch: Patch) -> Result<(), Fault> {
        let Patch { mut path, op } = patch;
        let (root, room) = (&mut self.document.value, &mut self.room);
        room.levels = MAX_DOCUMENT_DEPTH.saturating_sub(path.len());
        let was = match path.split_last_mut() {
            None => replace_root(root, op, room)?,
            Some((last, parent)) => match resolve_mut(root, parent)? {
                Value::Object(members) => in_object(members, last, op, room)?,
                Value::Array(items) => in_array(items, last, op, room)?,
                _ => return Err(unresolved()),
            },
        };
        self.undo.steps.extend(was.map(|was| Step { path, was }));
        Ok(())
    }

    /// Whether there is a container where the path leads.
    pub fn check_parent(&mut self, path: &[PathSegment]) -> Result<(), Fault> {
        let Some((_, parent)) = path.split_last() else {
            return Ok(());
        };
        match resolve_mut(&mut self.document.value, parent)? {
            Value::Object(_) | Value::Array(_) => Ok(()),
            _ => Err(unresolved()),
        }
    }

    pub fn roll_back(self) {
        self.undo.roll_back(self.document);
    }

    pub fn finish(self) -> Undo {
        self.document.bytes = self.room.bytes;
        self.undo
    }
}

impl Room {
    /// What a patch's value becomes in the document, and its size.
    fn admit(&self, value: Option<Value>) -> Result<(Value, usize), Fault> {
        let mut value = value.unwrap_or_default();
        admit(&mut value, self.levels)?;
        let bytes = bytes(&value);
        Ok((value, bytes))
    }

    fn change(&mut self, gone: usize, new: usize) -> Result<(), Fault> {
        let bytes = self.bytes - gone + new;
        if bytes > self.max_bytes && new > gone {
            return Err(too_large(bytes, self.max_bytes));
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// What the path leads to, which may be no container.
pub(super) fn resolve_mut<'a>(root: &'a mut Value, path: &[PathSegment]) -> Result<&'a mut Value, Fault> {
    let mut place = root;
    for segment in path {
        if matches!(place, Value::Object(_) | Value::Array(_)) && segment.key() == RESERVED_KEY {
            return Err(reserved());
        }
        let next = match place {
            Value::Object(members) => members.get_mut(&*segment.key()),
            Value::Array(items) => segment.index().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        place = next.ok_or_else(unresolved)?;
    }
    Ok(place)
}

/// Makes a value what it is in a document, unless it may not be in one.
pub(super) fn admit(value: &mut Value, levels: usize) -> Result<(), Fault> {
    check(value, levels)?;
    canonicalize(value);
    Ok(())
}

/// Whether a value has at most so many levels, and holds nothing that no document may.
pub(super) fn check(value: &Value, levels: usize) -> Result<(), Fault> {
    let within = || levels.checked_sub(1).ok_or_else(too_deep);
    match value {
        Value::Array(items) => {
            let within = within()?;
            items.iter().try_for_each(|item| check(item, within))
        }
        Value::Object(members) => {
            let within = within()?;
            if members.contains_key(RESERVED_KEY) {
                return Err(reserved());
            }
            members.values().try_for_each(|member| check(member, within))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn replace_root(root: &mut Value, op: Op, room: &mut Room) -> Result<Option<Was>, Fault> {
    let Op::Replace(value) = op else {
        return Err(only_replaced());
    };
    let (value, new) = room.admit(value)?;
    room.change(room.bytes, new)?;
    Ok(Some(Was::Value(mem::replace(root, value))))
}

fn in_object(
    members: &mut Map<String, Value>,
    key: &PathSegment,
    op: Op,
    room: &mut Room,
) -> Result<Option<Was>, Fault> {
    let key = key.key();
    if key == RESERVED_KEY {
        return Err(reserved());
    }
    let value = match op {
        Op::Add(Some(value)) | Op::Replace(Some(value)) => value,
        Op::Add(None) | Op::Replace(None) | Op::Remove => return remove_key(members, &key, room),
        Op::Move { .. } => {
            return Err(cannot_move());
        }
    };
    let (value, new) = room.admit(Some(value))?;
    if let Some(old) = members.get_mut(&*key) {
        room.change(bytes(old), new)?;
        return Ok(Some(Was::Value(mem::replace(old, value))));
    }
    room.change(
        0,
        key_bytes(&key) + new + commas(members.len() + 1) - commas(members.len()),
    )?;
    insert(members, key.into_owned(), value);
    Ok(Some(Was::Absent))
}

fn remove_key(members: &mut Map<String, Value>, key: &str, room: &mut Room) -> Result<Option<Was>, Fault> {
    let Some((found, value)) = members.get_key_value(key) else {
        return Ok(None);
    };
    // Comparing addresses touches no key but the one.
    let position = members
        .keys()
        .position(|key| ptr::eq(key, found))
        .unwrap_or(members.len());
    room.change(
        key_bytes(key) + bytes(value) + commas(members.len()) - commas(members.len() - 1),
        0,
    )?;
    Ok(members
        .shift_remove(key)
        .map(|value| Was::Key { position, value }))
}

fn in_array(
    items: &mut Vec<Value>,
    last: &mut PathSegment,
    op: Op,
    room: &mut Room,
) -> Result<Option<Was>, Fault> {
    let length = items.len();
    let index = match (&*last, &op) {
        (PathSegment::Key(key), Op::Replace(new)) if key == "length" => {
            let new = new.as_ref().and_then(patch::index).ok_or_else(invalid_length)?;
            return set_length(items, last, new, room);
        }
        (PathSegment::Key(key), Op::Add(_)) if key == "-" => length,
        _ => last.index().ok_or_else(array_key)?,
    };
    // What a patch puts into an array may come after its last item; what it takes must be there.
    let end = match op {
        Op::Add(_) | Op::Replace(_) => length + 1,
        Op::Remove | Op::Move { .. } => length,
    };
    if index >= end {
        return Err(out_of_range(length));
    }
    *last = index.into();
    match op {
        Op::Replace(value) if index < length => {
            let (value, new) = room.admit(value)?;
            room.change(bytes(&items[index]), new)?;
            Ok(Some(Was::Value(mem::replace(&mut items[index], value))))
        }
        Op::Add(value) | Op::Replace(value) => {
            let (value, new) = room.admit(value)?;
            room.change(0, new + commas(length + 1) - commas(length))?;
            items.insert(index, value);
            Ok(Some(Was::Absent))
        }
        Op::Remove => {
            room.change(bytes(&items[index]) + commas(length) - commas(length - 1), 0)?;
            Ok(Some(Was::Items(vec![items.remove(index)])))
        }
        Op::Move { from } => {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            if from >= length {
                return Err(out_of_range(length));
            }
            shift(items, from, index);
            Ok((from != index).then_some(Was::Moved { from }))
        }
    }
}

/// Puts an item in another place. Those in between make room, and no others move.
pub(super) fn shift(items: &mut [Value], from: usize, to: usize) {
    if from < to {
        items[from..=to].rotate_left(1);
    } else {
        items[to..=from].rotate_right(1);
    }
}

fn set_length(
    items: &mut Vec<Value>,
    last: &mut PathSegment,
    new: u64,
    room: &mut Room,
) -> Result<Option<Was>, Fault> {
    let length = items.len();
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    if new <= length {
        let gone = items[new..].iter().map(bytes).sum::<usize>();
        room.change(gone + commas(length) - commas(new), 0)?;
        *last = new.into();
        let gone = items.split_off(new);
        return Ok((!gone.is_empty()).then_some(Was::Items(gone)));
    }
    room.growth = room
        .growth
        .checked_sub(new - length)
        .ok_or_else(length_out_of_range)?;
    let nulls = (new - length) * bytes(&Value::Null);
    room.change(0, nulls + commas(new) - commas(length))?;
    items.resize(new, Value::Null);
    Ok(Some(Was::Length(length)))
}

/// The commas between so many items or members.
pub(super) fn commas(count: usize) -> usize {
    count.saturating_sub(1)
}
