//! Carrying an edit over another one of the same base, so that both are made whichever comes first.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::array::{ArrayEdit, Arrival, Item, run_from};
use super::doubles::without_doubles;
use super::twins::{Twin, both_take, twins};
use super::{Edit, Node};
use crate::path::Path;
use crate::value::same;

/// Where an edit stands in the order of the server, beside another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Before the other: where only one of them can count, the other does.
    Earlier,
    /// After the other: where only one of them can count, it does.
    Later,
}

/// An edit that has been carried over another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformed {
    /// What is left to do once the other has been made.
    pub edit: Edit,
    /// Where both could not count.
    pub conflicts: Vec<Conflict>,
}

/// A place that both edits change, and where one of them counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The place, in the base of both.
    pub path: Path,
    /// Whether the edit that was carried has lost: that part of it was absorbed. If not, it undoes what the other did there.
    pub absorbed: bool,
}

/// What became of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was made as it was sent.
    AsSent,
    /// It was made, or what of it was left, in other places.
    Transformed,
    /// Nothing of it was left to be made.
    Absorbed,
}

impl Outcome {
    /// What became of an edit that was `sent`, and of which `made` was made.
    pub fn of(sent: &Edit, made: &Edit) -> Outcome {
        match (sent == made, made.is_empty()) {
            (true, _) => Outcome::AsSent,
            (false, true) => Outcome::Absorbed,
            (false, false) => Outcome::Transformed,
        }
    }
}

impl Edit {
    /// This edit as one of what `over` makes of the base that both were made on.
    ///
    /// `side` is where this one stands. The module says who wins.
    pub fn transform(&self, over: &Edit, side: Side) -> Transformed {
        let mut carrier = Carrier {
            side,
            both_take: both_take(&self.0, &over.0),
            path: Path::new(),
            conflicts: Vec::new(),
        };
        let edit = carrier.whole(&self.0, &over.0);
        Transformed {
            edit: Edit(edit),
            conflicts: carrier.conflicts,
        }
    }
}

struct Carrier {
    side: Side,
    both_take: bool,
    path: Path,
    conflicts: Vec<Conflict>,
}

impl Carrier {
    fn whole(&mut self, edit: &Node, over: &Node) -> Node {
        let (earlier, later) = match self.side {
            Side::Earlier => (edit, over),
            Side::Later => (over, edit),
        };
        let reduced = self.both_take.then(|| without_doubles(earlier, later)).flatten();
        let Some(reduced) = reduced else {
            return self.node(edit, over);
        };
        let absorbed = self.side == Side::Earlier;
        let conflicts = reduced.paths.into_iter().map(|path| Conflict { path, absorbed });
        self.conflicts.extend(conflicts);
        match self.side {
            Side::Earlier => self.node(&reduced.edit, over),
            Side::Later => reduced.taken_back.compose(self.node(edit, &reduced.edit)),
        }
    }

    fn node(&mut self, edit: &Node, over: &Node) -> Node {
        match (edit, over) {
            (Node::Keep, _) => Node::Keep,
            (_, Node::Keep) => edit.clone(),
            (Node::Unset, Node::Unset) => Node::Keep,
            (Node::Set(value) | Node::Add(value), Node::Set(other) | Node::Add(other))
                if same(value, other) =>
            {
                Node::Keep
            }
            (Node::Set(_) | Node::Add(_) | Node::Unset, Node::Set(_) | Node::Add(_) | Node::Unset) => {
                match (self.side, edit, over) {
                    (Side::Earlier, _, _) => self.absorb(),
                    (Side::Later, Node::Set(value) | Node::Add(value), Node::Unset) => {
                        self.override_with(Node::Add(value.clone()))
                    }
                    (Side::Later, Node::Set(value) | Node::Add(value), _) => {
                        self.override_with(Node::Set(value.clone()))
                    }
                    (Side::Later, edit, _) => self.override_with(edit.clone()),
                }
            }
            (Node::Object(members), Node::Object(over)) => self.object(members, over),
            (Node::Array(edit), Node::Array(over)) => self.array(edit, over),
            (Node::Set(_) | Node::Add(_) | Node::Unset, _) => self.override_with(edit.clone()),
            // The other sets the place. An object and an array are not of one base: nothing can be made of that.
            (Node::Object(_) | Node::Array(_), _) => self.absorb(),
        }
    }

    fn object(&mut self, members: &IndexMap<String, Node>, over: &IndexMap<String, Node>) -> Node {
        let mut carried = IndexMap::with_capacity(members.len());
        for (key, edit) in members {
            let edit = match over.get(key) {
                None => edit.clone(),
                Some(over) => self.within(key.as_str(), |carrier| carrier.node(edit, over)),
            };
            if !edit.is_keep() {
                carried.insert(key.clone(), edit);
            }
        }
        Node::object(carried)
    }

    fn array(&mut self, edit: &ArrayEdit, over: &ArrayEdit) -> Node {
        let twins = twins(edit, over, self.both_take);
        let mut gone: Vec<_> = edit
            .gone()
            .iter()
            .filter_map(|&index| self.leave(edit, over, index))
            .collect();
        if self.side == Side::Earlier {
            gone.extend(twins.values().map(|&twin| over.arrival_after(twin.number)));
        }
        let arrivals = self.arrivals(edit, over, &twins);
        let mut edits = self.edits_of_twins(edit, over, &twins);
        for (index, node) in edit.edits() {
            let Some(after) = over.index_after(*index) else {
                let is_new = matches!(node, Node::Set(_));
                self.within(*index, |carrier| carrier.conflict(!is_new));
                continue;
            };
            let node = match over.edit_of(*index) {
                None => node.clone(),
                Some(over) => self.within(*index, |carrier| carrier.node(node, over)),
            };
            edits.push((after, node));
        }
        Node::array(ArrayEdit::new(gone, arrivals, edits))
    }

    /// Where an item of the base that leaves its place has to leave it after the other edit, if that is left to do.
    fn leave(&mut self, edit: &ArrayEdit, over: &ArrayEdit, index: usize) -> Option<usize> {
        let moves = edit.moves(index);
        let Some(after) = over.index_after(index) else {
            // Both remove it, unless this one moves it.
            if moves {
                self.within(index, |carrier| carrier.conflict(true));
            }
            return None;
        };
        let (contended, lost) = if moves {
            (over.moves(index), over.moves(index) && self.side == Side::Earlier)
        } else {
            let changed = over.edit_of(index);
            (
                over.moves(index) || changed.is_some(),
                matches!(changed, Some(Node::Set(_))),
            )
        };
        if contended {
            self.within(index, |carrier| carrier.conflict(lost));
        }
        (!lost).then_some(after)
    }

    /// What the later makes of new items that both have put there.
    fn edits_of_twins(
        &mut self,
        edit: &ArrayEdit,
        over: &ArrayEdit,
        twins: &HashMap<usize, Twin>,
    ) -> Vec<(usize, Node)> {
        let mut edits = Vec::new();
        for (number, twin) in twins.iter().filter(|(_, twin)| !twin.is_equal) {
            self.conflict(self.side == Side::Earlier);
            if let (Side::Later, Item::New(value)) = (self.side, &edit.arrivals()[*number].item) {
                edits.push((over.arrival_after(twin.number), Node::Set(value.clone())));
            }
        }
        edits
    }

    /// What arrives, in the gaps that are left by the other edit.
    fn arrivals(&self, edit: &ArrayEdit, over: &ArrayEdit, twins: &HashMap<usize, Twin>) -> Vec<Arrival> {
        let replacement = |index: usize| match edit.edit_of(index) {
            Some(Node::Set(value)) => Some(Item::New(value.clone())),
            _ => None,
        };
        let (own_places, others) = (places(edit), places(over));
        let (own_moves, other_moves) = (places_of_moved(edit, &own_places), places_of_moved(over, &others));
        // At the beginning and at the end a new item is outside of what was moved there, by a sort for instance.
        let side_at = |place: usize| match (own_moves.contains(&place), other_moves.contains(&place)) {
            (moves, also) if moves == also => self.side,
            (moves, _) if moves == (place > 0) => Side::Earlier,
            _ => Side::Later,
        };
        let mut all = Vec::with_capacity(edit.arrivals().len());
        for (number, (arrival, place)) in edit.arrivals().iter().zip(own_places).enumerate() {
            let item = match &arrival.item {
                // It is where the earlier has put it.
                Item::New(value) => match twins.get(&number) {
                    None => Some(Item::New(value.clone())),
                    Some(_) if self.side == Side::Later => None,
                    Some(twin) => Some(Item::Moved(over.arrival_after(twin.number))),
                },
                Item::Moved(index) => match over.index_after(*index) {
                    Some(_) if over.moves(*index) && self.side == Side::Earlier => None,
                    Some(after) => Some(Item::Moved(after)),
                    None => replacement(*index),
                },
            };
            all.extend(item.map(|item| (place, side_at(place), item)));
        }
        // What replaces an item that has gone stands where the item stood: behind whatever the other has put into its place.
        for (index, _) in edit.edits() {
            if over.removes(*index) && !edit.moves(*index) {
                all.extend(replacement(*index).map(|item| (2 * index + 1, Side::Later, item)));
            }
        }
        all.sort_by_key(|(place, ..)| *place);

        let gaps = all.into_iter().map(|(place, side, item)| {
            let before = match side {
                Side::Earlier => others.partition_point(|other| *other < place),
                Side::Later => others.partition_point(|other| *other <= place),
            };
            let gap = place / 2;
            Arrival {
                gap: gap - over.gone_before(gap) + before,
                item,
            }
        });
        gaps.collect()
    }

    fn within<T>(
        &mut self,
        segment: impl Into<crate::path::PathSegment>,
        act: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.path.push(segment.into());
        let done = act(self);
        self.path.pop();
        done
    }

    fn absorb(&mut self) -> Node {
        self.conflict(true);
        Node::Keep
    }

    fn override_with(&mut self, edit: Node) -> Node {
        self.conflict(false);
        edit
    }

    fn conflict(&mut self, absorbed: bool) {
        let path = self.path.clone();
        self.conflicts.push(Conflict { path, absorbed });
    }
}

/// The places in which items arrive that were moved.
fn places_of_moved(edit: &ArrayEdit, places: &[usize]) -> HashSet<usize> {
    let arrivals = edit.arrivals().iter().zip(places);
    arrivals
        .filter(|(arrival, _)| matches!(arrival.item, Item::Moved(_)))
        .map(|(_, place)| *place)
        .collect()
}

/// Where each arrival stands among those of others: 2n in the gap before the item n, 2n + 1 in place of the item n, which has left.
///
/// So what replaces an item stands between what others put before it and what they put behind it.
fn places(edit: &ArrayEdit) -> Vec<usize> {
    let mut places = Vec::with_capacity(edit.arrivals().len());
    let (mut gap, mut run, mut of_gap) = (usize::MAX, 0, 0);
    for arrival in edit.arrivals() {
        if arrival.gap != gap {
            gap = arrival.gap;
            run = run_from(edit.gone(), gap);
            of_gap = 0;
        }
        places.push(match run {
            0 => 2 * gap,
            _ => 2 * (gap + of_gap.min(run - 1)) + 1,
        });
        of_gap += 1;
    }
    places
}
