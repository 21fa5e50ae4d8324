//! Comparing states: exact whatever they are, small where little was done, and fast where much is compared.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "laws/draw.rs"]
#[allow(dead_code, reason = "shared with the laws")]
mod draw;

use std::time::{Duration, Instant};

use draw::{Case, Source};
use patchcast_protocol::apply;
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::Edit;
use patchcast_protocol::value::same;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

struct Seeded(SmallRng);

impl Source for Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }
}

/// The patches, which are checked to lead from the one to the other, and to be the edit.
fn check(before: &Value, after: &Value) -> Edit {
    let edit = diff(before, after);
    let patches = edit.patches();
    let found = apply::apply(before.clone(), &patches).unwrap();
    assert!(same(&found, after), "{before} to {after}: {}", json!(patches));
    assert_eq!(
        Edit::of(before, &patches).unwrap(),
        edit,
        "{before} to {after}: {}",
        json!(patches)
    );
    let expanded = edit.clone().expand(before).patches();
    assert!(
        same(&apply::apply(before.clone(), &expanded).unwrap(), after),
        "{before} to {after}"
    );
    edit
}

#[test]
fn the_difference_leads_from_any_state_to_any_other() {
    for seed in 0..1_000 {
        let mut source = Seeded(SmallRng::seed_from_u64(seed));
        let Case { base, batches } = Case::draw(&mut source, 1);
        let after = apply::apply(base.clone(), &batches[0]).unwrap();
        check(&base, &after);
        check(&after, &base);
        check(&base, &Case::draw(&mut source, 0).base);
        assert!(check(&base, &base).is_empty());
    }
}

#[test]
fn shuffled_and_thinned_lists_of_anything_are_compared_exactly() {
    for seed in 0..500 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let item = |rng: &mut SmallRng| match seed % 4 {
            0 => json!(rng.random_range(0..5)),
            1 => json!({ "id": rng.random_range(0..30), "done": rng.random_bool(0.5) }),
            2 => json!({ "x": rng.random_range(0..5), "y": rng.random_range(0..5) }),
            _ => json!([rng.random_range(0..4), rng.random_range(0..4)]),
        };
        let before: Vec<_> = (0..rng.random_range(0..30)).map(|_| item(&mut rng)).collect();
        let mut after = before.clone();
        match rng.random_range(0..3) {
            0 => after.shuffle(&mut rng),
            1 => after.sort_by_key(Value::to_string),
            _ => {}
        }
        after.retain(|_| rng.random_bool(0.8));
        for _ in 0..rng.random_range(0..4) {
            let index = rng.random_range(0..=after.len());
            after.insert(index, item(&mut rng));
        }
        check(&json!({ "l": before }), &json!({ "l": after }));
    }
}

type Act<'a> = &'a dyn Fn(&mut Vec<Value>);

#[test]
fn what_is_done_to_a_list_is_told_in_few_patches() {
    let todo = |id: usize| json!({ "id": id, "text": format!("todo {id}"), "done": id.is_multiple_of(3) });
    for count in [1_000, 10_000] {
        let before: Vec<Value> = (0..count).map(todo).collect();
        let edited = |act: &dyn Fn(&mut Vec<Value>)| {
            let mut after = before.clone();
            act(&mut after);
            let patches = check(&json!({ "items": before }), &json!({ "items": after })).patches();
            (patches.len(), json!(patches).to_string().len())
        };
        let one_patch: [(&str, Act<'_>); 6] = [
            ("shift", &|items| drop(items.remove(0))),
            ("unshift", &|items| items.insert(0, todo(count))),
            ("splice(mid, 1)", &|items| drop(items.remove(count / 2))),
            ("push", &|items| items.push(todo(count))),
            ("move first to last", &|items| items.rotate_left(1)),
            ("edit of one", &|items| items[count / 2]["done"] = json!("maybe")),
        ];
        for (name, act) in one_patch {
            let (patches, bytes) = edited(act);
            eprintln!("{count} items, {name}: {patches} patches, {bytes} bytes");
            assert_eq!(patches, 1, "{name}");
            assert!(bytes < 200, "{name}: {bytes} bytes");
        }
        let (patches, bytes) = edited(&|items| items.retain(|item| item["done"] == false));
        eprintln!("{count} items, filter: {patches} patches, {bytes} bytes");
        assert_eq!(patches, count.div_ceil(3));
        let (patches, bytes) = edited(&|items| items.sort_by_key(|item| item["text"].to_string()));
        eprintln!("{count} items, sort by text: {patches} patches, {bytes} bytes");
        assert!(patches < count);
    }
}

#[test]
fn ten_thousand_items_take_milliseconds_in_whatever_order() {
    let mut rng = SmallRng::seed_from_u64(1);
    let kinds: [(&str, &dyn Fn(usize) -> Value); 4] = [
        (
            "with ids",
            &|number| json!({ "id": number, "text": format!("todo {number}") }),
        ),
        (
            "without ids",
            &|number| json!({ "text": format!("todo {number}") }),
        ),
        ("all alike", &|number| json!({ "done": number % 2 == 0 })),
        ("numbers", &|number| json!(number % 100)),
    ];
    for (kind, item) in kinds {
        let before: Vec<_> = (0..10_000).map(item).collect();
        let mut shuffled = before.clone();
        shuffled.shuffle(&mut rng);
        let mut reversed = before.clone();
        reversed.reverse();
        let edited: Vec<_> = before
            .iter()
            .map(|item| json!({ "was": item, "id": item["id"] }))
            .collect();
        for (order, after) in [
            ("shuffled", shuffled),
            ("reversed", reversed),
            ("all edited", edited),
        ] {
            let (before, after) = (json!({ "l": before }), json!({ "l": after }));
            let start = Instant::now();
            let edit = diff(&before, &after);
            let compared = start.elapsed();
            let start = Instant::now();
            let patches = edit.patches();
            let written = start.elapsed();
            let start = Instant::now();
            let again = Edit::of(&before, &patches).unwrap();
            let read = start.elapsed();
            eprintln!(
                "{kind}, {order}: {} patches; compared in {compared:?}, written in {written:?}, read in {read:?}",
                patches.len()
            );
            assert_eq!(again, edit);
            // Far more than it takes, and far less than comparing each with each would.
            assert!(
                compared + written + read < Duration::from_secs(10),
                "{kind}, {order}"
            );
        }
    }
}
