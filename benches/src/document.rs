//! The documents that are measured, lists of things to do, and the small edits that are made of it, as JSON text.

use anyhow::{Context, Result};

use crate::editor::Editor;

/// Items that a message of the filling has at most, since a message is bounded.
const ITEMS_A_MESSAGE: usize = 2_000;

/// A document: so many lists, and so many items in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) lists: usize,
    pub(crate) items: usize,
}

impl Shape {
    /// One of about this many bytes.
    pub(crate) fn of(bytes: usize, lists: usize) -> Shape {
        // Edits name an item in each third of a list, and what lies beside it.
        let items = (bytes / lists / (item(0).len() + 1)).max(12);
        Shape { lists, items }
    }

    /// The state that the document begins with: all of it if it is small, else its lists with nothing in them.
    pub(crate) fn initial(self) -> String {
        let at_first = if self.is_small() { self.items } else { 0 };
        let list = format!("[{}]", joined((0..at_first).map(item)));
        let lists = std::iter::repeat_n(list, self.lists);
        format!(r#"{{"title":"Everything","lists":[{}]}}"#, joined(lists))
    }

    /// Adds the items that the state at first has left out.
    pub(crate) fn complete(self, editor: &mut Editor) -> Result<()> {
        if self.is_small() {
            return Ok(());
        }
        for list in 0..self.lists {
            for first in (0..self.items).step_by(ITEMS_A_MESSAGE) {
                let last = self.items.min(first + ITEMS_A_MESSAGE);
                let patches = (first..last).map(|at| {
                    let item = item(list * self.items + at);
                    format!(r#"{{"op":"add","path":["lists",{list},{at}],"value":{item}}}"#)
                });
                editor.push(&format!("[{}]", joined(patches)))?;
                editor.settle().context("filling the document")?;
            }
        }
        Ok(())
    }

    fn is_small(self) -> bool {
        self.lists * self.items <= ITEMS_A_MESSAGE
    }

    /// One patch that sets a field of an item, of another one each turn.
    pub(crate) fn set_next(self, turn: usize) -> String {
        format!("[{}]", field(turn % self.lists, turn % self.items, turn))
    }

    /// So many patches, each of which sets a field of another item; a list must have as many.
    pub(crate) fn set_many(self, patches: usize, turn: usize) -> String {
        let fields = (turn..turn + patches).map(|at| field(0, at % self.items, turn));
        format!("[{}]", joined(fields))
    }
}

/// What is done to a list. None of it changes how long the list is for longer than an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Sets a field of an item.
    Set,
    /// Inserts at the beginning and removes in the middle, in turn.
    InsertAndRemove,
    /// Moves an item by two places.
    MoveNear,
    /// Moves the first item to the end and back, in turn.
    MoveFar,
}

impl Edit {
    pub(crate) const ALL: [Edit; 4] = [Edit::Set, Edit::InsertAndRemove, Edit::MoveNear, Edit::MoveFar];

    /// Its name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Edit::Set => "set a field",
            Edit::InsertAndRemove => "insert first, remove in the middle",
            Edit::MoveNear => "move by two",
            Edit::MoveFar => "move first to last and back",
        }
    }

    /// The patches of an editor's turn. Two editors edit different items, and two turns in a row are of one list.
    pub(crate) fn patches(self, shape: Shape, editor: usize, turn: usize) -> String {
        let (list, items) = (turn / 2 % shape.lists, shape.items);
        let at = items * (editor + 1) / 3;
        let is_first = turn.is_multiple_of(2);
        let moved = |from, to| format!(r#"[{{"op":"move","path":["lists",{list},{to}],"from":{from}}}]"#);
        match self {
            Edit::Set => format!("[{}]", field(list, at, turn)),
            Edit::InsertAndRemove if is_first => {
                let new = item(editor * 10_000_000 + 50_000_000 + turn % 10_000_000);
                format!(r#"[{{"op":"add","path":["lists",{list},0],"value":{new}}}]"#)
            }
            Edit::InsertAndRemove => format!(r#"[{{"op":"remove","path":["lists",{list},{at}]}}]"#),
            Edit::MoveNear => moved(at, at + 2),
            Edit::MoveFar if is_first => moved(editor, items - 1 - editor),
            Edit::MoveFar => moved(items - 1 - editor, editor),
        }
    }
}

fn field(list: usize, at: usize, turn: usize) -> String {
    let turn = turn % 100_000_000;
    format!(r#"{{"op":"replace","path":["lists",{list},{at},"title"],"value":"Buy the printer, {turn:08}"}}"#)
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}

/// All items have one length.
fn item(number: usize) -> String {
    format!(r#"{{"id":"i{number:08}","title":"Buy the printer, {number:08}","done":false}}"#)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_document_has_about_the_bytes_asked_for() {
        for (bytes, lists) in [(1_000, 1), (100_000, 1), (100_000, 10)] {
            let shape = Shape::of(bytes, lists);
            let text = shape.initial();
            let off = text.len().abs_diff(bytes);
            assert!(off < bytes / 10, "{} instead of {bytes}", text.len());
            let lists = parsed(&text)["lists"].as_array().unwrap().clone();
            assert_eq!(lists.len(), shape.lists);
            assert_eq!(lists[0].as_array().unwrap().len(), shape.items);
        }
    }

    #[test]
    fn every_edit_is_a_list_of_one_patch_within_the_smallest_list() {
        let shape = Shape::of(0, 3);
        for edit in Edit::ALL {
            for (editor, turn) in [(0, 0), (0, 1), (1, 2), (1, 3), (0, 4), (0, 6)] {
                let patches = parsed(&edit.patches(shape, editor, turn));
                assert_eq!(patches.as_array().unwrap().len(), 1, "{edit:?}");
                let index = |segment: usize| patches[0]["path"][segment].as_u64().unwrap();
                assert!(index(1) < 3 && index(2) < 12, "{edit:?}: {patches}");
            }
        }
    }

    #[test]
    fn two_editors_insert_different_items() {
        let shape = Shape::of(0, 1);
        let ids: std::collections::HashSet<_> = [(0, 0), (0, 2), (1, 0), (1, 2)]
            .map(|(editor, turn)| {
                parsed(&Edit::InsertAndRemove.patches(shape, editor, turn))[0]["value"]["id"].to_string()
            })
            .into();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn an_op_of_many_patches_has_as_many_different_ones() {
        let patches = parsed(&Shape::of(1_400, 1).set_many(10, 15));
        let paths: std::collections::HashSet<_> = patches
            .as_array()
            .unwrap()
            .iter()
            .map(|patch| patch["path"].to_string())
            .collect();
        assert_eq!(paths.len(), 10);
    }
}
