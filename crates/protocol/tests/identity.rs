//! Comparing states that share what has not changed, as immutable updates make them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use patchcast_protocol::diff::{Kind, Options, Tree, diff_with};
use serde_json::{Value, json};

/// A tree of shared nodes, which counts how often a leaf is looked at.
#[derive(Clone)]
struct Shared(Rc<Node>);

struct Node {
    content: Content,
    looks: Rc<Cell<usize>>,
}

enum Content {
    Leaf(Value),
    Array(Vec<Shared>),
    Object(Vec<(String, Shared)>),
}

impl Tree for Shared {
    fn kind(&self) -> Kind {
        match self.0.content {
            Content::Leaf(_) => Kind::Leaf,
            Content::Array(_) => Kind::Array,
            Content::Object(_) => Kind::Object,
        }
    }

    fn identity(&self) -> Option<u64> {
        // A leaf is no object of its own, as in JavaScript.
        (self.kind() != Kind::Leaf).then_some(Rc::as_ptr(&self.0) as u64)
    }

    fn leaf(&self) -> Cow<'_, Value> {
        self.0.looks.set(self.0.looks.get() + 1);
        match &self.0.content {
            Content::Leaf(value) => Cow::Borrowed(value),
            _ => panic!("no leaf"),
        }
    }

    fn items(&self) -> Vec<Self> {
        match &self.0.content {
            Content::Array(items) => items.clone(),
            _ => Vec::new(),
        }
    }

    fn member(&self, key: &str) -> Option<Self> {
        match &self.0.content {
            Content::Object(members) => members
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, member)| member.clone()),
            _ => None,
        }
    }

    fn each_member(&self, call: &mut dyn FnMut(&str, Self)) {
        if let Content::Object(members) = &self.0.content {
            members.iter().for_each(|(key, member)| call(key, member.clone()));
        }
    }

    fn to_value(&self) -> Value {
        match &self.0.content {
            Content::Leaf(value) => value.clone(),
            Content::Array(items) => items.iter().map(Tree::to_value).collect(),
            Content::Object(members) => members
                .iter()
                .map(|(key, member)| (key.clone(), member.to_value()))
                .collect(),
        }
    }
}

impl Shared {
    fn of(value: &Value, looks: &Rc<Cell<usize>>) -> Shared {
        let content = match value {
            Value::Array(items) => Content::Array(items.iter().map(|item| Shared::of(item, looks)).collect()),
            Value::Object(members) => Content::Object(
                members
                    .iter()
                    .map(|(key, member)| (key.clone(), Shared::of(member, looks)))
                    .collect(),
            ),
            leaf => Content::Leaf(leaf.clone()),
        };
        Shared(Rc::new(Node {
            content,
            looks: looks.clone(),
        }))
    }

    fn list(items: Vec<Shared>) -> Shared {
        let looks = Rc::default();
        Shared(Rc::new(Node {
            content: Content::Array(items),
            looks,
        }))
    }
}

fn patches(before: &Shared, after: &Shared) -> Value {
    json!(diff_with(before, after, &Options::default()).patches())
}

#[test]
fn of_equal_items_the_one_that_went_is_told_by_identity() {
    let looks = Rc::default();
    let items: Vec<_> = (0..3)
        .map(|_| Shared::of(&json!({ "text": "" }), &looks))
        .collect();
    let before = Shared::list(items.clone());
    for gone in 0..3 {
        let mut after = items.clone();
        after.remove(gone);
        assert_eq!(
            patches(&before, &Shared::list(after)),
            json!([{ "op": "remove", "path": [gone] }])
        );
    }
    let mut after = items;
    after.rotate_left(1);
    assert_eq!(
        patches(&before, &Shared::list(after)),
        json!([{ "op": "move", "path": [2], "from": 0 }])
    );
}

#[test]
fn what_is_shared_is_not_looked_into() {
    let looks = Rc::default();
    let row = |number: usize| json!({ "cells": vec![number; 100] });
    let rows: Vec<_> = (0..100).map(|number| Shared::of(&row(number), &looks)).collect();
    let mut after = rows.clone();
    after.reverse();
    after[50] = Shared::of(&row(7), &looks);
    let found = diff_with(&Shared::list(rows), &Shared::list(after), &Options::default());
    assert!(!found.is_empty());
    assert!(looks.get() < 1_000, "{} of 10,000 leaves", looks.get());
}

#[test]
fn keys_are_chosen() {
    let looks = Rc::default();
    let state = |order: [usize; 3]| {
        let items = order.map(|number| json!({ "id": "same", "slug": number, "text": format!("{order:?}") }));
        Shared::of(&json!(items), &looks)
    };
    let options = Options {
        keys: vec!["slug".to_owned()],
    };
    let found = json!(diff_with(&state([1, 2, 3]), &state([2, 3, 1]), &options).patches());
    let moves: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .filter(|patch| patch["op"] == "move")
        .collect();
    assert_eq!(moves, [&json!({ "op": "move", "path": [2], "from": 0 })]);
    assert!(
        found
            .as_array()
            .unwrap()
            .iter()
            .all(|patch| patch["path"].as_array().unwrap().len() < 2 || patch["path"][1] == "text")
    );
}
