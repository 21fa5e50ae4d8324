//! Patches made one edit: each is one of what those before it have left, and becomes one of the base.
//!
//! What a segment of a path names is for the container to say: `"1"` is a key of an object and an index of an array. So each patch is
//! looked up on its way down, through the edits of the patches before it, in the base.

use std::iter;

use indexmap::IndexMap;
use serde_json::Value;

use super::array::{ArrayEdit, Arrival, Item};
use super::place::{Container, Fault, Place, Seen, Step, unresolved};
use super::{Edit, Node};
use crate::apply::{ApplyError, ErrorKind};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use crate::patch::{self, Op, Patch};
use crate::path::PathSegment;
use crate::value::canonicalize;

impl Edit {
    /// What `patches` change in `base`. The errors are those of applying them, but for the sizes, which are not looked at.
    ///
    /// It costs the size of the patches, never that of the document.
    pub fn of(base: &Value, patches: &[Patch]) -> Result<Edit, ApplyError> {
        collect(&Place::root(Seen::Value(base), iter::empty()), patches)
    }

    /// What `patches` change in an earlier state of a document, of which `later`, one after the other, has made `head`.
    ///
    /// Within what has gone or was replaced since then, there is nothing to hold them to. Carried over `later` that is absorbed.
    pub fn of_earlier(head: &Value, later: &[&Edit], patches: &[Patch]) -> Result<Edit, ApplyError> {
        let root = Place::root(Seen::Value(head), later.iter().map(|edit| &edit.0));
        collect(&root, patches)
    }

    /// What `patches` change in a document that is not known: numbers in paths are indexes of arrays, and text is keys of objects, as Immer
    /// writes them. Refused is what only the document could tell: `length`, which may be a key, and `-`.
    pub fn of_unseen(patches: &[Patch]) -> Result<Edit, ApplyError> {
        collect(&Place::root(Seen::Nothing, iter::empty()), patches)
    }

    /// The edit that has written these patches, by [`patches`](Edit::patches): those of a log, of which the document is not at hand.
    ///
    /// Numbers in paths are indexes of arrays, text is keys of objects, `add` adds a key that was not there, and there is neither `length` nor `-`.
    pub fn of_written(patches: &[Patch]) -> Result<Edit, ApplyError> {
        collect(&Place::root(Seen::Written, iter::empty()), patches)
    }
}

fn collect(base: &Place<'_>, patches: &[Patch]) -> Result<Edit, ApplyError> {
    match collect_first(base, after_reset(patches)) {
        (edit, _, None) => Ok(edit),
        (_, _, Some(error)) => Err(error),
    }
}

/// As many patches as are an edit, how many they are, and what is wrong with the next one.
///
/// Composes in pairs of about the same size, as a binary counter adds: n patches cost n log n, wherever they change something.
pub(super) fn collect_first(base: &Place<'_>, patches: &[Patch]) -> (Edit, usize, Option<ApplyError>) {
    let mut edits: Vec<Node> = Vec::new();
    let mut fault = None;
    let mut growth_left = MAX_LENGTH_GROWTH;
    let mut count = 0;
    for patch in patches {
        match base.after(&edits).edit(patch, &mut growth_left) {
            Ok(edit) => edits.push(edit),
            Err((kind, message)) => {
                let (path, message) = (patch.path.clone(), message.to_owned());
                fault = Some(ApplyError { kind, path, message });
                break;
            }
        }
        count += 1;
        for _ in 0..usize::trailing_zeros(count) {
            fold_last(&mut edits);
        }
    }
    while edits.len() > 1 {
        fold_last(&mut edits);
    }
    (Edit(edits.pop().unwrap_or_default()), count, fault)
}

/// What is left to do: as in Immer, what stands before the last replacement of the root is not looked at.
pub(super) fn after_reset(patches: &[Patch]) -> &[Patch] {
    let is_reset = |patch: &Patch| patch.path.is_empty() && matches!(patch.op, Op::Replace(_));
    &patches[patches.iter().rposition(is_reset).unwrap_or_default()..]
}

fn fold_last(edits: &mut Vec<Node>) {
    if let (Some(then), Some(first)) = (edits.pop(), edits.pop()) {
        edits.push(first.compose(then));
    }
}

impl Place<'_> {
    /// The edit of the base that a patch makes.
    fn edit(self, patch: &Patch, growth_left: &mut usize) -> Result<Node, Fault> {
        let Some((last, parents)) = patch.path.split_last() else {
            return match &patch.op {
                Op::Replace(value) => Ok(Node::Set(canonical(value.as_ref()))),
                _ => Err((ErrorKind::UnsupportedOp, "the root can only be replaced")),
            };
        };
        if patch.path.len() > MAX_DOCUMENT_DEPTH {
            return Err((ErrorKind::TooDeep, "the path is deeper than a document"));
        }
        let mut steps = Vec::with_capacity(parents.len());
        let mut place = self;
        for segment in parents {
            let step = match place.container(segment)? {
                Container::Object => Step::Key(segment.key()),
                Container::Array(_) => Step::Index(segment.index().ok_or_else(unresolved)?),
            };
            place = place.step(&step).ok_or_else(unresolved)?;
            steps.push(step);
        }
        // Only the document could tell an array's `length` and its end from keys.
        let is_unclear = match (&patch.op, last) {
            (Op::Replace(Some(Value::Number(_))), PathSegment::Key(key)) => key == "length",
            (Op::Add(_), PathSegment::Key(key)) => key == "-",
            _ => false,
        };
        if is_unclear && place.edits.is_empty() && matches!(place.seen, Seen::Nothing) {
            return Err((ErrorKind::PathUnresolved, "whether this is an array is not known"));
        }
        let edit = match place.container(last)? {
            Container::Object => place.edit_key(&last.key(), &patch.op)?,
            Container::Array(length) => edit_items(place.seen, length, last, &patch.op, growth_left)?,
        };
        Ok(steps.into_iter().rev().fold(edit, |edit, step| match step {
            _ if edit.is_keep() => edit,
            Step::Key(key) => Node::Object(IndexMap::from([(key.into_owned(), edit)])),
            Step::Index(index) => Node::array(ArrayEdit::new(Vec::new(), Vec::new(), vec![(index, edit)])),
        }))
    }

    fn edit_key(&self, key: &str, op: &Op) -> Result<Node, Fault> {
        let value = match op {
            Op::Add(value) | Op::Replace(value) => value.as_ref(),
            Op::Remove => None,
            Op::Move { .. } => return Err((ErrorKind::UnsupportedOp, "only items of an array can move")),
        };
        let is_there = match (self.seen, op) {
            (Seen::Written, Op::Add(_)) => false,
            _ => self.step(&Step::Key(key.into())).is_some(),
        };
        let edit = match value {
            Some(value) if is_there => Node::Set(canonical(Some(value))),
            Some(value) => Node::Add(canonical(Some(value))),
            None if is_there => Node::Unset,
            None => return Ok(Node::Keep),
        };
        Ok(Node::Object(IndexMap::from([(key.to_owned(), edit)])))
    }
}

fn edit_items(
    seen: Seen<'_>,
    length: Option<usize>,
    last: &PathSegment,
    op: &Op,
    growth_left: &mut usize,
) -> Result<Node, Fault> {
    let index = match (last, op, length) {
        (PathSegment::Key(key), Op::Replace(_), Some(length)) if key == "length" => {
            return set_length(length, op, growth_left);
        }
        (PathSegment::Key(key), Op::Add(_), Some(length)) if key == "-" => length,
        (PathSegment::Key(key), _, None) if key == "-" || key == "length" => match seen {
            Seen::Lost => return Ok(Node::Keep),
            _ => return Err((ErrorKind::PathUnresolved, "the length of the array is not known")),
        },
        _ => last
            .index()
            .ok_or((ErrorKind::ArrayKey, "an array has indexes from 0, and a `length`"))?,
    };
    let may_be = |index: usize, end: usize| match length {
        Some(length) if index >= length + end => Err(OUT_OF_RANGE),
        // No array is as long, and twice as much fits 32 bits.
        None if index > 1 << 30 => Err(OUT_OF_RANGE),
        _ => Ok(()),
    };
    let arrive = |gap: usize, gone: Vec<usize>, item: Item| {
        Node::array(ArrayEdit::new(gone, vec![Arrival { gap, item }], Vec::new()))
    };
    match op {
        Op::Add(value) => {
            may_be(index, 1)?;
            Ok(arrive(index, Vec::new(), Item::New(canonical(value.as_ref()))))
        }
        Op::Replace(value) => {
            may_be(index, 1)?;
            let value = canonical(value.as_ref());
            if length == Some(index) {
                return Ok(arrive(index, Vec::new(), Item::New(value)));
            }
            Ok(Node::array(ArrayEdit::new(
                Vec::new(),
                Vec::new(),
                vec![(index, Node::Set(value))],
            )))
        }
        Op::Remove => {
            may_be(index, 0)?;
            Ok(Node::array(ArrayEdit::new(vec![index], Vec::new(), Vec::new())))
        }
        Op::Move { from } => {
            let from = usize::try_from(*from).unwrap_or(usize::MAX);
            may_be(index, 0)?;
            may_be(from, 0)?;
            // The index counts without the item, the gap with it.
            let gap = if index < from { index } else { index + 1 };
            Ok(arrive(gap, vec![from], Item::Moved(from)))
        }
    }
}

fn set_length(length: usize, op: &Op, growth_left: &mut usize) -> Result<Node, Fault> {
    let new = match op {
        Op::Replace(Some(value)) => patch::index(value),
        _ => None,
    };
    let new = new.ok_or((ErrorKind::InvalidLength, "an array's length is an integer from 0"))?;
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    let growth = new.saturating_sub(length);
    *growth_left = growth_left.checked_sub(growth).ok_or((
        ErrorKind::LengthOutOfRange,
        "an array cannot grow by so many items through its length",
    ))?;
    let nulls = iter::repeat_n(Value::Null, growth);
    let arrivals = nulls
        .map(|null| Arrival {
            gap: length,
            item: Item::New(null),
        })
        .collect();
    Ok(Node::array(ArrayEdit::new(
        (new..length).collect(),
        arrivals,
        Vec::new(),
    )))
}

fn canonical(value: Option<&Value>) -> Value {
    let mut value = value.cloned().unwrap_or_default();
    canonicalize(&mut value);
    value
}

const OUT_OF_RANGE: Fault = (
    ErrorKind::IndexOutOfRange,
    "the index is beyond the end of the array",
);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(base: &Value, patches: Value) -> ErrorKind {
        let patches: Vec<Patch> = serde_json::from_value(patches).unwrap();
        Edit::of(base, &patches).unwrap_err().kind
    }

    #[test]
    fn patches_that_do_not_apply_are_no_edit() {
        let base = json!({ "l": [1], "x": 1 });
        let grow = |length: usize| json!({ "op": "replace", "path": ["l", "length"], "value": length });
        for (patches, kind) in [
            (json!([{ "op": "remove", "path": [] }]), ErrorKind::UnsupportedOp),
            (
                json!([{ "op": "move", "path": ["x"], "from": 0 }]),
                ErrorKind::UnsupportedOp,
            ),
            (
                json!([{ "op": "add", "path": ["x", "y"], "value": 1 }]),
                ErrorKind::PathUnresolved,
            ),
            (
                json!([{ "op": "add", "path": ["y", "y"], "value": 1 }]),
                ErrorKind::PathUnresolved,
            ),
            (
                json!([{ "op": "add", "path": ["l", "y"], "value": 1 }]),
                ErrorKind::ArrayKey,
            ),
            (
                json!([{ "op": "remove", "path": ["l", "-"] }]),
                ErrorKind::ArrayKey,
            ),
            (
                json!([{ "op": "remove", "path": ["l", 1] }]),
                ErrorKind::IndexOutOfRange,
            ),
            (
                json!([{ "op": "add", "path": ["l", 2], "value": 1 }]),
                ErrorKind::IndexOutOfRange,
            ),
            (
                json!([{ "op": "move", "path": ["l", 0], "from": 1 }]),
                ErrorKind::IndexOutOfRange,
            ),
            (
                json!([{ "op": "replace", "path": ["l", "length"], "value": -1 }]),
                ErrorKind::InvalidLength,
            ),
            (
                json!([grow(MAX_LENGTH_GROWTH), grow(0), grow(2)]),
                ErrorKind::LengthOutOfRange,
            ),
        ] {
            let read: Vec<Patch> = serde_json::from_value(patches.clone()).unwrap();
            let applied = crate::apply::apply(base.clone(), &read).unwrap_err().kind;
            assert_eq!(
                (refused(&base, patches.clone()), applied),
                (kind, kind),
                "{patches}"
            );
        }
    }

    #[test]
    fn whether_a_segment_is_an_index_is_for_the_container_to_say() {
        let base = json!({ "o": { "0": "a", "1": "b" }, "l": ["a", "b"] });
        let patches = json!([
            { "op": "add", "path": ["o", 0], "value": "A" },
            { "op": "add", "path": ["l", "0"], "value": "A" },
            { "op": "replace", "path": ["o", 1], "value": "B" },
            { "op": "replace", "path": ["l", 1], "value": "B" },
        ]);
        let patches: Vec<Patch> = serde_json::from_value(patches).unwrap();
        let written = json!(Edit::of(&base, &patches).unwrap().patches());
        let expected = json!([
            { "op": "replace", "path": ["o", "0"], "value": "A" },
            { "op": "replace", "path": ["o", "1"], "value": "B" },
            { "op": "replace", "path": ["l", 0], "value": "B" },
            { "op": "add", "path": ["l", 0], "value": "A" },
        ]);
        assert_eq!(written, expected);
    }
}
