//! Several people's patches of one base, as a room takes them: each is carried over those that came before it.

use patchcast_protocol::apply::{ApplyError, Document};
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::{Edit, Outcome, Side};
use serde_json::{Value, json};

use super::list;

/// What has been made of a base so far.
pub struct Merged {
    base: Document,
    pub document: Document,
    /// By the numbers of their ops, each of what those before it have made.
    made: Vec<(usize, Edit)>,
    ops: usize,
}

impl Merged {
    pub fn new(base: Document) -> Merged {
        Merged {
            document: base.clone(),
            base,
            made: Vec::new(),
            ops: 0,
        }
    }

    /// Makes an op of the base, and says what became of it. One that cannot be made changes nothing for others.
    pub fn add(&mut self, patches: Value) -> Result<Value, ApplyError> {
        let number = self.ops;
        self.ops += 1;
        let mut after = self.base.clone();
        after.apply_unread(list(patches, "op")?)?;
        // What was meant, and not how it was recorded.
        let sent = diff(self.base.value(), after.value());
        let mut edit = sent.clone();
        let mut conflicts = Vec::new();
        for (by, earlier) in &self.made {
            let carried = edit.transform(earlier, Side::Later);
            let met = carried.conflicts.into_iter();
            conflicts.extend(met.map(|met| json!({ "path": met.path, "by": by, "lost": met.absorbed })));
            edit = carried.edit;
        }
        self.document.make(edit.clone())?;
        let outcome = Outcome::of(&sent, &edit);
        self.made.push((number, edit));
        Ok(json!({ "outcome": outcome, "conflicts": conflicts }))
    }
}
