//! The order of keys: new ones come last, so the same changes in another order leave the same value with its keys in another order.

use serde_json::{Map, Value};

use super::Document;
use crate::edit::{ArrayEdit, Edit, Item, Node};
use crate::path::Path;

/// In which order the keys of an object stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Where the object is.
    pub path: Path,
    /// All its keys.
    pub keys: Vec<String>,
}

impl Document {
    /// Gives the keys of all objects the order that they have in `other`, which holds the same, and tells which have another one now.
    pub fn order_keys_as(&mut self, other: &Document) -> Vec<KeyOrder> {
        let mut sorter = Sorter::default();
        sorter.all(&mut self.value, &other.value);
        sorter.sorted
    }

    /// Like [`order_keys_as`](Document::order_keys_as), but only where an edit may have changed the order: one that has led to what the
    /// document is, or to what the other is. It costs the size of the edit, and the keys of the objects that it gave or took keys.
    pub fn order_keys_within(&mut self, edit: &Edit, other: &Document) -> Vec<KeyOrder> {
        let mut sorter = Sorter::default();
        sorter.node(&edit.0, &mut self.value, &other.value);
        sorter.sorted
    }
}

impl Edit {
    /// Whether keys come, go or are brought along, so that they may come to stand in another order elsewhere.
    pub fn touches_keys(&self) -> bool {
        fn brings_keys(value: &Value) -> bool {
            value.is_object() || value.is_array()
        }
        fn node(edit: &Node) -> bool {
            match edit {
                Node::Keep => false,
                Node::Set(value) => brings_keys(value),
                Node::Add(_) | Node::Unset => true,
                Node::Object(members) => members.values().any(node),
                Node::Array(edit) => {
                    let brings = |item: &Item| matches!(item, Item::New(value) if brings_keys(value));
                    edit.arrivals().iter().any(|arrival| brings(&arrival.item))
                        || edit.edits().iter().any(|(_, edit)| node(edit))
                }
            }
        }
        node(&self.0)
    }
}

#[derive(Default)]
struct Sorter {
    path: Path,
    sorted: Vec<KeyOrder>,
}

impl Sorter {
    fn node(&mut self, edit: &Node, value: &mut Value, other: &Value) {
        match (edit, value, other) {
            (Node::Set(_) | Node::Add(_), value, other) => self.all(value, other),
            (Node::Object(edits), Value::Object(members), Value::Object(others)) => {
                // A key that was taken away and given back is only set, all in all.
                if edits
                    .values()
                    .any(|edit| matches!(edit, Node::Set(_) | Node::Add(_) | Node::Unset))
                {
                    self.sort(members, others);
                }
                for (key, edit) in edits {
                    if let (Some(member), Some(other)) = (members.get_mut(key), others.get(key)) {
                        self.path.push(key.as_str().into());
                        self.node(edit, member, other);
                        self.path.pop();
                    }
                }
            }
            (Node::Array(edit), Value::Array(items), Value::Array(others)) => self.array(edit, items, others),
            _ => {}
        }
    }

    fn array(&mut self, edit: &ArrayEdit, items: &mut [Value], others: &[Value]) {
        for (number, arrival) in edit.arrivals().iter().enumerate() {
            let index = edit.arrival_after(number);
            if let (Item::New(_), Some(item), Some(other)) =
                (&arrival.item, items.get_mut(index), others.get(index))
            {
                self.path.push(index.into());
                self.all(item, other);
                self.path.pop();
            }
        }
        for (index, node) in edit.edits() {
            let after = edit.index_after(*index).unwrap_or(usize::MAX);
            if let (Some(item), Some(other)) = (items.get_mut(after), others.get(after)) {
                self.path.push(after.into());
                self.node(node, item, other);
                self.path.pop();
            }
        }
    }

    fn all(&mut self, value: &mut Value, other: &Value) {
        match (value, other) {
            (Value::Object(members), Value::Object(others)) => {
                self.sort(members, others);
                for ((key, member), other) in members.iter_mut().zip(others.values()) {
                    self.path.push(key.as_str().into());
                    self.all(member, other);
                    self.path.pop();
                }
            }
            (Value::Array(items), Value::Array(others)) => {
                for (index, (item, other)) in items.iter_mut().zip(others).enumerate() {
                    self.path.push(index.into());
                    self.all(item, other);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn sort(&mut self, members: &mut Map<String, Value>, others: &Map<String, Value>) {
        if members.keys().eq(others.keys()) {
            return;
        }
        let mut unsorted = std::mem::take(members);
        for key in others.keys() {
            members.extend(unsorted.swap_remove_entry(key));
        }
        members.extend(unsorted);
        self.sorted.push(KeyOrder {
            path: self.path.clone(),
            keys: members.keys().cloned().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::patch::Patch;

    fn document(text: &str) -> Document {
        Document::new(serde_json::from_str(text).unwrap()).unwrap()
    }

    fn edit(document: &Document, patches: Value) -> Edit {
        let patches: Vec<Patch> = serde_json::from_value(patches).unwrap();
        Edit::of(document.value(), &patches).unwrap()
    }

    fn orders(found: &[KeyOrder]) -> Value {
        let one = |order: &KeyOrder| json!([order.path, order.keys]);
        found.iter().map(one).collect()
    }

    #[test]
    fn the_same_changes_in_another_order_come_to_the_same_order() {
        let base = document(r#"{"l":[{},{"x":{"y":0}}],"z":{"q":1,"p":2}}"#);
        let first = edit(
            &base,
            json!([{ "op": "add", "path": ["l", 1, "x", "a"], "value": 1 }]),
        );
        let second = edit(
            &base,
            json!([
                { "op": "add", "path": ["l", 1, "x", "b"], "value": 2 },
                { "op": "add", "path": ["l", 0], "value": { "new": true } }
            ]),
        );
        let mut ours = base.clone();
        ours.make(first.clone()).unwrap();
        ours.make(second.clone()).unwrap();
        let mut theirs = base.clone();
        theirs.make(second.clone()).unwrap();
        let carried = first.transform(&second, crate::edit::Side::Earlier).edit;
        theirs.make(carried).unwrap();
        assert_ne!(ours.value().to_string(), theirs.value().to_string());

        let found = ours.order_keys_within(&first.compose(second), &theirs);
        assert_eq!(orders(&found), json!([[["l", 2, "x"], ["y", "b", "a"]]]));
        assert_eq!(ours.value().to_string(), theirs.value().to_string());
        assert_eq!(ours.order_keys_as(&theirs), []);
    }

    #[test]
    fn a_key_that_went_and_came_back_may_stand_elsewhere() {
        let mut ours = document(r#"{"a":1,"b":2}"#);
        let theirs = document(r#"{"b":2,"a":1}"#);
        let gone = edit(&ours, json!([{ "op": "remove", "path": ["a"] }]));
        let back = gone.invert(ours.value());
        assert!(gone.touches_keys());
        let found = ours.order_keys_within(&gone.compose(back), &theirs);
        assert_eq!(orders(&found), json!([[[], ["b", "a"]]]));
        assert_eq!(ours.value().to_string(), theirs.value().to_string());
    }

    #[test]
    fn values_that_are_brought_along_are_looked_through() {
        let mut ours = document(r#"[1,{"k":[{"a":1,"b":2}]}]"#);
        let theirs = document(r#"[1,{"k":[{"b":2,"a":1}]}]"#);
        let base = document("[1]");
        let brought = edit(
            &base,
            json!([{ "op": "add", "path": [1], "value": { "k": [{ "a": 1, "b": 2 }] } }]),
        );
        assert!(brought.touches_keys());
        let found = ours.order_keys_within(&brought, &theirs);
        assert_eq!(orders(&found), json!([[[1, "k", 0], ["b", "a"]]]));
        assert_eq!(ours.value().to_string(), theirs.value().to_string());
        assert!(!edit(&base, json!([{ "op": "replace", "path": [0], "value": 2 }])).touches_keys());
    }
}
