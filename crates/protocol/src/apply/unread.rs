//! Patches of which nothing is known but that they are JSON, read as Immer reads them: one at a time, its path before its operation.
//!
//! The wire is stricter, and refuses a message whose path holds anything but keys and indexes. This is for whoever wants to be told what
//! Immer would say: the same errors for the same reasons, in the same order.

use serde_json::Value;

use super::error::Fault;
use super::step::Change;
use super::{ApplyError, Document, ErrorKind, Undo};
use crate::patch::{self, MOVE_WITHOUT_FROM, Op, OpName, Patch};
use crate::path::{Path, PathSegment};

impl Document {
    /// Like [`apply`](Document::apply), of patches that may be none.
    pub fn apply_unread(&mut self, patches: Vec<Value>) -> Result<Undo, ApplyError> {
        let is_reset =
            |patch: &Value| patch["op"] == "replace" && patch["path"].as_array().is_some_and(Vec::is_empty);
        let first = patches.iter().rposition(is_reset).unwrap_or_default();
        let mut change = Change::of(self);
        for patch in patches.into_iter().skip(first) {
            if let Err(error) = apply_one(&mut change, patch) {
                change.roll_back();
                return Err(error);
            }
        }
        Ok(change.finish())
    }
}

fn apply_one(change: &mut Change<'_>, patch: Value) -> Result<(), ApplyError> {
    let path = read_path(&patch["path"]).map_err(|fault| fault.at(&[]))?;
    let applied = change
        .check_parent(&path)
        .and_then(|()| read_op(patch))
        .and_then(|op| change.apply(Patch::new(path.clone(), op)));
    applied.map_err(|fault| fault.at(&path))
}

fn read_path(path: &Value) -> Result<Path, Fault> {
    let not_a_patch = || Fault::new(ErrorKind::Malformed, format!("expected {}", patch::EXPECTED));
    let segments = path.as_array().ok_or_else(not_a_patch)?;
    let read = |segment| match patch::index(segment) {
        Some(index) => PathSegment::Index(index),
        None => PathSegment::Key(key_text(segment)),
    };
    Ok(segments.iter().map(read).collect())
}

/// The key that JavaScript makes of a value.
fn key_text(value: &Value) -> String {
    match value {
        Value::String(key) => key.clone(),
        Value::Array(items) => items.iter().map(key_text).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn read_op(mut patch: Value) -> Result<Op, Fault> {
    let unsupported = |message| Fault::new(ErrorKind::UnsupportedOp, message);
    let name = patch["op"].as_str().and_then(OpName::parse);
    let value = patch.get_mut("value").map(Value::take);
    match name {
        Some(OpName::Add) => Ok(Op::Add(value)),
        Some(OpName::Replace) => Ok(Op::Replace(value)),
        Some(OpName::Remove) => Ok(Op::Remove),
        Some(OpName::Move) => match patch::index(&patch["from"]) {
            Some(from) => Ok(Op::Move { from }),
            None => Err(unsupported(MOVE_WITHOUT_FROM)),
        },
        None => Err(unsupported(
            "an operation is `add`, `replace`, `remove` or `move`",
        )),
    }
}
