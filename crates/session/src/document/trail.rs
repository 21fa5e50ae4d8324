//! What has happened, one edit after the other, as one edit whenever somebody asks.

use patchcast_protocol::edit::Edit;

/// Edits in a row. They are composed in pairs of about the same size, as a binary counter adds, so what they cost altogether grows
/// hardly more than with their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    edits: Vec<Edit>,
    count: usize,
}

impl Trail {
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    pub fn push(&mut self, edit: Edit) {
        if edit.is_empty() {
            return;
        }
        self.edits.push(edit);
        self.count += 1;
        for _ in 0..usize::trailing_zeros(self.count) {
            self.fold_last();
        }
    }

    /// All of it as one edit; nothing is left.
    pub fn take(&mut self) -> Edit {
        while self.edits.len() > 1 {
            self.fold_last();
        }
        self.count = 0;
        self.edits.pop().unwrap_or_default()
    }

    fn fold_last(&mut self) {
        if let (Some(then), Some(first)) = (self.edits.pop(), self.edits.pop()) {
            self.edits.push(first.compose(then));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trail_is_its_edits_one_after_the_other() {
        for length in 0..20 {
            let (mut trail, mut value) = (Trail::default(), json!([]));
            for number in 0..length {
                let patch = json!([{ "op": "add", "path": [number / 2], "value": number }]);
                let patches: Vec<_> = serde_json::from_value(patch).unwrap();
                let edit = Edit::of(&value, &patches).unwrap();
                edit.clone().apply(&mut value);
                trail.push(edit);
            }
            let mut found = json!([]);
            trail.take().apply(&mut found);
            assert_eq!(found, value);
            assert!(trail.is_empty());
        }
    }
}
