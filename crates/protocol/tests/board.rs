//! Cards on a board, which several people move between its lists at the same time: each is there once, whether it has an id or not.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use patchcast_protocol::apply;
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::merge;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

/// A browser's test has twenty seconds.
const CASES: u64 = if cfg!(target_arch = "wasm32") { 200 } else { 1_000 };

const LISTS: [&str; 3] = ["todo", "doing", "done"];

/// How a card is written, by its name.
type Card = fn(&str) -> Value;

#[test]
fn cards_with_ids_are_there_once() {
    hold(|name| json!({ "id": name, "text": format!("text of {name}"), "done": false }));
}

#[test]
fn cards_without_ids_are_there_once() {
    hold(|name| json!({ "text": format!("text of {name}"), "done": false }));
}

#[test]
fn names_of_cards_are_there_once() {
    hold(|name| json!(format!("text of {name}")));
}

fn hold(card: Card) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    for seed in first..first + number("PATCHCAST_LAWS_CASES").unwrap_or(CASES) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut board = Board::new(card);
        for name in 0..rng.random_range(0..6) {
            let (list, gap) = (rng.random_range(0..3), rng.random_range(0..3));
            board.insert(list, gap, card(&format!("old {name}")));
        }
        let base = json!(board.lists);
        let parties: Vec<_> = (0..2 + seed % 2)
            .map(|party| board.clone().act(&mut rng, &party.to_string()))
            .collect();
        let edits = parties.iter().map(|party| diff(&base, &json!(party.lists)));
        let mut after = base.clone();
        for made in merge(edits.collect()) {
            after = apply::apply(after, &made.edit.patches()).unwrap();
        }
        let told: Vec<_> = parties.iter().map(|party| &*party.told).collect();
        assert_eq!(
            cards_of(&after),
            expected(&base, &parties),
            "PATCHCAST_TEST_SEED={seed}\n  {base}\n  {told:?}\n  {after}"
        );
    }
}

#[derive(Clone)]
struct Board {
    card: Card,
    lists: BTreeMap<&'static str, Vec<Value>>,
    told: String,
}

impl Board {
    fn new(card: Card) -> Board {
        Board {
            card,
            lists: LISTS.iter().map(|list| (*list, Vec::new())).collect(),
            told: String::new(),
        }
    }

    fn insert(&mut self, list: usize, gap: usize, card: Value) {
        let list = self.lists.get_mut(LISTS[list]).unwrap();
        list.insert(gap.min(list.len()), card);
    }

    /// One thing that somebody does: a card moves, or is new.
    fn act(mut self, rng: &mut SmallRng, name: &str) -> Board {
        let (from, to) = (rng.random_range(0..3), rng.random_range(0..3));
        let gap = rng.random_range(0..4);
        let cards = self.lists.get_mut(LISTS[from]).unwrap();
        if rng.random_range(0..4) == 0 || cards.is_empty() {
            let card = (self.card)(&format!("new {name}"));
            self.told = format!("new in {}", LISTS[from]);
            self.insert(from, gap, card);
        } else {
            let card = cards.remove(gap % cards.len());
            self.told = format!("{card} from {} to {}", LISTS[from], LISTS[to]);
            self.insert(to, gap, card);
        }
        self
    }
}

fn cards_of(board: &Value) -> Vec<String> {
    let lists = board.as_object().unwrap().values();
    let cards = lists.flat_map(|list| list.as_array().unwrap());
    let mut cards: Vec<_> = cards.map(Value::to_string).collect();
    cards.sort();
    cards
}

/// What was there, and what is new.
fn expected(base: &Value, parties: &[Board]) -> Vec<String> {
    let mut cards: BTreeSet<_> = cards_of(base).into_iter().collect();
    for party in parties {
        cards.extend(cards_of(&json!(party.lists)));
    }
    cards.into_iter().collect()
}
