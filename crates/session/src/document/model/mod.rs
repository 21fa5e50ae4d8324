//! The replica against a small server, on random documents and in random interleavings: once all is quiet everybody has what the log says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod draw;
mod party;
mod server;

use std::env;
use std::ops::Range;

use patchcast_protocol::apply::{Document, KeyOrder};
use patchcast_protocol::ids::Seq;
use patchcast_protocol::path::PathSegment;
use serde_json::{Map, Value};

use super::mutation::{Mutation, chosen};
use super::{Group, UndoError, Update, UpdateError, UpdateOptions};
use draw::Draw;
use party::{Down, Fate, Party};
use server::{Answer, Server};

#[test]
fn everybody_ends_with_what_the_log_says() {
    for seed in seeds(1_500) {
        if let Err(fault) = World::new(seed).run() {
            panic!("PATCHCAST_TEST_SEED={seed}\n{fault}");
        }
    }
}

#[test]
fn a_broken_rule_is_noticed() {
    for mutation in [
        Mutation::SwapSides,
        Mutation::KeepAcknowledged,
        Mutation::LeaveThoseUponRejected,
        Mutation::RejectEarly,
        Mutation::ForgetUpon,
        Mutation::ResendStale,
        Mutation::KeepUnderSnapshot,
        Mutation::IgnoreMade,
        Mutation::LeaveUndo,
        Mutation::KeepKeyOrder,
    ] {
        let noticed = chosen::with(mutation, || {
            seeds(1_000).find(|seed| World::new(*seed).run().is_err())
        });
        assert!(noticed.is_some(), "{mutation:?}");
    }
}

/// Seeds, from that which a failure has told.
fn seeds(count: u64) -> Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    first..first + number("PATCHCAST_MODEL_SEEDS").unwrap_or(count)
}

struct World {
    draw: Draw,
    initial: Value,
    server: Server,
    parties: Vec<Party>,
    /// What only some seeds have.
    resets: bool,
    reloads: bool,
    undoes: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut draw = Draw::new(seed);
        let initial = draw.container(3);
        let max_bytes = match draw.one_in(3) {
            true => initial.to_string().len() + 40,
            false => 1 << 20,
        };
        let parties = (0..2 + draw.below(4))
            .map(|author| Party::new(author, Value::Null))
            .collect();
        World {
            server: Server::new(initial.clone(), max_bytes, draw.one_in(4)),
            initial,
            parties,
            resets: draw.one_in(4),
            reloads: draw.one_in(2),
            undoes: draw.one_in(2),
            draw,
        }
    }

    fn run(mut self) -> Result<(), String> {
        for author in 0..self.parties.len() {
            self.connect(author);
        }
        for _ in 0..60 {
            let author = self.draw.below(self.parties.len());
            self.step(author)?;
        }
        self.quiet()?;
        self.verdict()
    }

    fn step(&mut self, author: usize) -> Result<(), String> {
        match self.draw.below(24) {
            0..=5 => self.update(author),
            6..=11 => self.serve(author),
            12..=20 => self.deliver(author),
            21 if self.undoes => self.undo(author),
            21 | 22 => Ok(()),
            _ => match self.parties[author].link {
                None => {
                    self.connect(author);
                    Ok(())
                }
                Some(_) if self.reloads && self.draw.one_in(3) => {
                    let keeps_value = self.draw.one_in(2);
                    self.parties[author].reload(keeps_value, Value::Null)
                }
                Some(_) => self.parties[author].cut(),
            },
        }
    }

    fn connect(&mut self, author: usize) {
        let since = self.parties[author]
            .replica
            .position()
            .map(|position| position.seq);
        let from = since.unwrap_or(Seq::START).0;
        let head = self.server.head().0;
        // The log of the model begins with a value, so whoever has no position gets a snapshot.
        let snapshot = if since.is_none() || (from < head && self.draw.one_in(3)) {
            let seq = from + self.draw.below((head - from + 1) as usize) as u64;
            Some((Seq(seq), self.replay(seq)))
        } else {
            None
        };
        self.parties[author].connect(&self.server, snapshot);
    }

    fn update(&mut self, author: usize) -> Result<(), String> {
        let party = &mut self.parties[author];
        let patches = self.draw.batch(party.replica.value(), self.resets);
        let options = UpdateOptions {
            strict: self.draw.one_in(5),
            reset: patches.iter().any(|patch| patch.path.is_empty()),
            group: self.draw.one_in(2).then(|| Group(self.draw.below(2) as u64)),
        };
        let update = if !options.reset && self.draw.one_in(2) {
            let mut next = Document::new(party.replica.value().clone()).unwrap();
            next.apply(&patches).unwrap();
            Update::Next(next.into_value())
        } else {
            Update::Patches(patches)
        };
        match party.replica.update(update, options) {
            Ok(None) => Ok(()),
            Ok(Some(prepared)) if self.draw.one_in(10) => {
                let shown = party.mirror.value().to_string();
                party.replica.cancel(prepared);
                let left = party.replica.value().to_string();
                (left == shown)
                    .then_some(())
                    .ok_or_else(|| format!("an update was cancelled, and has left {left}"))
            }
            Ok(Some(prepared)) => party.commit(prepared),
            Err(UpdateError::ResetNeeded) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn undo(&mut self, author: usize) -> Result<(), String> {
        let party = &mut self.parties[author];
        let prepared = match self.draw.below(3) {
            0 => party.replica.redo(),
            _ => party.replica.undo(),
        };
        match prepared {
            Ok(prepared) => party.commit(prepared),
            Err(UndoError::DoesNotApply(error)) => Err(format!("an undo does not apply: {error}")),
            Err(_) => Ok(()),
        }
    }

    /// The server takes an op, and tells everybody.
    fn serve(&mut self, author: usize) -> Result<(), String> {
        let Some(link) = &mut self.parties[author].link else {
            return Ok(());
        };
        let Some(change) = link.up.pop_front() else {
            return Ok(());
        };
        let id = change.id;
        let after = self.server.head();
        let down = match self.server.take(&mut link.bridge, change)? {
            Answer::Known(seq) => Down::Ack {
                id,
                known: Some(seq),
                made: None,
            },
            Answer::Rejected => Down::Reject { id, after },
            Answer::Made { as_sent } => {
                let patches = self.server.log[after.0 as usize].made.patches();
                for (other, party) in self
                    .parties
                    .iter_mut()
                    .enumerate()
                    .filter(|(other, _)| *other != author)
                {
                    let _ = other;
                    if let Some(link) = &mut party.link {
                        link.down.push_back(Down::Entry {
                            own: None,
                            patches: patches.clone(),
                        });
                    }
                }
                Down::Ack {
                    id,
                    known: None,
                    made: (!as_sent).then_some(patches),
                }
            }
        };
        if let Some(link) = &mut self.parties[author].link {
            link.down.push_back(down);
        }
        Ok(())
    }

    fn deliver(&mut self, author: usize) -> Result<(), String> {
        let Some(link) = &self.parties[author].link else {
            return Ok(());
        };
        // What is no entry may come before entries that were sent before it.
        let early = link
            .down
            .iter()
            .position(|down| matches!(down, Down::Reject { .. }));
        let index = early.filter(|_| self.draw.one_in(2)).unwrap_or(0);
        self.parties[author].receive(index)
    }

    /// Everybody comes back, and everything arrives.
    fn quiet(&mut self) -> Result<(), String> {
        for _ in 0..10_000 {
            let Some(author) =
                (0..self.parties.len()).find(|author| !self.parties[*author].is_quiet(&self.server))
            else {
                return Ok(());
            };
            if self.parties[author].link.is_none() {
                self.connect(author);
            }
            self.serve(author)?;
            self.deliver(author)?;
        }
        Err("it does not come to rest".into())
    }

    fn verdict(&self) -> Result<(), String> {
        let expected = self.replay(self.server.head().0).to_string();
        let mut found = vec![("the server".to_owned(), self.server.value().to_string())];
        for party in &self.parties {
            let name = |what: &str| format!("client {}'s {what}", party.author);
            found.push((name("view"), party.replica.value().to_string()));
            found.push((name("confirmed value"), party.replica.confirmed().to_string()));
            for id in 1..=party.ops() {
                let entries = self
                    .server
                    .log
                    .iter()
                    .filter(|entry| (entry.author, entry.id.0) == (party.author, id));
                let fate = party
                    .fates
                    .iter()
                    .find(|(op, _)| op.0 == id)
                    .map(|(_, fate)| *fate);
                let expected = match entries.count() {
                    0 => Fate::Rejected,
                    1 => Fate::Stored,
                    count => {
                        return Err(format!(
                            "op {id} of client {} is there {count} times",
                            party.author
                        ));
                    }
                };
                if fate != Some(expected) {
                    return Err(format!(
                        "op {id} of client {} is {expected:?}, and said to be {fate:?}",
                        party.author
                    ));
                }
            }
        }
        for (who, value) in found {
            if value != expected {
                return Err(format!("{who} is\n  {value}, the log says\n  {expected}"));
            }
        }
        Ok(())
    }

    fn replay(&self, upto: u64) -> Value {
        let mut document = Document::restored(self.initial.clone(), usize::MAX).unwrap();
        for entry in &self.server.log[..upto as usize] {
            document.apply(&entry.made.patches()).unwrap();
        }
        document.into_value()
    }
}

/// What an app does that is told of an order of keys.
fn sort_keys(value: &mut Value, order: &KeyOrder) {
    let place = order
        .path
        .iter()
        .fold(value, |place, segment| match (segment, place) {
            (PathSegment::Index(index), Value::Array(items)) => &mut items[*index as usize],
            (segment, place) => &mut place[segment.key().as_ref()],
        });
    let members = place.as_object_mut().unwrap();
    let sorted: Map<_, _> = order
        .keys
        .iter()
        .map(|key| (key.clone(), members.get(key).cloned().unwrap()))
        .collect();
    assert_eq!(sorted.len(), members.len());
    *members = sorted;
}
