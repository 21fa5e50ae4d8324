//! One patch at a time, made so that it can be taken back.

use std::mem;
use std::ptr;

use serde_json::{Map, Value};

use super::undo::{Step, Undo, Was};
use super::{ApplyError, Document, ErrorKind};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use crate::patch::{self, Op, Patch};
use crate::path::{PathSegment, RESERVED_KEY};
use crate::value::{bytes, canonicalize, insert, key_bytes};

/// A document whose patches are being applied.
pub(super) struct Change<'a> {
    document: &'a mut Document,
    undo: Undo,
    /// How many items the patches may still make by growing an array's `length`.
    growth_left: usize,
}

/// Why a patch does not apply, wherever it was to be.
#[derive(Debug)]
pub(super) struct Fault {
    kind: ErrorKind,
    message: String,
}

impl<'a> Change<'a> {
    pub fn of(document: &'a mut Document) -> Change<'a> {
        let undo = Undo {
            steps: Vec::new(),
            bytes: document.bytes,
        };
        Change {
            document,
            undo,
            growth_left: MAX_LENGTH_GROWTH,
        }
    }

    pub fn apply(&mut self, patch: Patch) -> Result<(), Fault> {
        let Patch { mut path, op } = patch;
        let above = path.len();
        let mut size = Size {
            bytes: self.document.bytes,
            max: self.document.max_bytes,
        };
        let was = match path.split_last_mut() {
            None => replace_root(&mut self.document.value, op, &mut size)?,
            Some((last, parent)) => match resolve_mut(&mut self.document.value, parent)? {
                Value::Object(members) => in_object(members, last, op, above, &mut size)?,
                Value::Array(items) => in_array(items, last, op, above, &mut size, &mut self.growth_left)?,
                _ => return Err(unresolved()),
            },
        };
        self.document.bytes = size.bytes;
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
        self.undo
    }
}

impl Fault {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Fault {
        let message = message.into();
        Fault { kind, message }
    }

    pub fn at(self, path: &[PathSegment]) -> ApplyError {
        ApplyError {
            kind: self.kind,
            path: path.to_vec(),
            message: self.message,
        }
    }
}

/// How large a document is and may be. What makes it larger asks first.
struct Size {
    bytes: usize,
    max: usize,
}

impl Size {
    fn change(&mut self, gone: usize, new: usize) -> Result<(), Fault> {
        let bytes = self.bytes - gone + new;
        if bytes > self.max && new > gone {
            return Err(too_large(bytes, self.max));
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

/// Makes a value part of a document, `above` levels below its root, unless it is too deep there or holds what no document may.
pub(super) fn admit(value: &mut Value, above: usize) -> Result<(), Fault> {
    fn check(value: &Value, levels: usize) -> Result<(), Fault> {
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

    check(value, MAX_DOCUMENT_DEPTH.saturating_sub(above))?;
    canonicalize(value);
    Ok(())
}

fn replace_root(root: &mut Value, op: Op, size: &mut Size) -> Result<Option<Was>, Fault> {
    let Op::Replace(value) = op else {
        return Err(Fault::new(
            ErrorKind::UnsupportedOp,
            "the root can only be replaced",
        ));
    };
    let mut value = value.unwrap_or_default();
    admit(&mut value, 0)?;
    size.change(size.bytes, bytes(&value))?;
    Ok(Some(Was::Value(mem::replace(root, value))))
}

fn in_object(
    members: &mut Map<String, Value>,
    key: &PathSegment,
    op: Op,
    above: usize,
    size: &mut Size,
) -> Result<Option<Was>, Fault> {
    let key = key.key();
    if key == RESERVED_KEY {
        return Err(reserved());
    }
    let mut value = match op {
        Op::Add(Some(value)) | Op::Replace(Some(value)) => value,
        Op::Add(None) | Op::Replace(None) | Op::Remove => return remove_key(members, &key, size),
        Op::Move { .. } => {
            return Err(Fault::new(
                ErrorKind::UnsupportedOp,
                "only items of an array can move",
            ));
        }
    };
    admit(&mut value, above)?;
    let new = bytes(&value);
    if let Some(old) = members.get_mut(&*key) {
        size.change(bytes(old), new)?;
        return Ok(Some(Was::Value(mem::replace(old, value))));
    }
    size.change(
        0,
        key_bytes(&key) + new + commas(members.len() + 1) - commas(members.len()),
    )?;
    insert(members, key.into_owned(), value);
    Ok(Some(Was::Absent))
}

fn remove_key(members: &mut Map<String, Value>, key: &str, size: &mut Size) -> Result<Option<Was>, Fault> {
    let Some((found, value)) = members.get_key_value(key) else {
        return Ok(None);
    };
    // Comparing addresses touches no key but the one.
    let position = members
        .keys()
        .position(|key| ptr::eq(key, found))
        .unwrap_or(members.len());
    let gone = key_bytes(key) + bytes(value) + commas(members.len()) - commas(members.len() - 1);
    size.change(gone, 0)?;
    Ok(members
        .shift_remove(key)
        .map(|value| Was::Key { position, value }))
}

fn in_array(
    items: &mut Vec<Value>,
    last: &mut PathSegment,
    op: Op,
    above: usize,
    size: &mut Size,
    growth_left: &mut usize,
) -> Result<Option<Was>, Fault> {
    let length = items.len();
    let index = match (&*last, &op) {
        (PathSegment::Key(key), Op::Replace(new)) if key == "length" => {
            let new = new.as_ref().and_then(patch::index).ok_or_else(invalid_length)?;
            return set_length(items, last, new, size, growth_left);
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
        Op::Add(value) | Op::Replace(value) if index == length => put(items, index, value, above, size),
        Op::Add(value) => put(items, index, value, above, size),
        Op::Replace(value) => {
            let mut value = value.unwrap_or_default();
            admit(&mut value, above)?;
            size.change(bytes(&items[index]), bytes(&value))?;
            Ok(Some(Was::Value(mem::replace(&mut items[index], value))))
        }
        Op::Remove => {
            size.change(bytes(&items[index]) + commas(length) - commas(length - 1), 0)?;
            Ok(Some(Was::Items(vec![items.remove(index)])))
        }
        Op::Move { from } => {
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            if from >= length {
                return Err(out_of_range(length));
            }
            if from == index {
                return Ok(None);
            }
            shift(items, from, index);
            Ok(Some(Was::Moved { from }))
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

fn put(
    items: &mut Vec<Value>,
    index: usize,
    value: Option<Value>,
    above: usize,
    size: &mut Size,
) -> Result<Option<Was>, Fault> {
    let mut value = value.unwrap_or_default();
    admit(&mut value, above)?;
    size.change(0, bytes(&value) + commas(items.len() + 1) - commas(items.len()))?;
    items.insert(index, value);
    Ok(Some(Was::Absent))
}

fn set_length(
    items: &mut Vec<Value>,
    last: &mut PathSegment,
    new: u64,
    size: &mut Size,
    growth_left: &mut usize,
) -> Result<Option<Was>, Fault> {
    let length = items.len();
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    if new <= length {
        let gone = items[new..].iter().map(bytes).sum::<usize>();
        size.change(gone + commas(length) - commas(new), 0)?;
        *last = new.into();
        let gone = items.split_off(new);
        return Ok((!gone.is_empty()).then_some(Was::Items(gone)));
    }
    *growth_left = growth_left.checked_sub(new - length).ok_or_else(|| {
        let message =
            format!("an array cannot grow by more than {MAX_LENGTH_GROWTH} items through its length");
        Fault::new(ErrorKind::LengthOutOfRange, message)
    })?;
    let nulls = (new - length) * bytes(&Value::Null);
    size.change(0, nulls + commas(new) - commas(length))?;
    items.resize(new, Value::Null);
    Ok(Some(Was::Length(length)))
}

/// The commas between so many items or members.
fn commas(count: usize) -> usize {
    count.saturating_sub(1)
}

fn unresolved() -> Fault {
    Fault::new(
        ErrorKind::PathUnresolved,
        "there is no array or object where the path leads",
    )
}

fn reserved() -> Fault {
    Fault::new(ErrorKind::ReservedKey, "`__proto__` is not allowed as a key")
}

fn array_key() -> Fault {
    let message =
        "an array has indexes from 0, a `length` to replace, and `-` as the place to add at its end";
    Fault::new(ErrorKind::ArrayKey, message)
}

fn out_of_range(length: usize) -> Fault {
    let message = format!("the index is beyond the end of an array of {length} items");
    Fault::new(ErrorKind::IndexOutOfRange, message)
}

fn invalid_length() -> Fault {
    Fault::new(ErrorKind::InvalidLength, "an array's length is an integer from 0")
}

fn too_deep() -> Fault {
    let message = format!("the document would be deeper than {MAX_DOCUMENT_DEPTH} levels");
    Fault::new(ErrorKind::TooDeep, message)
}

pub(super) fn too_large(bytes: usize, max: usize) -> Fault {
    let message = format!("the document would have {bytes} bytes, and may have {max}");
    Fault::new(ErrorKind::TooLarge, message)
}
