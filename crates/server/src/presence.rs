//! Who shows what of itself in a room, and what has changed of it since a version.
//!
//! Pure. Nothing of it is ever in the log, and there is no queue: a reader is a version, as a cursor is a position.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use patchcast_protocol::ids::Author;
use patchcast_protocol::message::{PresenceChange, Present};
use serde_json::value::RawValue;

use crate::limits::{MAX_GONE, PRESENCE_BYTES_PER_SECOND, PRESENCE_INTERVAL};

/// What the clients of one room show.
#[derive(Default)]
pub struct Presence {
    /// Counts the changes.
    version: u64,
    shown: BTreeMap<Author, Shown>,
    /// Who has gone, in the order of the versions; the oldest are forgotten.
    gone: VecDeque<(u64, Author)>,
    /// Readers at an older version than this are told everything anew.
    complete_from: u64,
}

struct Shown {
    since: u64,
    data: Box<RawValue>,
}

impl Presence {
    /// The number of the newest change; 0 before the first.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Replaces what `client` shows.
    pub fn show(&mut self, client: Author, data: Box<RawValue>) {
        let same = |shown: &Shown| shown.data.get() == data.get();
        if self.shown.get(&client).is_some_and(same) {
            return;
        }
        self.version += 1;
        self.gone.retain(|(_, gone)| *gone != client);
        let since = self.version;
        self.shown.insert(client, Shown { since, data });
    }

    /// Takes away what `client` shows.
    pub fn take_away(&mut self, client: Author) {
        if self.shown.remove(&client).is_none() {
            return;
        }
        self.version += 1;
        self.gone.push_back((self.version, client));
        if self.gone.len() > MAX_GONE
            && let Some((version, _)) = self.gone.pop_front()
        {
            self.complete_from = version;
        }
    }

    /// What a reader has to be told who knows everything up to the version `seen`; 0 stands for knowing nothing. `None` when that is
    /// nothing.
    pub fn since(&self, seen: u64) -> Option<PresenceChange<&RawValue>> {
        if seen == self.version {
            return None;
        }
        let all = seen < self.complete_from || seen == 0;
        let present = self.shown.iter().filter(|(_, shown)| all || shown.since > seen);
        let gone = self.gone.iter().filter(|(version, _)| !all && *version > seen);
        Some(PresenceChange {
            all,
            present: present
                .map(|(client, shown)| Present {
                    client: *client,
                    data: &*shown.data,
                })
                .collect(),
            gone: gone.map(|(_, client)| *client).collect(),
        })
    }
}

/// How long a room waits after it has sent so many bytes of presence to its members: as long as keeps all that it tells within
/// a bound, however many show and watch.
pub fn pause_after(bytes: usize) -> Duration {
    let seconds = bytes as f64 / PRESENCE_BYTES_PER_SECOND as f64;
    PRESENCE_INTERVAL.max(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const ANN: Author = Author([1; 12]);
    const BOB: Author = Author([2; 12]);

    fn show(presence: &mut Presence, client: Author, json: &str) {
        presence.show(client, RawValue::from_string(json.to_owned()).unwrap());
    }

    fn told(presence: &Presence, seen: u64) -> String {
        let Some(change) = presence.since(seen) else {
            return "nothing".into();
        };
        let name = |client: Author| if client == ANN { "ann" } else { "bob" };
        let mut told = String::from(if change.all { "all" } else { "change" });
        for present in &change.present {
            told += &format!(" {}={}", name(present.client), present.data.get());
        }
        for client in &change.gone {
            told += &format!(" -{}", name(*client));
        }
        told
    }

    #[test]
    fn a_newcomer_is_told_of_everyone() {
        let mut presence = Presence::default();
        show(&mut presence, BOB, "1");
        show(&mut presence, ANN, "2");
        presence.take_away(BOB);
        assert_eq!(told(&presence, 0), "all ann=2");
    }

    #[test]
    fn many_changes_of_one_client_are_told_once() {
        let mut presence = Presence::default();
        show(&mut presence, ANN, "1");
        let seen = presence.version();
        for n in 0..10 {
            show(&mut presence, ANN, &n.to_string());
        }
        assert_eq!(told(&presence, seen), "change ann=9");
        assert_eq!(told(&presence, presence.version()), "nothing");
    }

    #[test]
    fn the_same_value_again_is_no_change() {
        let mut presence = Presence::default();
        show(&mut presence, ANN, "1");
        let seen = presence.version();
        show(&mut presence, ANN, "1");
        presence.take_away(BOB);
        assert_eq!(told(&presence, seen), "nothing");
    }

    #[test]
    fn who_goes_and_comes_again_is_there() {
        let mut presence = Presence::default();
        show(&mut presence, ANN, "1");
        let seen = presence.version();
        presence.take_away(ANN);
        assert_eq!(told(&presence, seen), "change -ann");
        show(&mut presence, ANN, "1");
        assert_eq!(told(&presence, seen), "change ann=1");
    }

    #[test]
    fn a_reader_from_before_what_is_remembered_is_told_everything() {
        let mut presence = Presence::default();
        show(&mut presence, BOB, "0");
        let seen = presence.version();
        for _ in 0..=MAX_GONE {
            show(&mut presence, ANN, "1");
            presence.take_away(ANN);
        }
        // Ann's coming back wipes her going, so there is but one left to be remembered.
        assert_eq!(told(&presence, seen), "change -ann");
        for n in 0..=MAX_GONE {
            let mut id = [9; 12];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            show(&mut presence, Author(id), "1");
            presence.take_away(Author(id));
        }
        assert_eq!(told(&presence, seen), "all bob=0");
    }

    #[test]
    fn the_pause_grows_with_what_is_sent() {
        assert_eq!(pause_after(1000), PRESENCE_INTERVAL);
        let second = pause_after(PRESENCE_BYTES_PER_SECOND);
        assert!((second.as_secs_f64() - 1.0).abs() < 0.01, "{second:?}");
    }
}
