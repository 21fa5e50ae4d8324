//! What is sent to joiners of a patches room in place of the beginning of a long history: the fewest patches that make the same of the same base,
//! whatever that is.

use std::str;

use patchcast_protocol::Malformed;
use patchcast_protocol::edit::squash_unseen;
use patchcast_protocol::entry::{Entries, Head};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::patches::{check_message, history_weight, inner};

use crate::log::Snapshot;

/// The patches of a room's first entries, squashed.
#[derive(Debug, PartialEq, Eq)]
pub struct Squash {
    /// The last entry in it, and the weight of all that it stands for.
    pub end: Head,
    /// How many patches it has.
    pub count: u64,
    /// They, as a JSON array.
    patches: String,
}

impl Default for Squash {
    /// That of no entries.
    fn default() -> Squash {
        Squash {
            end: Head::default(),
            count: 0,
            patches: "[]".into(),
        }
    }
}

impl Squash {
    /// What the entries that follow make of it.
    ///
    /// An error means that it has to stay as it is: what they come to is nested more deeply than a message may be.
    pub fn with(&self, entries: &[Entries]) -> Result<Squash, Malformed> {
        let bytes: usize = entries.iter().map(Entries::bytes).sum();
        let mut all = Vec::with_capacity(self.patches.len() + bytes);
        all.push(b'[');
        all.extend_from_slice(self.inner());
        for entry in entries.iter().flat_map(Entries::iter) {
            let patches = inner(entry.payload);
            if !patches.is_empty() && all.len() > 1 {
                all.push(b',');
            }
            all.extend_from_slice(patches);
        }
        all.push(b']');
        let all: Vec<Patch> = serde_json::from_slice(&all)?;
        let patches = serde_json::to_string(&squash_unseen(&all))?;
        Ok(Squash {
            end: entries.iter().fold(self.end, end_of),
            // Plain clients must understand it, and so must this when it is squashed again.
            count: check_message(&patches)? as u64,
            patches,
        })
    }

    /// Its patches without the brackets around them; empty when they undo one another.
    pub fn inner(&self) -> &[u8] {
        inner(self.patches.as_bytes())
    }

    /// The weight of the history up to `head` when this stands for its beginning.
    pub fn weight_of_history(&self, head: Head) -> u64 {
        history_weight(self.patches.as_bytes()) + head.weight - self.end.weight
    }

    /// As the log keeps it: the weight and the patches, a line each.
    pub fn to_snapshot(&self) -> Snapshot {
        Snapshot {
            seq: self.end.seq,
            state: format!("{}\n{}", self.end.weight, self.patches)
                .into_bytes()
                .into(),
        }
    }

    /// Reads what [`to_snapshot`](Self::to_snapshot) writes.
    pub fn from_snapshot(snapshot: &Snapshot) -> Option<Squash> {
        let (weight, patches) = str::from_utf8(&snapshot.state).ok()?.split_once('\n')?;
        Some(Squash {
            end: Head {
                seq: snapshot.seq,
                weight: weight.parse().ok()?,
            },
            count: check_message(patches).ok()? as u64,
            patches: patches.to_owned(),
        })
    }
}

/// The end of a log that ended at `end` before these entries.
pub fn end_of(end: Head, entries: &Entries) -> Head {
    let weights = entries.iter().map(|entry| history_weight(entry.payload));
    Head {
        seq: entries.last(),
        weight: end.weight + weights.sum::<u64>(),
    }
}

/// How many patches the entries hold.
pub fn count_patches(entries: &Entries) -> u64 {
    let counts = entries
        .iter()
        .filter_map(|entry| check_message(str::from_utf8(entry.payload).ok()?).ok());
    counts.map(|count| count as u64).sum()
}

/// The least that a patch adds to the weight of a history, so that from the weight alone it is known how many patches there are at the most.
pub const LEAST_WEIGHT: u64 = r#"{"op":"add","path":[]},"#.len() as u64;

#[cfg(test)]
mod tests {
    use patchcast_protocol::ids::{Author, OpId, Seq, Timestamp};

    use super::*;

    fn entries(after: Seq, payloads: &[&str]) -> Entries {
        let mut entries = Entries::after(after);
        for payload in payloads {
            entries.push(Author([0; 12]), OpId::NONE, Timestamp(1), payload.as_bytes());
        }
        entries
    }

    fn check(before: &[&str], after: &[&str], expect: &str) {
        let first = Squash::default()
            .with(&[entries(Seq::START, before)])
            .expect("patches");
        let squash = first.with(&[entries(first.end.seq, after)]).expect("patches");
        assert_eq!(squash.patches, expect);
        assert_eq!(squash.inner(), &expect.as_bytes()[1..expect.len() - 1]);
        let all = [before, after].concat();
        assert_eq!(squash.end.seq, Seq(all.len() as u64));
        let weight = all
            .iter()
            .map(|payload| history_weight(payload.as_bytes()))
            .sum::<u64>();
        assert_eq!(squash.end.weight, weight);
        assert_eq!(squash.count, check_message(expect).expect("a message") as u64);
        assert_eq!(Squash::from_snapshot(&squash.to_snapshot()), Some(squash));
    }

    const A: &str = r#"[{"op":"replace","path":["a"],"value":1}]"#;
    const A2: &str = r#"[{"op":"replace","path":["a"],"value":2}]"#;
    const B: &str = r#"[{"op":"add","path":["b"],"value":"x"}]"#;
    const NOT_B: &str = r#"[{"op":"remove","path":["b"]}]"#;

    #[test]
    fn later_patches_take_the_place_of_earlier_ones() {
        check(&[A], &[A2], A2);
        check(&[A, A2, A], &[], A);
        check(
            &[],
            &[A, B, NOT_B, A2],
            r#"[{"op":"replace","path":["a"],"value":2},{"op":"remove","path":["b"]}]"#,
        );
    }

    #[test]
    fn messages_without_patches_add_nothing_and_no_comma() {
        check(&[], &[], "[]");
        check(&["[]"], &[" [ ] "], "[]");
        check(&["[]", A, "[]"], &["[]"], A);
        check(&["[]"], &["[]", A], A);
    }

    #[test]
    fn what_plain_clients_would_not_understand_is_not_made() {
        let nested = format!("{}{}{}", r#"{"k":"#.repeat(100), 1, "}".repeat(100));
        let path = |depth: usize| format!(r#"["k"{}]"#, r#","k""#.repeat(depth - 1));
        let message = |depth| format!(r#"[{{"op":"replace","path":{},"value":{nested}}}]"#, path(depth));
        let (first, then) = (message(1), message(100));
        let deep = entries(Seq::START, &[&first, &then]);
        assert_eq!(count_patches(&deep), 2, "the room takes them");
        let refused = Squash::default().with(&[deep]).expect_err("a deep value");
        assert!(matches!(refused, Malformed::TooDeep(_)), "{refused}");
    }

    #[test]
    fn no_patch_is_shorter_than_the_shortest() {
        let least = r#"[{"op":"add","path":[]}]"#;
        assert_eq!(check_message(least).ok(), Some(1));
        assert_eq!(history_weight(least.as_bytes()), LEAST_WEIGHT);
    }
}
