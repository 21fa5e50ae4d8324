//! Documents, and patches that apply to them, drawn from a source of choices: a seed, or a fuzzer's bytes.

use patchcast_protocol::apply::Document;
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::Path;
use serde_json::{Map, Value, json};

/// Where the choices come from.
pub trait Source {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize;
}

/// What two or three people do to one document at the same time.
#[derive(Clone, Debug)]
pub struct Case {
    pub base: Value,
    /// Each a batch that was made on the base.
    pub batches: Vec<Vec<Patch>>,
}

impl Case {
    pub fn draw(source: &mut impl Source, parties: usize) -> Case {
        let mut draw = Draw { source, next: 0 };
        let base = draw.container(3);
        let batches = (0..parties).map(|_| draw.batch(&base)).collect();
        Case { base, batches }
    }
}

struct Draw<'a, S> {
    source: &'a mut S,
    /// No two other leaves are equal, so that what stands in a wrong place is noticed.
    next: u64,
}

/// Few, so that people meet. Some look like indexes or like what arrays have.
const KEYS: [&str; 7] = ["a", "b", "0", "1", "length", "-", "c"];

impl<S: Source> Draw<'_, S> {
    fn one_in(&mut self, number: usize) -> bool {
        self.source.below(number) == 0
    }

    fn leaf(&mut self) -> Value {
        match self.source.below(8) {
            0 => Value::Null,
            1 => json!(self.next.is_multiple_of(2)),
            _ => {
                self.next += 1;
                json!(self.next)
            }
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        // Some are equal, with keys and without.
        match self.source.below(18) {
            0..=1 => return json!({ "id": self.source.below(4) }),
            2 => return json!({ "id": self.source.below(4), "a": self.leaf() }),
            3 => return json!(["x", "y"][self.source.below(2)]),
            _ => {}
        }
        if depth == 0 || self.one_in(2) {
            self.leaf()
        } else {
            self.container(depth - 1)
        }
    }

    fn container(&mut self, depth: usize) -> Value {
        if self.source.below(5) < 3 {
            let length = self.source.below(7);
            return (0..length).map(|_| self.value(depth)).collect();
        }
        let mut members = Map::new();
        for _ in 0..self.source.below(4) {
            members.insert(self.key(), self.value(depth));
        }
        Value::Object(members)
    }

    fn key(&mut self) -> String {
        KEYS[self.source.below(KEYS.len())].to_owned()
    }

    fn batch(&mut self, base: &Value) -> Vec<Patch> {
        let mut document = Document::new(base.clone()).unwrap();
        let mut batch = Vec::new();
        let mut make = |document: &mut Document, patch: Patch| {
            drop(document.apply(std::slice::from_ref(&patch)).unwrap());
            batch.push(patch);
        };
        for _ in 0..=self.source.below(8) {
            if let Some((take, mut item)) = self.take(document.value()) {
                make(&mut document, take);
                if self.one_in(3) && item.is_object() {
                    item["a"] = self.leaf();
                }
                let put = self.put(document.value(), item);
                put.into_iter().for_each(|put| make(&mut document, put));
            } else {
                let patch = self.patch(document.value());
                make(&mut document, patch);
            }
        }
        batch
    }

    /// Sometimes, takes an item out of its array.
    fn take(&mut self, document: &Value) -> Option<(Patch, Value)> {
        if !self.one_in(6) {
            return None;
        }
        let (mut path, container) = self.way_to_container(document);
        let items = container.as_array().filter(|items| !items.is_empty())?;
        let index = self.source.below(items.len());
        path.push(index.into());
        Some((Patch::new(path, Op::Remove), items[index].clone()))
    }

    /// Puts it into another array.
    fn put(&mut self, document: &Value, item: Value) -> Option<Patch> {
        let (mut path, container) = self.way_to_container(document);
        path.push(self.source.below(container.as_array()?.len() + 1).into());
        Some(Patch::new(path, Op::Add(Some(item))))
    }

    fn patch(&mut self, document: &Value) -> Patch {
        let (mut path, container) = self.way_to_container(document);
        let op = match container {
            Value::Array(items) => self.in_array(&mut path, items.len()),
            Value::Object(_) => {
                path.push(self.key().into());
                if self.one_in(3) {
                    Op::Remove
                } else {
                    Op::Add(Some(self.value(2)))
                }
            }
            // Only the root is no container.
            _ => Op::Replace(Some(self.container(2))),
        };
        if self.one_in(200) {
            return Patch::new(Path::new(), Op::Replace(Some(self.container(2))));
        }
        Patch::new(path, op)
    }

    fn way_to_container<'v>(&mut self, document: &'v Value) -> (Path, &'v Value) {
        let mut path = Path::new();
        let mut place = document;
        loop {
            if self.one_in(3) {
                return (path, place);
            }
            let below: Vec<_> = match place {
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
            let (segment, next) = containers[self.source.below(containers.len())].clone();
            path.push(segment);
            place = next;
        }
    }

    fn in_array(&mut self, path: &mut Path, length: usize) -> Op {
        let mut at = |index: usize| path.push(index.into());
        match self.source.below(if length == 0 { 3 } else { 12 }) {
            0..=2 => {
                at(self.source.below(length + 1));
                Op::Add(Some(self.value(2)))
            }
            3..=5 => {
                at(self.source.below(length));
                Op::Remove
            }
            6..=9 => {
                at(self.source.below(length));
                Op::Move {
                    from: self.source.below(length) as u64,
                }
            }
            10 => {
                at(self.source.below(length));
                Op::Replace(Some(self.value(2)))
            }
            _ => {
                path.push("length".into());
                Op::Replace(Some(json!(self.source.below(length + 2))))
            }
        }
    }
}
