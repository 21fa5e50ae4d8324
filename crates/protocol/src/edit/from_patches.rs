//! Patches made one edit: each is one of what those before it have left, and becomes one of the base.
//!
//! What a segment of a path names is for the container to say: `"1"` is a key of an object and an index of an array. So each patch is
//! looked up on its way down, through the edits of the patches before it, in the base.

use std::iter;

use indexmap::IndexMap;
use serde_json::Value;

use super::array::{ArrayEdit, Arrival, Item, Origin};
use super::{Edit, Node};
use crate::apply::{ApplyError, ErrorKind};
use crate::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use crate::patch::{self, Op, Patch};
use crate::path::{PathSegment, RESERVED_KEY};
use crate::value::canonicalize;

impl Edit {
    /// What `patches` change in `base`. The errors are those of applying them, but for the sizes, which are not looked at.
    ///
    /// It costs the size of the patches, never that of the document.
    pub fn of(base: &Value, patches: &[Patch]) -> Result<Edit, ApplyError> {
        collect(
            &Place {
                seen: Seen::Value(base),
                later: Vec::new(),
                edits: Vec::new(),
            },
            patches,
        )
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
        collect(
            &Place {
                seen: Seen::Nothing,
                later: Vec::new(),
                edits: Vec::new(),
            },
            patches,
        )
    }
}

/// Composes in pairs of about the same size, as a binary counter adds: n patches cost n log n, wherever they change something.
fn collect(base: &Place<'_>, patches: &[Patch]) -> Result<Edit, ApplyError> {
    let is_reset = |patch: &Patch| patch.path.is_empty() && matches!(patch.op, Op::Replace(_));
    let first = patches.iter().rposition(is_reset).unwrap_or_default();
    let mut edits: Vec<Node> = Vec::new();
    for (number, patch) in (1_u64..).zip(&patches[first..]) {
        let edit = base.after(&edits).edit(patch).map_err(|(kind, message)| {
            let path = patch.path.clone();
            ApplyError {
                kind,
                path,
                message: message.to_owned(),
            }
        })?;
        edits.push(edit);
        for _ in 0..number.trailing_zeros() {
            fold_last(&mut edits);
        }
    }
    while edits.len() > 1 {
        fold_last(&mut edits);
    }
    Ok(Edit(edits.pop().unwrap_or_default()))
}

fn fold_last(edits: &mut Vec<Node>) {
    if let (Some(then), Some(first)) = (edits.pop(), edits.pop()) {
        edits.push(first.compose(then));
    }
}

type Fault = (ErrorKind, &'static str);

/// A place of the document as it is between two patches.
struct Place<'a> {
    seen: Seen<'a>,
    /// What has changed there since the base, up to what is seen, in order.
    later: Vec<&'a Node>,
    /// What the patches so far change there, in order. None of it sets the place: that would be what is seen.
    edits: Vec<&'a Node>,
}

#[derive(Clone, Copy)]
enum Seen<'a> {
    Value(&'a Value),
    /// It is not known.
    Nothing,
    /// It has gone since, so nobody cares.
    Lost,
}

/// A step down, which the container has understood.
enum Step<'a> {
    Key(std::borrow::Cow<'a, str>),
    Index(usize),
}

enum Container {
    Object,
    /// An array, and its length if that is known.
    Array(Option<usize>),
}

impl<'a> Place<'a> {
    fn root(seen: Seen<'a>, later: impl Iterator<Item = &'a Node>) -> Place<'a> {
        let mut root = Place {
            seen,
            later: Vec::new(),
            edits: Vec::new(),
        };
        for edit in later {
            root.lose(edit);
        }
        root
    }

    /// The same place once these edits have been made.
    fn after<'b>(&self, edits: &'b [Node]) -> Place<'b>
    where
        'a: 'b,
    {
        let mut place = Place {
            seen: self.seen,
            later: self.later.clone(),
            edits: Vec::new(),
        };
        let mut newest = edits.iter().rev();
        while newest.next().is_some_and(|edit| place.see_through(edit)) {}
        place.edits.reverse();
        place
    }

    /// Looks below an edit of this place, the newest that was not looked below. `false` if there is nothing below it.
    fn see_through(&mut self, edit: &'a Node) -> bool {
        match edit {
            Node::Keep => true,
            Node::Set(value) | Node::Add(value) => {
                self.seen = Seen::Value(value);
                self.later.clear();
                false
            }
            edit => {
                self.edits.push(edit);
                true
            }
        }
    }

    /// Takes in what has changed later here.
    fn lose(&mut self, edit: &'a Node) {
        match edit {
            Node::Keep => {}
            Node::Set(_) | Node::Add(_) | Node::Unset => {
                self.seen = Seen::Lost;
                self.later.clear();
            }
            edit => self.later.push(edit),
        }
    }

    /// The edit of the base that a patch makes.
    fn edit(self, patch: &Patch) -> Result<Node, Fault> {
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
        let edit = match place.container(last)? {
            Container::Object => place.edit_key(&last.key(), &patch.op)?,
            Container::Array(length) => edit_items(place.seen, length, last, &patch.op)?,
        };
        Ok(steps.into_iter().rev().fold(edit, |edit, step| match step {
            _ if edit.is_keep() => edit,
            Step::Key(key) => Node::Object(IndexMap::from([(key.into_owned(), edit)])),
            Step::Index(index) => Node::array(ArrayEdit::new(Vec::new(), Vec::new(), vec![(index, edit)])),
        }))
    }

    /// What kind of container this is, in which the segment is a step.
    fn container(&self, segment: &PathSegment) -> Result<Container, Fault> {
        if segment.key() == RESERVED_KEY {
            return Err((ErrorKind::ReservedKey, "`__proto__` is not allowed as a key"));
        }
        match (self.seen, self.edits.first()) {
            (Seen::Value(Value::Object(_)), _) => Ok(Container::Object),
            (Seen::Value(Value::Array(items)), _) => Ok(Container::Array(Some(self.length(items.len())))),
            (Seen::Value(_), _) => Err(unresolved()),
            (_, Some(Node::Object(_))) => Ok(Container::Object),
            (_, Some(Node::Array(_))) => Ok(Container::Array(None)),
            (_, _) => match segment {
                PathSegment::Index(_) => Ok(Container::Array(None)),
                PathSegment::Key(_) => Ok(Container::Object),
            },
        }
    }

    /// How long an array is here that is so long where it is seen.
    fn length(&self, seen: usize) -> usize {
        let arrays = |edits: &[&'a Node]| -> Vec<&'a ArrayEdit> {
            let array = |edit: &&'a Node| match edit {
                Node::Array(edit) => Some(edit),
                _ => None,
            };
            edits.iter().filter_map(array).collect()
        };
        let base = arrays(&self.later).iter().fold(seen, |length, edit| {
            (length + edit.gone().len()).saturating_sub(edit.arrivals().len())
        });
        arrays(&self.edits)
            .iter()
            .fold(base, |length, edit| edit.length_after(length))
    }

    /// The place one step down, if there is one.
    fn step(&self, step: &Step<'_>) -> Option<Place<'a>> {
        let mut below = Place {
            seen: Seen::Nothing,
            later: Vec::new(),
            edits: Vec::new(),
        };
        let mut index = match step {
            Step::Index(index) => *index,
            Step::Key(_) => 0,
        };
        for edit in self.edits.iter().rev() {
            let within = match (edit, step) {
                (Node::Object(members), Step::Key(key)) => members.get(&**key),
                (Node::Array(edit), Step::Index(_)) => {
                    index = match edit.origin(index) {
                        Origin::Stays(index) => index,
                        Origin::Arrived(number) => match &edit.arrivals()[number].item {
                            Item::Moved(index) => *index,
                            Item::New(value) => {
                                below.seen = Seen::Value(value);
                                below.edits.reverse();
                                return Some(below);
                            }
                        },
                    };
                    edit.edit_of(index)
                }
                _ => None,
            };
            match within {
                None => {}
                Some(Node::Unset) => return None,
                Some(edit) if below.see_through(edit) => {}
                Some(_) => {
                    below.edits.reverse();
                    return Some(below);
                }
            }
        }
        below.edits.reverse();
        below.seen = match self.seen {
            Seen::Value(value) => {
                let index = below.lose_steps(&self.later, step, index)?;
                match (value, step, below.seen) {
                    (_, _, Seen::Lost) => Seen::Lost,
                    (Value::Object(members), Step::Key(key), _) => Seen::Value(members.get(&**key)?),
                    (Value::Array(items), Step::Index(_), _) => Seen::Value(items.get(index)?),
                    _ => return None,
                }
            }
            unseen => unseen,
        };
        Some(below)
    }

    /// Follows a step through what has changed later in the place above, and gives the index that it has come to. `None` if there was
    /// nothing yet.
    fn lose_steps(&mut self, later: &[&'a Node], step: &Step<'_>, mut index: usize) -> Option<usize> {
        for edit in later {
            let within = match (edit, step) {
                (Node::Object(members), Step::Key(key)) => members.get(&**key),
                (Node::Array(edit), Step::Index(_)) => {
                    let within = edit.edit_of(index);
                    match edit.index_after(index) {
                        Some(after) => index = after,
                        None => self.seen = Seen::Lost,
                    }
                    within
                }
                _ => None,
            };
            if let Some(Node::Add(_)) = within {
                return None;
            }
            within.into_iter().for_each(|edit| self.lose(edit));
            if matches!(self.seen, Seen::Lost) {
                break;
            }
        }
        Some(index)
    }

    fn edit_key(&self, key: &str, op: &Op) -> Result<Node, Fault> {
        let value = match op {
            Op::Add(value) | Op::Replace(value) => value.as_ref(),
            Op::Remove => None,
            Op::Move { .. } => return Err((ErrorKind::UnsupportedOp, "only items of an array can move")),
        };
        let is_there = self.step(&Step::Key(key.into())).is_some();
        let edit = match value {
            Some(value) if is_there => Node::Set(canonical(Some(value))),
            Some(value) => Node::Add(canonical(Some(value))),
            None if is_there => Node::Unset,
            None => return Ok(Node::Keep),
        };
        Ok(Node::Object(IndexMap::from([(key.to_owned(), edit)])))
    }
}

fn edit_items(seen: Seen<'_>, length: Option<usize>, last: &PathSegment, op: &Op) -> Result<Node, Fault> {
    let index = match (last, op, length) {
        (PathSegment::Key(key), Op::Replace(_), Some(length)) if key == "length" => {
            return set_length(length, op);
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
        // Sums of what no array is as long as are never to overflow.
        None if index > u32::MAX as usize => Err(OUT_OF_RANGE),
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

fn set_length(length: usize, op: &Op) -> Result<Node, Fault> {
    let new = match op {
        Op::Replace(Some(value)) => patch::index(value),
        _ => None,
    };
    let new = new.ok_or((ErrorKind::InvalidLength, "an array's length is an integer from 0"))?;
    let new = usize::try_from(new).unwrap_or(usize::MAX);
    if new.saturating_sub(length) > MAX_LENGTH_GROWTH {
        return Err((
            ErrorKind::LengthOutOfRange,
            "an array cannot grow by so many items through its length",
        ));
    }
    let nulls = iter::repeat_n(Value::Null, new.saturating_sub(length));
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

fn unresolved() -> Fault {
    (
        ErrorKind::PathUnresolved,
        "there is no array or object where the path leads",
    )
}

const OUT_OF_RANGE: Fault = (
    ErrorKind::IndexOutOfRange,
    "the index is beyond the end of the array",
);
