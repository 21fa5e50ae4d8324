//! A place of a document as it is between two patches, seen through the edits of those before it.

use std::borrow::Cow;

use serde_json::Value;

use super::Node;
use super::array::{ArrayEdit, Item, Origin};
use crate::apply::ErrorKind;
use crate::path::{PathSegment, RESERVED_KEY};

pub(super) type Fault = (ErrorKind, &'static str);

/// A place of the document as it is between two patches.
pub(super) struct Place<'a> {
    pub seen: Seen<'a>,
    /// What has changed there since the base, up to what is seen, in order.
    pub later: Vec<&'a Node>,
    /// What the patches so far change there, in order. None of it sets the place: that would be what is seen.
    pub edits: Vec<&'a Node>,
}

#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Value(&'a Value),
    /// It is not known.
    Nothing,
    /// It is not known, but the patches tell: an edit has written them of it.
    Written,
    /// It has gone since, so nobody cares.
    Lost,
}

/// A step down, which the container has understood.
pub(super) enum Step<'a> {
    Key(Cow<'a, str>),
    Index(usize),
}

pub(super) enum Container {
    Object,
    /// An array, and its length if that is known.
    Array(Option<usize>),
}

impl<'a> Place<'a> {
    pub fn root(seen: Seen<'a>, later: impl Iterator<Item = &'a Node>) -> Place<'a> {
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
    pub fn after<'b>(&self, edits: &'b [Node]) -> Place<'b>
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

    /// What kind of container this is, in which the segment is a step.
    pub fn container(&self, segment: &PathSegment) -> Result<Container, Fault> {
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
    pub fn step(&self, step: &Step<'_>) -> Option<Place<'a>> {
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
}

pub(super) fn unresolved() -> Fault {
    (
        ErrorKind::PathUnresolved,
        "there is no array or object where the path leads",
    )
}
