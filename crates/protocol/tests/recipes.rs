//! What random people do to a list at the same time, told as they mean it: whatever they do, nothing they touched is lost, nothing they did not
//! touch is changed, and nothing is there twice.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use patchcast_protocol::apply;
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::value::same;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

const CASES: u64 = 1_500;

#[test]
fn what_people_mean_is_there_when_all_of_it_has_arrived() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    for seed in first..first + number("PATCHCAST_LAWS_CASES").unwrap_or(CASES) {
        let mut rng = SmallRng::seed_from_u64(seed);
        let base = base(&mut rng);
        let parties: Vec<_> = (0..rng.random_range(2..4))
            .map(|name| Party::work(&mut rng, &base, name))
            .collect();
        let told = || {
            let recipes: Vec<_> = parties.iter().map(|party| party.recipe.join("; ")).collect();
            format!("PATCHCAST_TEST_SEED={seed}\n  {base}\n  {}", recipes.join("\n  "))
        };
        let after = arrive(
            &base,
            parties.iter().map(|party| diff(&base, &party.state)).collect(),
        );
        let after = after.unwrap_or_else(|fault| panic!("{}\n{fault}", told()));
        if let Err(fault) = check(&base, &parties, &after) {
            panic!("{}\n  {after}\n{fault}", told());
        }
    }
}

fn base(rng: &mut SmallRng) -> Value {
    let items = (0..rng.random_range(0..6)).map(|id| {
        let tags: Vec<_> = (0..rng.random_range(0..4))
            .map(|tag| format!("{id}.{tag}"))
            .collect();
        json!({ "id": id, "text": "as it was", "done": false, "tags": tags })
    });
    json!({ "items": items.collect::<Vec<_>>(), "title": "as it was" })
}

/// Somebody, and what they meant.
struct Party {
    name: usize,
    state: Value,
    recipe: Vec<String>,
    made: BTreeSet<u64>,
    removed: BTreeSet<u64>,
    /// By item and member.
    set: BTreeMap<(u64, &'static str), Value>,
    tagged: BTreeSet<(u64, String)>,
    untagged: BTreeSet<(u64, String)>,
    is_sorting: bool,
}

impl Party {
    fn work(rng: &mut SmallRng, base: &Value, name: usize) -> Party {
        let mut party = Party {
            name,
            state: base.clone(),
            recipe: Vec::new(),
            made: BTreeSet::new(),
            removed: BTreeSet::new(),
            set: BTreeMap::new(),
            tagged: BTreeSet::new(),
            untagged: BTreeSet::new(),
            is_sorting: false,
        };
        for step in 0..rng.random_range(1..5) {
            party.act(rng, step);
        }
        party
    }

    fn act(&mut self, rng: &mut SmallRng, step: u64) {
        let items = self.state["items"].as_array_mut().unwrap();
        let fresh = 100 + 10 * self.name as u64 + step;
        let act = rng.random_range(0..if items.is_empty() { 2 } else { 12 });
        let index = if items.is_empty() {
            0
        } else {
            rng.random_range(0..items.len())
        };
        self.recipe.push(format!("{act} at {index}"));
        match act {
            0 | 1 => {
                let index = rng.random_range(0..=items.len());
                items.insert(
                    index,
                    json!({ "id": fresh, "text": "new", "done": false, "tags": [] }),
                );
                self.made.insert(fresh);
            }
            2 | 3 => {
                let id = items.remove(index)["id"].as_u64().unwrap();
                if !self.made.remove(&id) {
                    self.removed.insert(id);
                }
            }
            4 | 5 => {
                let item = items.remove(index);
                let to = rng.random_range(0..=items.len());
                items.insert(to, item);
                self.is_sorting = true;
            }
            6 => {
                items.shuffle(rng);
                self.is_sorting = true;
            }
            7 | 8 => {
                let member = ["text", "done"][rng.random_range(0..2)];
                let value = json!(format!("by {}", self.name));
                items[index][member] = value.clone();
                self.set
                    .insert((items[index]["id"].as_u64().unwrap(), member), value);
            }
            9 | 10 => {
                let tag = format!("by {} in {step}", self.name);
                let id = items[index]["id"].as_u64().unwrap();
                let tags = items[index]["tags"].as_array_mut().unwrap();
                tags.push(json!(tag));
                self.tagged.insert((id, tag));
            }
            _ => {
                let id = items[index]["id"].as_u64().unwrap();
                let tags = items[index]["tags"].as_array_mut().unwrap();
                if !tags.is_empty() {
                    let tag = tags
                        .remove(rng.random_range(0..tags.len()))
                        .as_str()
                        .unwrap()
                        .to_owned();
                    if !self.tagged.remove(&(id, tag.clone())) {
                        self.untagged.insert((id, tag));
                    }
                }
            }
        }
    }
}

/// The server's document; every client that waits for its own comes to the same.
fn arrive(base: &Value, mut edits: Vec<Edit>) -> Result<Value, String> {
    let applied = |value: &Value, edit: &Edit| {
        apply::apply(value.clone(), &edit.patches()).map_err(|error| error.to_string())
    };
    let mut document = base.clone();
    for next in 0..edits.len() {
        let made = edits[next].clone();
        for pending in &mut edits[next + 1..] {
            let shown = applied(&document, pending)?;
            let made_over_pending = made.transform(pending, Side::Earlier).edit;
            *pending = pending.transform(&made, Side::Later).edit;
            let (one, other) = (
                applied(&shown, &made_over_pending)?,
                applied(&applied(&document, &made)?, pending)?,
            );
            if !same(&one, &other) {
                return Err(format!("{one} is not {other}"));
            }
        }
        document = applied(&document, &made)?;
    }
    Ok(document)
}

fn check(base: &Value, parties: &[Party], after: &Value) -> Result<(), String> {
    let ids = |value: &Value| -> Vec<u64> {
        value["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_u64().unwrap())
            .collect()
    };
    let removed: BTreeSet<_> = parties.iter().flat_map(|party| &party.removed).copied().collect();
    let made = parties.iter().flat_map(|party| &party.made).copied();
    let expected: BTreeSet<_> = ids(base)
        .into_iter()
        .chain(made)
        .filter(|id| !removed.contains(id))
        .collect();
    let found = ids(after);
    if found.len() != expected.len() || found.iter().copied().collect::<BTreeSet<_>>() != expected {
        return Err(format!("{found:?} is not {expected:?}"));
    }
    if !parties.iter().any(|party| party.is_sorting) {
        let old: Vec<_> = found.iter().copied().filter(|id| *id < 100).collect();
        let in_order: Vec<_> = ids(base).into_iter().filter(|id| !removed.contains(id)).collect();
        if old != in_order {
            return Err(format!("{old:?} is not {in_order:?}"));
        }
    }
    for item in after["items"].as_array().unwrap() {
        let id = item["id"].as_u64().unwrap();
        for member in ["text", "done"] {
            let set: Vec<_> = parties
                .iter()
                .filter_map(|party| party.set.get(&(id, member)))
                .collect();
            let was = if member == "done" {
                json!(false)
            } else {
                json!(if id < 100 { "as it was" } else { "new" })
            };
            let is_right = if set.is_empty() {
                item[member] == was
            } else {
                set.contains(&&item[member])
            };
            if !is_right {
                return Err(format!("{member} of {id}: {}", item[member]));
            }
        }
        let tags: Vec<_> = item["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap())
            .collect();
        if tags.iter().collect::<BTreeSet<_>>().len() != tags.len() {
            return Err(format!("tags of {id}: {tags:?}"));
        }
        for party in parties {
            for (_, tag) in party.tagged.iter().filter(|(of, _)| *of == id) {
                if !tags.contains(&tag.as_str()) {
                    return Err(format!("no tag {tag} of {id}: {tags:?}"));
                }
            }
            for (_, tag) in party.untagged.iter().filter(|(of, _)| *of == id) {
                if tags.contains(&tag.as_str()) {
                    return Err(format!("still a tag {tag} of {id}: {tags:?}"));
                }
            }
        }
    }
    Ok(())
}
