//! What can be compared: JSON values, and whatever else looks like them.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use crate::value;

/// A node of a tree that is like a JSON value, and cheap to clone: a reference.
pub trait Tree: Clone {
    /// What it is.
    fn kind(&self) -> Kind;

    /// A number that only this very node has, in both trees. Where two nodes have the same number, everything in them is the same; where they
    /// have not, nothing is said. `None` if that cannot be known.
    fn identity(&self) -> Option<u64> {
        None
    }

    /// A leaf's value.
    fn leaf(&self) -> Cow<'_, Value>;

    /// An array's items.
    fn items(&self) -> Vec<Self>;

    /// An object's member.
    fn member(&self, key: &str) -> Option<Self>;

    /// Calls with each member of an object, in order.
    fn each_member(&self, call: &mut dyn FnMut(&str, Self));

    /// The whole of it.
    fn to_value(&self) -> Value;

    /// Whether it can be told by what it is from what is not the same: it is a text, or has something in it. Numbers coincide.
    fn is_telling(&self) -> bool {
        match self.kind() {
            Kind::Leaf => self.leaf().as_str().is_some_and(|text| !text.is_empty()),
            Kind::Array => !self.items().is_empty(),
            Kind::Object => true,
        }
    }
}

/// Kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Kind {
    Leaf,
    Array,
    Object,
}

impl Tree for &Value {
    fn kind(&self) -> Kind {
        match self {
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
            _ => Kind::Leaf,
        }
    }

    fn leaf(&self) -> Cow<'_, Value> {
        Cow::Borrowed(*self)
    }

    fn items(&self) -> Vec<Self> {
        self.as_array().into_iter().flatten().collect()
    }

    fn member(&self, key: &str) -> Option<Self> {
        self.get(key)
    }

    fn each_member(&self, call: &mut dyn FnMut(&str, Self)) {
        for (key, member) in self.as_object().into_iter().flatten() {
            call(key, member);
        }
    }

    fn to_value(&self) -> Value {
        Value::clone(self)
    }
}

/// Whether both are one node, as far as that is known.
pub(super) fn is_same_node<T: Tree>(a: &T, b: &T) -> bool {
    a.identity()
        .is_some_and(|identity| b.identity() == Some(identity))
}

/// Whether both hold the same.
pub(super) fn same<T: Tree>(a: &T, b: &T) -> bool {
    if is_same_node(a, b) {
        return true;
    }
    match (a.kind(), b.kind()) {
        (Kind::Leaf, Kind::Leaf) => value::same(&a.leaf(), &b.leaf()),
        (Kind::Array, Kind::Array) => {
            let (a, b) = (a.items(), b.items());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same(a, b))
        }
        (Kind::Object, Kind::Object) => {
            let (mut count, mut all) = (0_usize, true);
            a.each_member(&mut |key, a| {
                count += 1;
                all = all && b.member(key).is_some_and(|b| same(&a, &b));
            });
            b.each_member(&mut |_, _| count = count.wrapping_sub(1));
            all && count == 0
        }
        _ => false,
    }
}

/// A number that is the same for all that hold the same.
pub(crate) fn digest<T: Tree>(tree: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    match tree.kind() {
        Kind::Leaf => match &*tree.leaf() {
            Value::Bool(bool) => (1, bool).hash(&mut hasher),
            // Adding 0 makes 0 of -0.
            Value::Number(number) => {
                (2, (number.as_f64().unwrap_or_default() + 0.0).to_bits()).hash(&mut hasher);
            }
            Value::String(string) => (3, string).hash(&mut hasher),
            _ => 4.hash(&mut hasher),
        },
        Kind::Array => {
            5.hash(&mut hasher);
            tree.items()
                .iter()
                .for_each(|item| digest(item).hash(&mut hasher));
        }
        Kind::Object => {
            // The order does not matter.
            let mut sum = 0_u64;
            tree.each_member(&mut |key, member| {
                let mut hasher = DefaultHasher::new();
                (key, digest(&member)).hash(&mut hasher);
                sum = sum.wrapping_add(hasher.finish());
            });
            (6, sum).hash(&mut hasher);
        }
    }
    hasher.finish()
}
