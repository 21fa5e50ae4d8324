//! Several edits of one base, in the order in which they arrive.

use super::{Edit, Side, Transformed};

/// What is made of edits of one base that arrive in this order: each is carried over what was made of those before it.
///
/// The conflicts of each are in the order of those before it, and their paths in what the earlier ones of them had made of the base.
pub fn merge(edits: Vec<Edit>) -> Vec<Transformed> {
    let mut merged: Vec<Transformed> = Vec::with_capacity(edits.len());
    for edit in edits {
        let as_sent = Transformed {
            edit,
            conflicts: Vec::new(),
        };
        let made = merged.iter().fold(as_sent, |carried, earlier| {
            let mut further = carried.edit.transform(&earlier.edit, Side::Later);
            further.conflicts.splice(0..0, carried.conflicts);
            further
        });
        merged.push(made);
    }
    merged
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::merge;
    use crate::edit::{Edit, Outcome};
    use crate::patch::Patch;

    /// What became of each batch, which patches were made of it, and where it conflicted.
    fn check(base: &Value, batches: Value, expected: &[(Outcome, Value, Value)]) {
        let batches: Vec<Vec<Patch>> = serde_json::from_value(batches).unwrap();
        let edits: Vec<_> = batches
            .iter()
            .map(|batch| Edit::of(base, batch).unwrap())
            .collect();
        let found: Vec<_> = merge(edits.clone())
            .into_iter()
            .zip(edits)
            .map(|(made, sent)| {
                let conflicts: Vec<_> = made
                    .conflicts
                    .iter()
                    .map(|conflict| json!([conflict.path, conflict.absorbed]))
                    .collect();
                (
                    Outcome::of(&sent, &made.edit),
                    json!(made.edit.patches()),
                    json!(conflicts),
                )
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_receipt_tells_what_became_of_an_edit() {
        check(
            &json!({ "l": [{ "t": 1 }, { "t": 2 }], "x": 1 }),
            json!([
                [{ "op": "remove", "path": ["l", 0] }, { "op": "replace", "path": ["x"], "value": 2 }],
                [{ "op": "replace", "path": ["l", 1, "t"], "value": 3 }],
                [{ "op": "replace", "path": ["l", 0, "t"], "value": 4 }],
                [{ "op": "replace", "path": ["x"], "value": 5 }],
            ]),
            &[
                (
                    Outcome::AsSent,
                    json!([{ "op": "remove", "path": ["l", 0] }, { "op": "replace", "path": ["x"], "value": 2 }]),
                    json!([]),
                ),
                (
                    Outcome::Transformed,
                    json!([{ "op": "replace", "path": ["l", 0, "t"], "value": 3 }]),
                    json!([]),
                ),
                (Outcome::Absorbed, json!([]), json!([[["l", 0], true]])),
                (
                    Outcome::AsSent,
                    json!([{ "op": "replace", "path": ["x"], "value": 5 }]),
                    json!([[["x"], false]]),
                ),
            ],
        );
    }

    #[test]
    fn what_two_do_alike_is_done_once_and_is_no_conflict() {
        check(
            &json!({ "l": ["a", "b", "c"] }),
            json!([
                [{ "op": "remove", "path": ["l", 1] }, { "op": "add", "path": ["k"], "value": 1 }],
                [{ "op": "remove", "path": ["l", 1] }, { "op": "add", "path": ["k"], "value": 1.0 }],
            ]),
            &[
                (
                    Outcome::AsSent,
                    json!([{ "op": "remove", "path": ["l", 1] }, { "op": "add", "path": ["k"], "value": 1 }]),
                    json!([]),
                ),
                (Outcome::Absorbed, json!([]), json!([])),
            ],
        );
    }
}
