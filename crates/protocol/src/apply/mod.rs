//! Applying patches to a document: Immer's semantics on JSON, all of them or none.
//!
//! What an apply costs is the size of the patches and of what they replace, the length of their paths and of the arrays and objects that
//! they change, never that of the document: its size is kept, not counted anew.
//!
//! Where Immer does what JavaScript happens to do, this refuses: see [`ErrorKind`]. A value of `undefined` removes a key, and is `null` in an
//! array and as the root.

mod error;
mod inverse;
mod make;
mod order;
mod step;
mod undo;
mod unread;
mod way_back;

pub use error::{ApplyError, ErrorKind};
pub use order::KeyOrder;
pub use undo::Undo;
pub use way_back::WayBack;

use serde_json::Value;

use crate::limits::{DEFAULT_MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};
use crate::patch::{Op, Patch};
use crate::value;
use step::Change;

/// A JSON value that patches apply to, no deeper and no larger than it may be, with numbers and keys as JavaScript has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    value: Value,
    /// The size as JSON.
    bytes: usize,
    max_bytes: usize,
}

impl Document {
    /// A document that is `value`, and may grow to [`DEFAULT_MAX_DOCUMENT_BYTES`].
    pub fn new(value: Value) -> Result<Document, ApplyError> {
        Document::with_max_bytes(value, DEFAULT_MAX_DOCUMENT_BYTES)
    }

    /// A document that is `value`, and may grow to `max_bytes` as JSON.
    pub fn with_max_bytes(value: Value, max_bytes: usize) -> Result<Document, ApplyError> {
        let document = Document::restored(value, max_bytes)?;
        if document.bytes > max_bytes {
            return Err(error::too_large(document.bytes, max_bytes).at(&[]));
        }
        Ok(document)
    }

    /// A document that was `value` before, when it may have been allowed to be larger. Above `max_bytes` it can only shrink.
    pub fn restored(mut value: Value, max_bytes: usize) -> Result<Document, ApplyError> {
        step::admit(&mut value, MAX_DOCUMENT_DEPTH).map_err(|fault| fault.at(&[]))?;
        let bytes = value::bytes(&value);
        Ok(Document {
            value,
            bytes,
            max_bytes,
        })
    }

    /// What it is.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What it was.
    pub fn into_value(self) -> Value {
        self.value
    }

    /// Its size as JSON.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Applies patches one after the other, each to what the one before has left. When one of them does not apply, none of them has been.
    ///
    /// As in Immer, what stands before the last replacement of the root is not looked at.
    pub fn apply(&mut self, patches: &[Patch]) -> Result<Undo, ApplyError> {
        let is_reset = |patch: &Patch| patch.path.is_empty() && matches!(patch.op, Op::Replace(_));
        let first = patches.iter().rposition(is_reset).unwrap_or_default();
        let mut change = Change::of(self);
        for patch in &patches[first..] {
            if let Err(fault) = change.apply(patch.clone()) {
                change.roll_back();
                return Err(fault.at(&patch.path));
            }
        }
        Ok(change.finish())
    }
}

/// What `patches` make of `base`.
pub fn apply(base: Value, patches: &[Patch]) -> Result<Value, ApplyError> {
    let mut document = Document::new(base)?;
    document.apply(patches)?;
    Ok(document.value)
}

/// Patches that make `base` again of what `patches` make of it.
pub fn invert(base: Value, patches: &[Patch]) -> Result<Vec<Patch>, ApplyError> {
    let mut document = Document::new(base)?;
    Ok(document.apply(patches)?.into_patches())
}
