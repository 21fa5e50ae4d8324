//! An edit as patches: the fewest that do the same.

use serde_json::Value;

use super::array::{ArrayEdit, Item};
use super::{Edit, Node};
use crate::patch::{Op, Patch};
use crate::path::Path;

impl Edit {
    /// Patches that make the change: for each item that goes, arrives or moves and each value that is set, one.
    ///
    /// What changes within a container comes before what changes about its items, so every path is one of the base down to its last
    /// array. Items go from the last to the first; then the others arrive from the first to the last.
    pub fn patches(&self) -> Vec<Patch> {
        let mut writer = Writer {
            path: Path::new(),
            patches: Vec::new(),
        };
        writer.node(&self.0);
        writer.patches
    }

    /// The edit without moves: an item that moves is removed, and added where it moves to. That is what a client that only
    /// knows Immer's patches can make.
    pub fn expand(self, base: &Value) -> Edit {
        Edit(expand(self.0, base))
    }
}

struct Writer {
    path: Path,
    patches: Vec<Patch>,
}

impl Writer {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Keep => {}
            Node::Set(value) => self.write(Op::Replace(Some(value.clone()))),
            Node::Add(value) => self.write(Op::Add(Some(value.clone()))),
            Node::Unset => self.write(Op::Remove),
            Node::Object(members) => {
                for (key, edit) in members {
                    self.path.push(key.as_str().into());
                    self.node(edit);
                    self.path.pop();
                }
            }
            Node::Array(edit) => self.array(edit),
        }
    }

    fn array(&mut self, edit: &ArrayEdit) {
        for (index, node) in edit.edits() {
            self.path.push((*index).into());
            self.node(node);
            self.path.pop();
        }
        for index in edit.removed().rev() {
            self.at(index, Op::Remove);
        }
        let mut line = Line::of(edit);
        for (number, arrival) in edit.arrivals().iter().enumerate() {
            let op = match &arrival.item {
                Item::New(value) => Op::Add(Some(value.clone())),
                Item::Moved(index) => Op::Move {
                    from: line.take(edit, *index) as u64,
                },
            };
            let to = line.put(edit, number);
            self.at(to, op);
        }
    }

    fn at(&mut self, index: usize, op: Op) {
        self.path.push(index.into());
        self.write(op);
        self.path.pop();
    }

    fn write(&mut self, op: Op) {
        self.patches.push(Patch::new(self.path.clone(), op));
    }
}

/// Where what moves and arrives stands while patches are made one after the other: first all that moves where it was, and at last
/// all that arrives where it arrives.
struct Line {
    /// The items that move, in order.
    moved: Vec<usize>,
    /// How many are there now, of the places in which something arrives and those of what moves, as a Fenwick tree (binary indexed tree).
    present: Vec<i32>,
}

impl Line {
    fn of(edit: &ArrayEdit) -> Line {
        let moved: Vec<_> = edit.moved().collect();
        let present = vec![0; edit.arrivals().len() + moved.len() + 1];
        let mut line = Line { moved, present };
        for number in 0..line.moved.len() {
            line.count(line.place_of_moved(edit, number), 1);
        }
        line
    }

    /// Takes an item from where it was, and says at which index it was.
    fn take(&mut self, edit: &ArrayEdit, index: usize) -> usize {
        let place = self.place_of_moved(edit, self.moved.partition_point(|moved| *moved < index));
        self.count(place, -1);
        index - edit.gone_before(index) + self.present_before(place)
    }

    /// Puts an arrival into its place, and says at which index.
    fn put(&mut self, edit: &ArrayEdit, number: usize) -> usize {
        let gap = edit.arrivals()[number].gap;
        let place = number + self.moved.partition_point(|moved| *moved < gap);
        let index = gap - edit.gone_before(gap) + self.present_before(place);
        self.count(place, 1);
        index
    }

    fn place_of_moved(&self, edit: &ArrayEdit, number: usize) -> usize {
        let index = self.moved[number];
        number + edit.arrivals().partition_point(|arrival| arrival.gap <= index)
    }

    fn present_before(&self, place: usize) -> usize {
        let mut end = place;
        let mut sum = 0;
        while end > 0 {
            sum += self.present[end];
            end &= end - 1;
        }
        usize::try_from(sum).unwrap_or_default()
    }

    fn count(&mut self, place: usize, change: i32) {
        let mut node = place + 1;
        while let Some(sum) = self.present.get_mut(node) {
            *sum += change;
            node += node & node.wrapping_neg();
        }
    }
}

fn expand(node: Node, base: &Value) -> Node {
    match (node, base) {
        (Node::Object(members), Value::Object(values)) => {
            let expanded = members.into_iter().map(|(key, edit)| {
                let edit = match values.get(&key) {
                    Some(value) => expand(edit, value),
                    None => edit,
                };
                (key, edit)
            });
            Node::object(expanded.collect())
        }
        (Node::Array(edit), Value::Array(items)) => {
            let (gone, mut arrivals, mut edits) = edit.into_parts();
            for arrival in &mut arrivals {
                if let Item::Moved(index) = arrival.item {
                    let mut item = items.get(index).cloned().unwrap_or_default();
                    if let Ok(found) = edits.binary_search_by_key(&index, |(index, _)| *index) {
                        std::mem::take(&mut edits[found].1).apply(&mut item);
                    }
                    arrival.item = Item::New(item);
                }
            }
            for (index, edit) in &mut edits {
                if let Some(item) = items.get(*index) {
                    *edit = expand(std::mem::take(edit), item);
                }
            }
            Node::array(ArrayEdit::new(gone, arrivals, edits))
        }
        (node, _) => node,
    }
}
