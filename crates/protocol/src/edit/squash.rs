//! Fewer patches that do the same.

use std::iter;

use serde_json::Value;

use super::Edit;
use super::from_patches::{after_reset, collect_first};
use super::place::{Place, Seen};
use crate::apply::ApplyError;
use crate::patch::Patch;

/// The fewest patches that make of `base` what `patches` make of it.
pub fn squash(base: &Value, patches: &[Patch]) -> Result<Vec<Patch>, ApplyError> {
    Ok(Edit::of(base, patches)?.patches())
}

/// Fewer patches that do the same as `patches`, to whatever they were made for.
///
/// Patches are to be as Immer writes them: numbers in paths are indexes of arrays, and text is keys of objects. Where only the document could
/// tell what is meant, such as by `length`, a patch is left as it is, and what is behind it is not joined with what is before.
pub fn squash_unseen(patches: &[Patch]) -> Vec<Patch> {
    let nothing = Place::root(Seen::Nothing, iter::empty());
    let mut left = after_reset(patches);
    let mut squashed = Vec::new();
    while !left.is_empty() {
        let (edit, count, fault) = collect_first(&nothing, left);
        squashed.extend(edit.patches());
        let (_, behind) = left.split_at(count);
        left = behind;
        if let (Some(_), Some((unclear, behind))) = (fault, left.split_first()) {
            squashed.push(unclear.clone());
            left = behind;
        }
    }
    squashed
}
