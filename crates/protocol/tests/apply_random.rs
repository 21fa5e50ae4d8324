//! Random patches, most of which apply: whatever they do, the document stays one, and the way back leads back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::apply::{self, Document, ErrorKind};
use patchcast_protocol::edit::Edit;
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::{Path, PathSegment};
use patchcast_protocol::value::{bytes, canonicalize, same};
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const CASES: u64 = 20_000;

#[test]
fn a_change_is_whole_or_not_at_all_and_can_be_taken_back() {
    let (mut applied, mut refused) = (0, 0);
    for seed in 0..CASES {
        let mut rng = SmallRng::seed_from_u64(seed);
        let before = Document::new(value(&mut rng, 4)).unwrap();
        let mut after = before.clone();
        // Each is made for the document that the ones before it have left.
        let mut patches = Vec::new();
        for _ in 0..rng.random_range(1..6) {
            let patch = patch(&mut rng, after.value());
            drop(after.apply(std::slice::from_ref(&patch)));
            patches.push(patch);
        }
        let mut document = before.clone();
        let outcome = document.apply(&patches);
        let case = format!("seed {seed}: {} {}", before.value(), json!(patches));
        let Ok(undo) = outcome else {
            refused += 1;
            assert_same(&document, &before, &case);
            continue;
        };
        applied += 1;
        assert_same(&document, &after, &case);
        assert_eq!(document.bytes(), bytes(document.value()), "{case}");
        let mut canonical = document.value().clone();
        canonicalize(&mut canonical);
        assert_eq!(document.value().to_string(), canonical.to_string(), "{case}");

        let edit = Edit::of(before.value(), &patches).unwrap();
        let mut made = before.clone();
        let way_back = made.make(edit.clone()).unwrap();
        assert!(same(made.value(), document.value()), "{case}: {}", made.value());
        assert_eq!(made.bytes(), bytes(made.value()), "{case}");
        let inverse = edit.invert(before.value());
        way_back.roll_back(&mut made);
        assert_same(&made, &before, &case);
        assert_eq!(made.make(edit.clone()).unwrap().into_edit(), inverse, "{case}");
        made.make(inverse).unwrap();
        assert!(same(made.value(), before.value()), "{case}: {}", made.value());
        let full = |max| {
            Document::with_max_bytes(before.value().clone(), max).and_then(|mut full| full.make(edit.clone()))
        };
        if document.bytes() > before.bytes() {
            assert!(full(document.bytes()).is_ok(), "{case}");
            assert_eq!(
                full(document.bytes() - 1).unwrap_err().kind,
                ErrorKind::TooLarge,
                "{case}"
            );
        }

        let inverse = apply::invert(before.value().clone(), &patches).unwrap();
        let back = apply::apply(document.value().clone(), &inverse).unwrap();
        assert!(same(&back, before.value()), "{case}: {}", json!(inverse));
        undo.roll_back(&mut document);
        assert_same(&document, &before, &case);
    }
    assert!(
        applied > CASES / 4 && refused > CASES / 20,
        "{applied} applied, {refused} refused"
    );
}

/// The same size and the same text, the order of keys included.
fn assert_same(document: &Document, expected: &Document, case: &str) {
    assert_eq!(
        document.value().to_string(),
        expected.value().to_string(),
        "{case}"
    );
    assert_eq!(document, expected, "{case}");
}

const KEYS: [&str; 12] = [
    "a",
    "b",
    "c",
    "0",
    "1",
    "2",
    "10",
    "length",
    "-",
    "",
    "01",
    "\"\u{1}é",
];

fn key(rng: &mut SmallRng) -> String {
    (*KEYS.choose(rng).unwrap()).to_owned()
}

fn value(rng: &mut SmallRng, depth: usize) -> Value {
    match rng.random_range(0..if depth == 0 { 6 } else { 12 }) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!(rng.random_range(-3..20)),
        // Some of them are integers, and some beyond those that JavaScript counts.
        3 => json!(f64::from(rng.random_range(-9..9)) * [0.5, 1.0, 1e-7, 1e20].choose(rng).unwrap()),
        4 => json!(key(rng)),
        5 => [json!([]), json!({})][rng.random_range(0..2)].take(),
        6..9 => (0..rng.random_range(0..5))
            .map(|_| value(rng, depth - 1))
            .collect(),
        _ => (0..rng.random_range(0..5))
            .map(|_| (key(rng), value(rng, depth - 1)))
            .collect(),
    }
}

fn patch(rng: &mut SmallRng, document: &Value) -> Patch {
    let (mut path, container) = place(rng, document);
    let length = container.as_array().map_or(3, Vec::len);
    let index = |rng: &mut SmallRng| rng.random_range(0..length + 1);
    if container.is_array() && rng.random_bool(0.2) {
        path.push(index(rng).into());
        return Patch::new(
            path,
            Op::Move {
                from: index(rng) as u64,
            },
        );
    }
    if rng.random_bool(0.97) {
        let by_key = container.is_object() || rng.random_bool(0.1);
        path.push(if by_key {
            key(rng).into()
        } else {
            index(rng).into()
        });
    }
    let new = match path.last() {
        Some(PathSegment::Key(key)) if key == "length" => Some(json!(rng.random_range(0..5))),
        _ => rng.random_bool(0.9).then(|| value(rng, 2)),
    };
    let op = match rng.random_range(0..3) {
        0 => Op::Add(new),
        1 => Op::Replace(new),
        _ => Op::Remove,
    };
    Patch::new(path, op)
}

/// A place of the document, most often a container.
fn place<'a>(rng: &mut SmallRng, document: &'a Value) -> (Path, &'a Value) {
    let (mut path, mut place) = (Path::new(), document);
    while rng.random_bool(0.7) {
        let next: Vec<(PathSegment, &Value)> = match place {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (index.into(), item))
                .collect(),
            Value::Object(members) => members
                .iter()
                .map(|(key, member)| (key.as_str().into(), member))
                .collect(),
            _ => break,
        };
        let Some((segment, value)) = next.choose(rng).cloned() else {
            break;
        };
        if !value.is_object() && !value.is_array() && rng.random_bool(0.9) {
            break;
        }
        path.push(segment);
        place = value;
    }
    (path, place)
}

/// Very many keys come and go in one pass, which is another way than that of a few.
#[test]
fn very_many_keys_come_and_go_as_a_few_do() {
    for seed in 0..500 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let keys: Vec<String> = (0..80)
            .map(|n| {
                if rng.random() {
                    format!("{n}")
                } else {
                    format!("k{n}")
                }
            })
            .collect();
        let some = |rng: &mut SmallRng| -> Vec<_> { keys.iter().filter(|_| rng.random()).cloned().collect() };
        let mut value = json!(
            some(&mut rng)
                .into_iter()
                .map(|key| (key, json!([1])))
                .collect::<serde_json::Map<_, _>>()
        );
        canonicalize(&mut value);
        let before = Document::new(value).unwrap();
        let mut document = before.clone();
        let mut changed = some(&mut rng);
        changed.shuffle(&mut rng);
        let patches: Vec<Patch> = changed
            .into_iter()
            .map(|key| {
                let is_there = before.value().get(&key).is_some();
                match (is_there, rng.random_range(0..4)) {
                    (true, 0) => Patch::new(vec![key.into(), 0.into()], Op::Replace(Some(json!(2)))),
                    (true, 1) => Patch::new(vec![key.into()], Op::Replace(Some(json!(3)))),
                    (true, _) => Patch::new(vec![key.into()], Op::Remove),
                    (false, _) => Patch::new(vec![key.into()], Op::Add(Some(json!(4)))),
                }
            })
            .collect();
        document.apply(&patches).unwrap();
        let case = format!("seed {seed}: {} {}", before.value(), json!(patches));
        let edit = Edit::of(before.value(), &patches).unwrap();
        let mut made = before.clone();
        let way_back = made.make(edit.clone()).unwrap();
        assert_same(&made, &document, &case);
        way_back.roll_back(&mut made);
        assert_same(&made, &before, &case);
        let inverse = made.make(edit.clone()).unwrap().into_edit();
        assert_eq!(inverse, edit.invert(before.value()), "{case}");
        made.make(inverse).unwrap();
        assert!(same(made.value(), before.value()), "{case}");
        let mut applied = before.value().clone();
        edit.apply(&mut applied);
        assert_eq!(applied.to_string(), document.value().to_string(), "{case}");
    }
}
