//! What people do to a document that they see, drawn at random: whole next states, as recipes make them, and patches.

use patchcast_protocol::apply::Document;
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::{Path, PathSegment};
use patchcast_protocol::value::{bytes, canonicalize};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

/// Few, so that people meet. One looks like an index.
const KEYS: [&str; 6] = ["a", "b", "c", "0", "list", "more"];

/// Above this they tidy up.
const LARGE: usize = 4_000;

/// Who edits, and what they draw from.
pub struct Edits {
    random: SmallRng,
    /// Hardly any two texts are equal, so that what stands in a wrong place is noticed.
    mark: String,
    made: usize,
}

/// What an app begins with: lists with ids and without, counters, and lists within objects.
pub fn initial(mark: &str) -> Value {
    json!({
        "by": mark,
        "todos": [
            { "id": 1, "text": "one", "done": false },
            { "id": 2, "text": "two", "tags": ["x", "y"] },
            { "id": 3, "text": "three", "n": 0 },
        ],
        "plain": ["a", "b", "c", "d"],
        "counters": { "a": 0, "b": 10 },
        "board": { "open": [{ "key": "k1", "n": 1 }], "closed": [{ "key": "k2", "n": 2 }] },
    })
}

impl Edits {
    /// Somebody whose texts begin with `mark`.
    pub fn new(seed: u64, mark: String) -> Edits {
        Edits {
            random: SmallRng::seed_from_u64(seed),
            mark,
            made: 0,
        }
    }

    /// Whether something happens that does so once in `number` times.
    pub fn one_in(&mut self, number: u32) -> bool {
        self.random.random_ratio(1, number)
    }

    /// What somebody makes of what they see, with a text of so many bytes in it, if any.
    pub fn next(&mut self, seen: &Value, padding: usize) -> Value {
        let mut next = seen.clone();
        for _ in 0..self.random.random_range(1..=3) {
            self.change(&mut next);
        }
        if let Value::Object(members) = &mut next
            && padding > 0
        {
            let text = format!("{}{}", self.text(), "x".repeat(padding));
            members.insert(format!("pad {}", self.mark), text.into());
        }
        canonicalize(&mut next);
        next
    }

    /// Patches of what they see, each made on what the one before has left.
    pub fn patches(&mut self, seen: &Value) -> Vec<Patch> {
        let mut document = Document::restored(seen.clone(), usize::MAX).expect("a view is a document");
        let mut patches = Vec::new();
        for _ in 0..self.random.random_range(1..=3) {
            let patch = self.patch(document.value());
            // What is drawn does not always apply: what was before it is done all the same.
            if document.apply(std::slice::from_ref(&patch)).is_ok() {
                patches.push(patch);
            }
        }
        patches
    }

    /// Something else altogether.
    pub fn another(&mut self) -> Value {
        match self.random.random_range(0..4) {
            0 => self.list(2),
            1 => json!(null),
            _ => initial(&self.text()),
        }
    }

    fn change(&mut self, root: &mut Value) {
        if bytes(root) > LARGE {
            return self.tidy_up(root);
        }
        if self.one_in(8) {
            return self.take_elsewhere(root);
        }
        let way = self.way(root);
        match at(root, &way) {
            Value::Array(items) => self.in_list(items),
            Value::Object(members) => self.in_object(members),
            other => *other = self.container(2),
        }
    }

    fn in_list(&mut self, items: &mut Vec<Value>) {
        if items.is_empty() || self.one_in(4) {
            let index = self.random.random_range(0..=items.len());
            return items.insert(index, self.value(2));
        }
        let index = self.random.random_range(0..items.len());
        match self.random.random_range(0..10) {
            0 | 1 => drop(items.remove(index)),
            2 | 3 => {
                let item = items.remove(index);
                items.insert(self.random.random_range(0..=items.len()), item);
            }
            4 => items.sort_by_cached_key(Value::to_string),
            5 => items.reverse(),
            6 => items.shuffle(&mut self.random),
            7 => items.retain(|_| self.random.random()),
            8 => {
                let end = self.random.random_range(index..=items.len());
                let new: Vec<_> = (0..self.random.random_range(0..3))
                    .map(|_| self.value(1))
                    .collect();
                items.splice(index..end, new);
            }
            _ => match &mut items[index] {
                Value::Object(members) => self.in_object(members),
                item => *item = self.value(1),
            },
        }
    }

    fn in_object(&mut self, members: &mut Map<String, Value>) {
        let known: Vec<_> = members.keys().cloned().collect();
        let Some(key) = known.choose(&mut self.random).cloned() else {
            members.insert(self.key(), self.value(2));
            return;
        };
        match (self.random.random_range(0..7), &mut members[&key]) {
            (0..3, Value::Number(number)) => {
                let next = number.as_i64().unwrap_or_default() + self.random.random_range(1..5);
                members[&key] = next.into();
            }
            (0 | 1, _) => drop(members.shift_remove(&key)),
            (2, _) => {
                if let Some(value) = members.shift_remove(&key) {
                    members.insert(self.key(), value);
                }
            }
            (3, member) => *member = self.value(2),
            _ => drop(members.insert(self.key(), self.value(2))),
        }
    }

    /// Takes an item of a list to another one, or to the same.
    fn take_elsewhere(&mut self, root: &mut Value) {
        let from = self.way(root);
        let Value::Array(items) = at(root, &from) else {
            return;
        };
        if items.is_empty() {
            return;
        }
        let mut item = items.remove(self.random.random_range(0..items.len()));
        if self.one_in(3)
            && let Value::Object(members) = &mut item
        {
            self.in_object(members);
        }
        let to = self.way(root);
        if let Value::Array(items) = at(root, &to) {
            items.insert(self.random.random_range(0..=items.len()), item);
        }
    }

    /// Half of what is below goes.
    fn tidy_up(&mut self, root: &mut Value) {
        match root {
            Value::Array(items) => items.truncate(items.len() / 2),
            Value::Object(members) => {
                let mut keys: Vec<_> = members.keys().cloned().collect();
                keys.shuffle(&mut self.random);
                for key in keys.drain(..keys.len().div_ceil(2)) {
                    members.shift_remove(&key);
                }
            }
            _ => *root = Value::Null,
        }
    }

    fn patch(&mut self, seen: &Value) -> Patch {
        let way = self.way(seen);
        let (mut path, mut place) = (Path::new(), seen);
        for step in way {
            let (segment, child) = child(place, step);
            path.push(segment);
            place = child;
        }
        let op = match place {
            Value::Array(items) => self.op_of_list(&mut path, items.len()),
            Value::Object(members) => {
                let known: Vec<_> = members.keys().collect();
                let key = match known.choose(&mut self.random) {
                    Some(key) if self.one_in(2) => (*key).clone(),
                    _ => self.key(),
                };
                let is_known = members.contains_key(&key);
                path.push(key.into());
                match self.random.random_range(0..3) {
                    0 if is_known => Op::Remove,
                    1 if is_known => Op::Replace(Some(self.value(2))),
                    _ => Op::Add(Some(self.value(2))),
                }
            }
            // Only the root.
            _ => Op::Replace(Some(self.container(2))),
        };
        Patch::new(path, op)
    }

    fn op_of_list(&mut self, path: &mut Path, length: usize) -> Op {
        let drawn = if length == 0 {
            0
        } else {
            self.random.random_range(0..8)
        };
        let end = if drawn < 2 { length + 1 } else { length };
        let index = self.random.random_range(0..end);
        if drawn == 7 {
            path.push("length".into());
            return Op::Replace(Some(index.into()));
        }
        path.push(index.into());
        match drawn {
            0 | 1 => Op::Add(Some(self.value(2))),
            2 | 3 => Op::Remove,
            4 | 5 => Op::Move {
                from: self.random.random_range(0..length) as u64,
            },
            _ => Op::Replace(Some(self.value(1))),
        }
    }

    /// The way to a list or an object: which child, and of that which, from the root.
    fn way(&mut self, root: &Value) -> Vec<usize> {
        let (mut way, mut place) = (Vec::new(), root);
        loop {
            let containers: Vec<_> = (0..count(place))
                .map(|index| (index, child(place, index).1))
                .filter(|(_, child)| child.is_array() || child.is_object())
                .collect();
            match containers.choose(&mut self.random) {
                Some((index, child)) if way.is_empty() || !self.one_in(3) => {
                    way.push(*index);
                    place = child;
                }
                _ => return way,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.random.random_range(0..10) {
            0..3 => json!({ "id": self.random.random_range(1..9), "text": self.text() }),
            3 if depth > 0 => self.container(depth - 1),
            4 => self.random.random_range(0..4).into(),
            5 => json!(self.random.random_range(-8..8) as f64 / 4.0),
            // The same but for the order of keys.
            6 => match self.random.random() {
                true => json!({ "x": 1, "y": [2] }),
                false => json!({ "y": [2], "x": 1 }),
            },
            7 => [json!(null), json!(true), json!(""), json!([])]
                .choose(&mut self.random)
                .cloned()
                .unwrap_or_default(),
            _ => self.text().into(),
        }
    }

    fn container(&mut self, depth: usize) -> Value {
        if self.random.random() {
            return self.list(depth);
        }
        let count = self.random.random_range(0..4);
        (0..count).map(|_| (self.key(), self.value(depth))).collect()
    }

    fn list(&mut self, depth: usize) -> Value {
        let count = self.random.random_range(0..4);
        (0..count).map(|_| self.value(depth)).collect()
    }

    fn key(&mut self) -> String {
        KEYS[self.random.random_range(0..KEYS.len())].to_owned()
    }

    fn text(&mut self) -> String {
        self.made += 1;
        format!("{}.{}", self.mark, self.made)
    }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

fn child(value: &Value, index: usize) -> (PathSegment, &Value) {
    match value {
        Value::Object(members) => {
            let (key, child) = members.iter().nth(index).expect("a way leads over what is there");
            (key.as_str().into(), child)
        }
        _ => (index.into(), &value[index]),
    }
}

fn at<'v>(root: &'v mut Value, way: &[usize]) -> &'v mut Value {
    way.iter().fold(root, |place, index| match place {
        Value::Object(members) => {
            let member = members.iter_mut().nth(*index);
            member.expect("a way leads over what is there").1
        }
        place => &mut place[*index],
    })
}
