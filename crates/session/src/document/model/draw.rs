//! What people do, drawn at random.

use patchcast_protocol::apply::Document;
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::Path;
use serde_json::{Map, Value, json};

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Draw {
    state: u64,
    /// Few leaves are equal, so that what stands in a wrong place is noticed.
    next: u64,
}

/// Few, so that people meet.
const KEYS: [&str; 6] = ["a", "b", "c", "0", "l", "m"];

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw { state: seed, next: 0 }
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    pub fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    pub fn container(&mut self, depth: usize) -> Value {
        if self.below(5) < 2 {
            return (0..self.below(6)).map(|_| self.value(depth)).collect();
        }
        let mut members = Map::new();
        for _ in 0..self.below(5) {
            members.insert(self.key(), self.value(depth));
        }
        Value::Object(members)
    }

    /// Patches that apply to a value.
    pub fn batch(&mut self, value: &Value, resets: bool) -> Vec<Patch> {
        let mut document = Document::new(value.clone()).unwrap();
        let mut batch = Vec::new();
        for _ in 0..=self.below(3) {
            let patch = self.patch(document.value(), resets);
            document.apply(std::slice::from_ref(&patch)).unwrap();
            batch.push(patch);
        }
        batch
    }

    fn value(&mut self, depth: usize) -> Value {
        self.next += 1;
        match self.below(6) {
            0 => json!({ "id": self.below(6), "t": self.next }),
            1 if depth > 0 => self.container(depth - 1),
            2 => json!(self.below(3)),
            // Equal but for the order of keys.
            3 if self.one_in(2) => json!({ "x": 1, "y": 2 }),
            3 => json!({ "y": 2, "x": 1 }),
            _ => json!(self.next),
        }
    }

    fn key(&mut self) -> String {
        KEYS[self.below(KEYS.len())].to_owned()
    }

    fn patch(&mut self, value: &Value, resets: bool) -> Patch {
        let (mut path, container) = self.way_to_container(value);
        let op = match container {
            _ if resets && self.one_in(20) => {
                return Patch::new(Path::new(), Op::Replace(Some(self.container(2))));
            }
            Value::Array(items) => self.in_array(&mut path, items.len()),
            Value::Object(_) => {
                path.push(self.key().into());
                match self.one_in(3) {
                    true => Op::Remove,
                    false => Op::Add(Some(self.value(2))),
                }
            }
            _ => Op::Replace(Some(self.container(2))),
        };
        Patch::new(path, op)
    }

    fn way_to_container<'v>(&mut self, value: &'v Value) -> (Path, &'v Value) {
        let mut path = Path::new();
        let mut place = value;
        loop {
            let below: Vec<(_, &Value)> = match place {
                _ if self.one_in(3) => return (path, place),
                Value::Array(items) => items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (index.into(), item))
                    .collect(),
                Value::Object(members) => members
                    .iter()
                    .map(|(key, member)| (key.as_str().into(), member))
                    .collect(),
                _ => Vec::new(),
            };
            let containers: Vec<_> = below
                .into_iter()
                .filter(|(_, value)| value.is_array() || value.is_object())
                .collect();
            if containers.is_empty() {
                return (path, place);
            }
            let (segment, next) = containers[self.below(containers.len())].clone();
            path.push(segment);
            place = next;
        }
    }

    fn in_array(&mut self, path: &mut Path, length: usize) -> Op {
        let at = self.below(length + usize::from(length == 0));
        match self.below(if length == 0 { 1 } else { 10 }) {
            0..=2 => {
                path.push(self.below(length + 1).into());
                Op::Add(Some(self.value(2)))
            }
            3..=5 => {
                path.push(at.into());
                Op::Remove
            }
            6..=8 => {
                path.push(at.into());
                Op::Move {
                    from: self.below(length) as u64,
                }
            }
            _ => {
                path.push(at.into());
                Op::Replace(Some(self.value(2)))
            }
        }
    }
}
