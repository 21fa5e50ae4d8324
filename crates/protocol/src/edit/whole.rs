//! Whether an edit that was carried over others still does all that it was to do.

use super::{Edit, Item, Node};

impl Edit {
    /// Whether as many places get a value, lose theirs, and as many items go and arrive as with `sent`, which this edit was before it was carried over
    /// others.
    ///
    /// Less is left where both cannot count, and where somebody has done the same already: two who count from 4 to 5 are not in conflict, and yet only one
    /// of them has counted. Moves are not looked at, for how many it takes to bring items into an order depends on the items between them.
    pub fn does_all_of(&self, sent: &Edit) -> bool {
        let (mut left, mut all) = (Counts::default(), Counts::default());
        left.add(&self.0);
        all.add(&sent.0);
        left.values >= all.values && left.removed >= all.removed && left.new >= all.new
    }
}

#[derive(Default)]
struct Counts {
    values: usize,
    removed: usize,
    new: usize,
}

impl Counts {
    fn add(&mut self, node: &Node) {
        match node {
            Node::Keep => {}
            Node::Set(_) | Node::Add(_) | Node::Unset => self.values += 1,
            Node::Object(members) => members.values().for_each(|member| self.add(member)),
            Node::Array(edit) => {
                let is_new = |item: &Item| matches!(item, Item::New(_));
                let new = edit.arrivals().iter().filter(|arrival| is_new(&arrival.item));
                self.new += new.count();
                self.removed += edit.removed().count();
                edit.edits().iter().for_each(|(_, node)| self.add(node));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::edit::{Edit, Side};

    fn check(base: &Value, earlier: Value, later: Value, all: bool) {
        let edit =
            |patches: &Value| Edit::of(base, &serde_json::from_value::<Vec<_>>(patches.clone()).unwrap());
        let (over, sent) = (edit(&earlier).unwrap(), edit(&later).unwrap());
        let made = sent.transform(&over, Side::Later).edit;
        assert_eq!(made.does_all_of(&sent), all, "{later} over {earlier}");
        assert!(sent.does_all_of(&sent));
    }

    #[test]
    fn what_was_only_carried_elsewhere_does_all_that_it_was_to_do() {
        let base = json!({ "l": [{ "n": 1 }, { "n": 2 }, { "n": 3 }], "n": 4 });
        let elsewhere = [
            json!([{ "op": "add", "path": ["l", 0], "value": 9 }]),
            json!([{ "op": "remove", "path": ["l", 2] }]),
            json!([{ "op": "move", "path": ["l", 2], "from": 0 }]),
            json!([{ "op": "add", "path": ["k"], "value": 5 }]),
        ];
        let later = json!([
            { "op": "replace", "path": ["l", 0, "n"], "value": 7 },
            { "op": "remove", "path": ["l", 1] },
            { "op": "add", "path": ["l", 1], "value": "new" },
            { "op": "replace", "path": ["n"], "value": 5 },
        ]);
        for earlier in elsewhere {
            check(&base, earlier, later.clone(), true);
        }
    }

    #[test]
    fn what_somebody_has_done_already_is_not_done_again() {
        let base = json!({ "l": [{ "n": 1 }, { "n": 2 }], "n": 4 });
        for same in [
            json!([{ "op": "replace", "path": ["n"], "value": 5 }]),
            json!([{ "op": "remove", "path": ["n"] }]),
            json!([{ "op": "add", "path": ["k"], "value": 5 }]),
            json!([{ "op": "replace", "path": ["l", 1, "n"], "value": 5 }]),
            json!([{ "op": "remove", "path": ["l", 0] }]),
            json!([{ "op": "add", "path": ["l", 2], "value": { "id": 7 } }]),
        ] {
            check(&base, same.clone(), same.clone(), false);
            let [mut more, other] = [
                same.clone(),
                json!({ "op": "add", "path": ["other"], "value": 1 }),
            ];
            more.as_array_mut().unwrap().push(other);
            check(&base, same, more, false);
        }
    }

    #[test]
    fn an_item_that_is_replaced_and_was_removed_is_not_where_it_was() {
        let base = json!([1, 2]);
        let gone = json!([{ "op": "remove", "path": [0] }]);
        check(
            &base,
            gone,
            json!([{ "op": "replace", "path": [0], "value": 3 }]),
            false,
        );
    }
}
