//! What people expect of edits that were made at the same time, in every order of arrival.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::apply;
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::{Edit, Side, merge};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::value::{same, state_hash};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

/// Each line is a base, what two or three people do to it, and which results they would accept. Those that are tolerable have a flaw that
/// one sees, but nothing is lost or doubled that nobody touched. The patches are those of Immer 11.2.10.
const CASES: [&str; 2] = [
    include_str!("vectors/intent-examples.jsonl"),
    include_str!("vectors/intent.jsonl"),
];

/// Cases whose results are only tolerable, with the orders in which they are.
const ONLY_TOLERABLE: &[(&str, &[&str])] = &[
    // Two sort the same list: the items that both move are as the later has them.
    ("i064", &["AB", "BA"]),
    // A state does not tell that a key was renamed, nor that something moved from one object into another.
    ("i097", &["AB", "BA"]),
    ("i100", &["AB", "BA"]),
    // A root that is an object as before is changed, never begun anew.
    ("i109", &["AB", "BA"]),
    // An item that has another key is another item.
    ("x032", &["AB", "BA"]),
    // Of two neighbours that pass each other, one has moved as far as anybody can tell.
    ("x104", &["BA"]),
    // The last name of a list becomes another one: that may as well be one gone and one new.
    ("x125", &["AB", "BA"]),
    ("x126", &["AB", "BA"]),
    ("x196", &["AB", "BA"]),
    ("x197", &["AB", "BA"]),
    // What changes in an item does not follow it into another list.
    ("x223", &["AB", "BA"]),
    // Which of equal items has gone is told by identity alone, which is not on the wire.
    ("x239", &["AB", "BA"]),
    // Two make the same name at the same time, and names of a list may be there twice.
    ("x259", &["AB", "BA"]),
    ("x265", &["AB", "BA"]),
    ("x266", &["AB", "BA"]),
    ("x274", &["BA"]),
    ("x276", &["AB", "BA"]),
    ("x328", &["AB"]),
    // Whole lists of different lengths take each other's place item by item.
    ("x338", &["BA"]),
    ("x382", &["AB", "BA"]),
    ("x383", &["AB", "BA"]),
];

#[test]
fn concurrent_edits_give_what_people_expect() {
    let mut flawed = Vec::new();
    for line in CASES.iter().flat_map(|cases| cases.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let id = case["id"].as_str().unwrap();
        let mut only_tolerable = Vec::new();
        for (order, result) in results(&case) {
            let is_in = |name: &str| {
                case[name]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|accepted| same(accepted, &result))
            };
            let narrowed = format!("accept{order}");
            if is_in(if case[&narrowed].is_array() {
                &narrowed
            } else {
                "accept"
            }) {
                continue;
            }
            assert!(
                is_in("tolerable") || is_in("accept"),
                "{id} {} {order}: {result}",
                case["name"]
            );
            only_tolerable.push(order);
        }
        if !only_tolerable.is_empty() {
            flawed.push((id.to_owned(), only_tolerable));
        }
    }
    let expected: Vec<_> = ONLY_TOLERABLE
        .iter()
        .map(|(id, orders)| {
            (
                (*id).to_owned(),
                orders.iter().map(|order| (*order).to_owned()).collect(),
            )
        })
        .collect();
    assert_eq!(flawed, expected);
}

/// Whoever makes them, a server or a page: that changes when a rule does.
#[test]
fn the_same_patches_are_made_everywhere() {
    let mut made = Vec::new();
    for line in CASES.iter().flat_map(|cases| cases.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["type"] == "undo" {
            continue;
        }
        for order in [["a", "b"], ["b", "a"]] {
            let edits = order.map(|name| edit(&case["base"], &case[name]).0);
            for merged in merge(edits.into()) {
                made.push(json!(merged.edit.patches()));
                made.extend(merged.conflicts.iter().map(|conflict| json!(conflict.path)));
            }
        }
    }
    assert_eq!(state_hash(&json!(made)).to_string(), "fb92ae0a2aef900a");
}

/// What everybody has in the end, for each order of arrival.
fn results(case: &Value) -> Vec<(String, Value)> {
    let base = &case["base"];
    if case["type"] == "undo" {
        let (a, after_a) = edit(base, &case["a"]);
        let (b, after_b) = edit(&after_a, &case["b"]);
        let undo = a.invert(base).transform(&b, Side::Later).edit;
        return vec![("AB".to_owned(), applied(&after_b, &undo))];
    }
    let names: &[&str] = if case["c"].is_object() {
        &["a", "b", "c"]
    } else {
        &["a", "b"]
    };
    orders(names)
        .into_iter()
        .map(|order| {
            let edits = order.iter().map(|name| edit(base, &case[*name]).0).collect();
            (order.concat().to_uppercase(), arrive(base, edits))
        })
        .collect()
}

/// The server's document after edits of one base that arrive in this order. On the way, every client that waits for its own comes to the same.
fn arrive(base: &Value, mut edits: Vec<Edit>) -> Value {
    let mut document = base.clone();
    for next in 0..edits.len() {
        let made = edits[next].clone();
        for pending in &mut edits[next + 1..] {
            let shown = applied(&document, pending);
            let made_over_pending = made.transform(pending, Side::Earlier).edit;
            *pending = pending.transform(&made, Side::Later).edit;
            let after = applied(&applied(&document, &made), pending);
            assert!(
                same(&applied(&shown, &made_over_pending), &after),
                "a client has something else"
            );
        }
        document = applied(&document, &made);
    }
    document
}

fn edit(base: &Value, party: &Value) -> (Edit, Value) {
    let patches: Vec<Patch> = serde_json::from_value(party["patches"].clone()).unwrap();
    let after = apply::apply(base.clone(), &patches).unwrap();
    let edit = diff(base, &after);
    assert!(
        same(&applied(base, &edit), &after),
        "{base}: {}",
        json!(edit.patches())
    );
    (edit, after)
}

fn applied(base: &Value, edit: &Edit) -> Value {
    apply::apply(base.clone(), &edit.patches()).unwrap()
}

fn orders<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    if names.is_empty() {
        return vec![Vec::new()];
    }
    let all = names.iter().flat_map(|first| {
        let others: Vec<_> = names.iter().copied().filter(|name| name != first).collect();
        orders(&others)
            .into_iter()
            .map(|rest| [&[*first], &rest[..]].concat())
            .collect::<Vec<_>>()
    });
    all.collect()
}
