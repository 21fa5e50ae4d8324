//! Two edits in a row as one.

use std::mem;

use super::array::{ArrayEdit, Arrival, Item, Origin};
use super::{Edit, Node};

impl Edit {
    /// This edit, and then one of what it makes, as one.
    pub fn compose(self, then: Edit) -> Edit {
        Edit(self.0.compose(then.0))
    }
}

impl Node {
    pub(super) fn compose(self, then: Node) -> Node {
        match (self, then) {
            (first, Node::Keep) => first,
            (Node::Keep, then) => then,
            (Node::Add(_), Node::Unset) => Node::Keep,
            (Node::Add(_), Node::Set(value) | Node::Add(value)) => Node::Add(value),
            (_, Node::Unset) => Node::Unset,
            (_, Node::Set(value) | Node::Add(value)) => Node::Set(value),
            (Node::Set(mut value), then) => {
                then.apply(&mut value);
                Node::Set(value)
            }
            (Node::Add(mut value), then) => {
                then.apply(&mut value);
                Node::Add(value)
            }
            (Node::Object(mut members), Node::Object(then)) => {
                for (key, edit) in then {
                    let member = members.entry(key).or_default();
                    *member = mem::take(member).compose(edit);
                }
                members.retain(|_, edit| !edit.is_keep());
                Node::object(members)
            }
            (Node::Array(first), Node::Array(then)) => Node::array(compose_arrays(first, then)),
            // An edit of what is not there: it is no edit of what the first one makes.
            (first @ (Node::Unset | Node::Object(_) | Node::Array(_)), Node::Object(_) | Node::Array(_)) => {
                first
            }
        }
    }
}

fn compose_arrays(first: ArrayEdit, then: ArrayEdit) -> ArrayEdit {
    // Where the second finds what it takes from its place, moves or edits, and what lies before the gaps in which it puts something.
    let origins = |indexes: &mut dyn Iterator<Item = usize>| -> Vec<Origin> {
        indexes.map(|index| first.origin(index)).collect()
    };
    let left = origins(&mut then.gone().iter().copied());
    let moved = origins(
        &mut then.arrivals().iter().filter_map(|arrival| match arrival.item {
            Item::Moved(index) => Some(index),
            Item::New(_) => None,
        }),
    );
    let edited = origins(&mut then.edits().iter().map(|(index, _)| *index));
    let gaps: Vec<_> = then
        .arrivals()
        .iter()
        .map(|arrival| gap_before(&first, arrival.gap))
        .collect();

    let (mut gone, arrivals, mut edits) = first.into_parts();
    let mut arrivals: Vec<_> = arrivals
        .into_iter()
        .map(|arrival| (arrival.gap, Some(arrival.item)))
        .collect();
    let (_, then_arrivals, then_edits) = then.into_parts();
    let known = edits.len();
    for (origin, (_, edit)) in edited.into_iter().zip(then_edits) {
        let index = match origin {
            Origin::Stays(index) => index,
            Origin::Arrived(number) => match &mut arrivals[number].1 {
                Some(Item::New(value)) => {
                    edit.apply(value);
                    continue;
                }
                Some(Item::Moved(index)) => *index,
                None => continue,
            },
        };
        match edits[..known].binary_search_by_key(&index, |(index, _)| *index) {
            Ok(found) => {
                let earlier = &mut edits[found].1;
                *earlier = mem::take(earlier).compose(edit);
            }
            Err(_) => edits.push((index, edit)),
        }
    }
    let mut moved = moved.into_iter();
    let mut arriving = Vec::with_capacity(then_arrivals.len());
    for (arrival, (before, gap)) in then_arrivals.into_iter().zip(gaps) {
        let item = match arrival.item {
            Item::New(value) => Some(Item::New(value)),
            Item::Moved(_) => match moved.next() {
                Some(Origin::Stays(index)) => Some(Item::Moved(index)),
                Some(Origin::Arrived(number)) => arrivals[number].1.take(),
                None => None,
            },
        };
        arriving.extend(item.map(|item| (before, Arrival { gap, item })));
    }
    for origin in left {
        match origin {
            Origin::Stays(index) => gone.push(index),
            Origin::Arrived(number) => drop(arrivals[number].1.take()),
        }
    }

    // Both lists of arrivals are in the order after their edit.
    let mut all = Vec::with_capacity(arrivals.len() + arriving.len());
    let mut arriving = arriving.into_iter().peekable();
    for (number, (gap, item)) in arrivals.into_iter().enumerate() {
        while let Some((_, arrival)) = arriving.next_if(|(before, _)| *before <= number) {
            all.push(arrival);
        }
        all.extend(item.map(|item| Arrival { gap, item }));
    }
    all.extend(arriving.map(|(_, arrival)| arrival));
    ArrayEdit::new(gone, all, edits)
}

/// How many arrivals lie before a gap of the array after the edit, and the gap of the base that it is in.
fn gap_before(edit: &ArrayEdit, after: usize) -> (usize, usize) {
    match after.checked_sub(1).map(|last| edit.origin(last)) {
        None => (0, 0),
        Some(Origin::Arrived(number)) => (number + 1, edit.arrivals()[number].gap),
        Some(Origin::Stays(index)) => (
            edit.arrivals().partition_point(|arrival| arrival.gap <= index),
            index + 1,
        ),
    }
}
