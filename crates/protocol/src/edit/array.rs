//! What changes in an array: which items of the base leave their places, what arrives between the others, and what changes within items.

use std::{iter, mem};

use serde_json::Value;

use super::{Node, longest_increasing};

/// Every index is one of the base, unless it is said to be *after* the edit. A *gap* is a place between items: gap 3 is before the item 3.
///
/// An item *stays* if it neither goes nor moves. All that arrives between two items that stay is in the first gap between them, in order. No
/// item moves unless it passes one that stays. So edits that do the same with the same items are equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ArrayEdit {
    /// Items that leave their place, in order: those that go, and those that move.
    gone: Vec<usize>,
    /// By their gaps, and those of one gap in their order.
    arrivals: Vec<Arrival>,
    /// What changes within items that stay or move, in the order of items.
    edits: Vec<(usize, Node)>,
    /// The items that move, in order, each with its number among the arrivals.
    moves: Vec<(usize, usize)>,
}

/// What arrives in a gap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrival {
    pub gap: usize,
    pub item: Item,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A new item.
    New(Value),
    /// An item of the base, which is among the gone ones too.
    Moved(usize),
}

/// What an index after the edit is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Origin {
    /// An item of the base that stays.
    Stays(usize),
    /// An arrival, by its number.
    Arrived(usize),
}

impl ArrayEdit {
    /// Makes an edit. `gone` and `edits` may be in any order, and edits may be of items that go. Arrivals of one gap stand in their order.
    pub fn new(mut gone: Vec<usize>, mut arrivals: Vec<Arrival>, mut edits: Vec<(usize, Node)>) -> ArrayEdit {
        gone.sort_unstable();
        arrivals.sort_by_key(|arrival| arrival.gap);
        edits.sort_by_key(|(index, _)| *index);
        move_to_first_gaps(&gone, &mut arrivals);
        keep_what_passes_nothing(&mut gone, &mut arrivals);
        let mut edit = ArrayEdit {
            moves: moves_of(&arrivals),
            gone,
            arrivals,
            edits: Vec::new(),
        };
        edits.retain(|(index, node)| !node.is_keep() && !edit.removes(*index));
        edit.edits = edits;
        edit
    }

    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.arrivals.is_empty() && self.edits.is_empty()
    }

    pub fn into_parts(self) -> (Vec<usize>, Vec<Arrival>, Vec<(usize, Node)>) {
        (self.gone, self.arrivals, self.edits)
    }

    /// What changes within items, which is then for the caller to make, before the rest.
    pub fn take_edits(&mut self) -> Vec<(usize, Node)> {
        std::mem::take(&mut self.edits)
    }

    pub fn gone(&self) -> &[usize] {
        &self.gone
    }

    pub fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    pub fn edits(&self) -> &[(usize, Node)] {
        &self.edits
    }

    /// The items that move, in order.
    pub fn moved(&self) -> impl ExactSizeIterator<Item = usize> {
        self.moves.iter().map(|(index, _)| *index)
    }

    /// The items that go for good, in order.
    pub fn removed(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.gone.iter().copied().filter(|&index| !self.moves(index))
    }

    pub fn removes(&self, index: usize) -> bool {
        self.gone.binary_search(&index).is_ok() && !self.moves(index)
    }

    pub fn moves(&self, index: usize) -> bool {
        self.arrival_of(index).is_some()
    }

    /// What changes within an item.
    pub fn edit_of(&self, index: usize) -> Option<&Node> {
        let found = self.edits.binary_search_by_key(&index, |(index, _)| *index);
        found.ok().map(|found| &self.edits[found].1)
    }

    /// How many items before a gap have left their place.
    pub fn gone_before(&self, gap: usize) -> usize {
        self.gone.partition_point(|&index| index < gap)
    }

    /// Where an item is after the edit, unless it goes.
    pub fn index_after(&self, index: usize) -> Option<usize> {
        match self.gone.binary_search(&index) {
            Ok(_) => self.arrival_of(index).map(|number| self.arrival_after(number)),
            Err(gone) => Some(index - gone + self.arrivals.partition_point(|arrival| arrival.gap <= index)),
        }
    }

    /// Where an arrival is after the edit.
    pub fn arrival_after(&self, number: usize) -> usize {
        let gap = self.arrivals[number].gap;
        gap - self.gone_before(gap) + number
    }

    /// What an index after the edit is, whatever the length of the base.
    pub fn origin(&self, after: usize) -> Origin {
        let number = self.first_arrival_from(after);
        if number < self.arrivals.len() && self.arrival_after(number) == after {
            return Origin::Arrived(number);
        }
        let rank = after - number;
        // The items that have left before the one that stays and has so many others before it.
        let left = partition_point(self.gone.len(), |number| self.gone[number] - number <= rank);
        Origin::Stays(rank + left)
    }

    /// How long an array of this length is after the edit.
    pub fn length_after(&self, length: usize) -> usize {
        (length + self.arrivals.len()).saturating_sub(self.gone.len())
    }

    /// The number of the first arrival that is at this index after the edit, or behind it.
    fn first_arrival_from(&self, after: usize) -> usize {
        partition_point(self.arrivals.len(), |number| self.arrival_after(number) < after)
    }

    /// The number of the arrival that an item is, if it moves.
    fn arrival_of(&self, index: usize) -> Option<usize> {
        let found = self.moves.binary_search_by_key(&index, |(index, _)| *index);
        found.ok().map(|found| self.moves[found].1)
    }

    /// Makes the change. Items that are not there are left out.
    ///
    /// It costs as many items as lie between the first that leaves or arrives and the last. What is behind them moves in one go.
    pub fn apply(mut self, items: &mut Vec<Value>) {
        for (index, edit) in mem::take(&mut self.edits) {
            if let Some(item) = items.get_mut(index) {
                edit.apply(item);
            }
        }
        let spots: Vec<_> = self.spots(items.len()).collect();
        let (Some(first), Some(last)) = (spots.first(), spots.last()) else {
            return;
        };
        let (start, end) = (first.start, last.end);
        let mut arriving = self.into_arriving(items).into_iter();
        // To move all that is behind a place costs a quarter, if that, of taking as many items out and putting them back one by one.
        if spots.len() * (items.len() - start) < 4 * (end - start) {
            let arrived: Vec<Vec<_>> = spots
                .iter()
                .map(|spot| arriving.by_ref().take(spot.arrivals).flatten().collect())
                .collect();
            // The last comes first, so that the indexes of the others hold.
            for (spot, arrived) in spots.iter().zip(arrived).rev() {
                items.splice(spot.start..spot.end, arrived);
            }
            return;
        }
        let mut between = Vec::with_capacity(end - start + arriving.len());
        let mut next = start;
        for spot in &spots {
            between.extend(items[next..spot.start].iter_mut().map(mem::take));
            between.extend(arriving.by_ref().take(spot.arrivals).flatten());
            next = spot.end;
        }
        items.splice(start..end, between);
    }

    /// Where items of an array of this length leave their places or arrive, from the first to the last.
    fn spots(&self, length: usize) -> impl Iterator<Item = Spot> {
        let (mut gone, mut arrivals) = (&self.gone[..], &self.arrivals[..]);
        iter::from_fn(move || {
            let next = [gone.first().copied(), arrivals.first().map(|arrival| arrival.gap)];
            let start = next.into_iter().flatten().min()?;
            let run = run_from(gone, start);
            let arrived = arrivals.partition_point(|arrival| arrival.gap == start);
            (gone, arrivals) = (&gone[run..], &arrivals[arrived..]);
            Some(Spot {
                start: start.min(length),
                end: (start + run).min(length),
                arrivals: arrived,
            })
        })
    }

    /// What arrives. Items that move are taken out of the array, and those that are not there are `None`.
    fn into_arriving(self, items: &mut [Value]) -> Vec<Option<Value>> {
        let arriving = self.arrivals.into_iter().map(|arrival| match arrival.item {
            Item::New(value) => Some(value),
            Item::Moved(index) => items.get_mut(index).map(mem::take),
        });
        arriving.collect()
    }
}

/// Items in a row that leave their places, and how many arrive where they have been.
struct Spot {
    start: usize,
    end: usize,
    arrivals: usize,
}

/// Puts what arrives between two items that stay into the first gap between them.
fn move_to_first_gaps(gone: &[usize], arrivals: &mut [Arrival]) {
    let mut run = 0;
    let mut next = 0;
    for arrival in arrivals {
        while next < gone.len() && gone[next] < arrival.gap {
            if next == 0 || gone[next] != gone[next - 1] + 1 {
                run = gone[next];
            }
            next += 1;
        }
        if next > 0 && gone[next - 1] + 1 == arrival.gap {
            arrival.gap = run;
        }
    }
}

/// Lets items stay that move to where nothing lies between but what goes or moves too, as many as keep their order among themselves.
fn keep_what_passes_nothing(gone: &mut Vec<usize>, arrivals: &mut Vec<Arrival>) {
    let mut staying = Vec::new();
    let mut first = 0;
    while first < arrivals.len() {
        let gap = arrivals[first].gap;
        let count = arrivals[first..].partition_point(|arrival| arrival.gap == gap);
        let run = run_from(gone, gap);
        let own: Vec<(usize, usize)> = (first..first + count)
            .filter_map(|number| match arrivals[number].item {
                Item::Moved(index) if (gap..gap + run).contains(&index) => Some((number, index)),
                _ => None,
            })
            .collect();
        let indexes: Vec<_> = own.iter().map(|(_, index)| *index).collect();
        let stay: Vec<_> = longest_increasing(&indexes)
            .into_iter()
            .map(|position| own[position])
            .collect();
        // What arrives behind an item that stays arrives in the gap behind it.
        for pair in stay.windows(2) {
            arrivals[pair[0].0..pair[1].0]
                .iter_mut()
                .for_each(|arrival| arrival.gap = pair[0].1 + 1);
        }
        if let Some((number, index)) = stay.last() {
            arrivals[*number..first + count]
                .iter_mut()
                .for_each(|arrival| arrival.gap = index + 1);
        }
        staying.extend(stay);
        first += count;
    }
    if !staying.is_empty() {
        let numbers: Vec<_> = staying.iter().map(|(number, _)| *number).collect();
        let mut number = 0..;
        arrivals.retain(|_| {
            number
                .next()
                .is_none_or(|number| numbers.binary_search(&number).is_err())
        });
        let mut indexes: Vec<_> = staying.into_iter().map(|(_, index)| index).collect();
        indexes.sort_unstable();
        gone.retain(|index| indexes.binary_search(index).is_err());
    }
}

/// How many items in a row have left their place from this gap on.
pub(crate) fn run_from(gone: &[usize], gap: usize) -> usize {
    let start = gone.partition_point(|&index| index < gap);
    gone[start..]
        .iter()
        .enumerate()
        .take_while(|(offset, index)| **index == gap + offset)
        .count()
}

/// Like that of slices, for numbers below `end`.
fn partition_point(end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn moves_of(arrivals: &[Arrival]) -> Vec<(usize, usize)> {
    let mut moves: Vec<_> = arrivals
        .iter()
        .enumerate()
        .filter_map(|(number, arrival)| match arrival.item {
            Item::Moved(index) => Some((index, number)),
            Item::New(_) => None,
        })
        .collect();
    moves.sort_unstable();
    moves
}
