//! Document sessions against a small server, on random documents and in random interleavings: once all is quiet, everybody has what the log says.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod draw;
mod link;
mod party;
mod server;

use std::env;
use std::ops::Range;

use patchcast_protocol::apply::Document;
use patchcast_protocol::ids::Seq;
use patchcast_protocol::value::state_hash;

use super::mutation::{Mutation, choose};
use super::{Group, Update, UpdateOptions};
use draw::Draw;
use link::{Link, WRONG};
use party::{Fate, Party};
use server::Server;

#[test]
fn everybody_ends_with_what_the_log_says() {
    for seed in seeds(1_500) {
        let pace = if seed % 8 == 7 { Pace::Slow } else { Pace::Mixed };
        if let Err(fault) = run(seed, pace) {
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
        Mutation::KeepKeyOrder,
        Mutation::LeaveUndo,
        Mutation::MergeStrict,
    ] {
        choose(Some(mutation));
        let noticed = seeds(1_000).find(|seed| run(*seed, Pace::Slow).is_err());
        choose(None);
        assert!(noticed.is_some(), "{mutation:?}");
    }
}

/// Seeds, from that which a failure has told.
fn seeds(count: u64) -> Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let first = number("PATCHCAST_TEST_SEED").unwrap_or_default();
    first..first + number("PATCHCAST_MODEL_SEEDS").unwrap_or(count)
}

/// How much is on its way at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Mixed,
    /// Much, for long: what depends on it shows sooner.
    Slow,
}

fn run(seed: u64, pace: Pace) -> Result<(), String> {
    let mut world = World::new(seed, pace)?;
    let steps = match pace {
        Pace::Mixed => 50,
        Pace::Slow => 100,
    };
    for _ in 0..steps {
        let number = world.draw.below(world.parties.len());
        world.step(number)?;
    }
    world.quiet()?;
    world.verdict()
}

struct World {
    draw: Draw,
    server: Server,
    parties: Vec<Party>,
    links: Vec<Option<Link>>,
    /// What only some seeds have.
    resets: bool,
    reloads: bool,
    undoes: bool,
    /// Much is on its way, and many ops want to be rejected rather than merged.
    is_slow: bool,
    is_strict: bool,
    /// The server's log is lost once, or it tells a hash that is wrong.
    loses_log: bool,
    lies: bool,
    has_lost_log: bool,
    is_ending: bool,
}

impl World {
    fn new(seed: u64, pace: Pace) -> Result<World, String> {
        let mut draw = Draw::new(seed);
        let max_bytes = if draw.one_in(3) { 300 } else { 1 << 20 };
        let count = 2 + draw.below(4);
        let parties: Result<Vec<_>, _> = (0..count)
            .map(|number| {
                let initial = (!draw.one_in(4)).then(|| draw.container(2));
                Party::new(number, initial)
            })
            .collect();
        Ok(World {
            server: Server::new(max_bytes, draw.one_in(4)),
            parties: parties?,
            links: (0..count).map(|_| None).collect(),
            resets: draw.one_in(4),
            reloads: draw.one_in(2),
            undoes: draw.one_in(2),
            is_slow: pace == Pace::Slow || draw.one_in(3),
            is_strict: draw.one_in(3),
            loses_log: draw.one_in(8),
            lies: draw.one_in(8),
            has_lost_log: false,
            is_ending: false,
            draw,
        })
    }

    fn step(&mut self, number: usize) -> Result<(), String> {
        match self.draw.below(26) {
            0..=5 => self.update(number),
            6..=11 => self.serve(number),
            12..=20 if !self.is_slow || self.draw.one_in(3) => self.deliver(number),
            21 if self.undoes => {
                let redo = self.draw.one_in(3);
                self.parties[number].step_back(redo)
            }
            22 | 23 if self.links[number].is_none() => self.connect(number),
            24 if self.loses_log && self.draw.one_in(20) => self.lose_log(),
            25 => self.cut(number),
            _ => Ok(()),
        }
    }

    fn connect(&mut self, number: usize) -> Result<(), String> {
        let party = &mut self.parties[number];
        if !party.wants_connection {
            party.come_back()?;
        }
        if party.wants_connection {
            self.links[number] = Some(Link::new(party.author));
            party.connected()?;
        }
        Ok(())
    }

    fn cut(&mut self, number: usize) -> Result<(), String> {
        let reload = self.reloads && self.draw.one_in(3);
        if self.links[number].take().is_none() {
            return Ok(());
        }
        match reload {
            true => self.parties[number].reload(self.draw.one_in(2)),
            false => self.parties[number].cut(),
        }
    }

    fn lose_log(&mut self) -> Result<(), String> {
        self.has_lost_log = true;
        let kept = self.draw.below(self.server.log.len() + 1);
        self.server.lose(kept);
        for number in 0..self.parties.len() {
            if self.links[number].take().is_some() {
                self.parties[number].cut()?;
            }
        }
        Ok(())
    }

    fn update(&mut self, number: usize) -> Result<(), String> {
        let value = self.parties[number].session.value().clone();
        let patches = self.draw.batch(&value, self.resets);
        let options = UpdateOptions {
            strict: self.draw.one_in(if self.is_strict { 2 } else { 8 }),
            reset: patches.iter().any(|patch| patch.path.is_empty()),
            group: self.draw.one_in(2).then(|| Group(self.draw.below(2) as u64)),
        };
        let update = if !options.reset && self.draw.one_in(2) {
            let mut next = Document::new(value).unwrap();
            next.apply(&patches).unwrap();
            Update::Next(next.into_value())
        } else {
            Update::Patches(patches)
        };
        self.parties[number].update(update, options)
    }

    /// The server takes a frame, and tells everybody what has come of it.
    fn serve(&mut self, number: usize) -> Result<(), String> {
        let (Some(link), Some(frame)) = (&mut self.links[number], self.parties[number].up.pop_front()) else {
            return Ok(());
        };
        let head = self.server.head();
        link.take(&mut self.server, &mut self.draw, &frame)?;
        let seq = self.server.head();
        if seq == head {
            return Ok(());
        }
        for (other, link) in self.links.iter_mut().enumerate() {
            if let Some(link) = link.as_mut().filter(|_| other != number) {
                link.tell(&self.server, seq);
            }
        }
        if self.draw.one_in(6) {
            let hash = match self.lies && !self.is_ending && self.draw.one_in(4) {
                false => state_hash(self.server.value()),
                true => WRONG,
            };
            self.links
                .iter_mut()
                .flatten()
                .for_each(|link| link.check(seq, hash));
        }
        Ok(())
    }

    fn deliver(&mut self, number: usize) -> Result<(), String> {
        let Some(link) = &mut self.links[number] else {
            return Ok(());
        };
        let Some(frame) = link.next(&mut self.draw) else {
            return Ok(());
        };
        let party = &mut self.parties[number];
        if let Some((id, made)) = frame.made.filter(|_| !self.server.is_strange) {
            let first = party.session.replica().chain.first();
            if first.is_some_and(|first| first.id == id && first.edit != made) {
                return Err(format!(
                    "{} shows {id} as {:?}, and {made:?} was made",
                    party.author,
                    first.unwrap().edit
                ));
            }
        }
        party.receive(&frame.text)?;
        if std::mem::take(&mut party.has_left) {
            self.links[number] = None;
            party.up.clear();
        }
        if std::mem::take(&mut party.has_diverged) && !self.lies {
            return Err(format!("{} has come apart", party.author));
        }
        Ok(())
    }

    /// Everybody comes back, and everything arrives.
    fn quiet(&mut self) -> Result<(), String> {
        self.is_ending = true;
        for _ in 0..5_000 {
            let is_quiet = |number: &usize| {
                let (party, link) = (&self.parties[*number], &self.links[*number]);
                party.is_live()
                    && party.up.is_empty()
                    && link.as_ref().is_some_and(|link| link.down.is_empty())
            };
            let Some(number) = (0..self.parties.len()).find(|number| !is_quiet(number)) else {
                return Ok(());
            };
            if self.links[number].is_none() {
                self.connect(number)?;
            }
            self.serve(number)?;
            self.deliver(number)?;
        }
        Err("it does not come to rest".into())
    }

    fn verdict(&self) -> Result<(), String> {
        let expected = self.server.replay(self.server.head()).to_string();
        let mut found = vec![("the server".to_owned(), self.server.value().to_string())];
        for party in &self.parties {
            let name = |what: &str| format!("the {what} of {}", party.author);
            let replica = party.session.replica();
            found.push((name("view"), replica.value().to_string()));
            found.push((name("confirmed value"), replica.confirmed().to_string()));
            if party.session.pending_ops().count() + replica.aside.len() + replica.pending() > 0 {
                return Err(format!("{} waits for something", party.author));
            }
            for (id, fate) in &party.ops {
                let is_it = |entry: &&server::Entry| (entry.author, entry.id) == (party.author, *id);
                let count = self.server.log.iter().filter(is_it).count();
                let is_true = match fate {
                    Some(Fate::Stored) => count == 1 || self.has_lost_log,
                    Some(Fate::Rejected(_)) => count == 0,
                    None => false,
                };
                let made = self.server.log.iter().find(is_it).map(|entry| &entry.made);
                if let (Some(made), Some(strict)) = (made, party.strict.get(id))
                    && !(self.server.is_strange || made.does_all_of(strict))
                {
                    return Err(format!(
                        "{id} of {} is strict, and only {made:?} was made",
                        party.author
                    ));
                }
                if !is_true {
                    return Err(format!(
                        "{id} of {} is {fate:?}, and there {count} times",
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
        let head = self.server.head();
        let behind = self.parties.iter().find(|party| {
            let position = party.session.replica().position();
            position.is_none_or(|position| position.seq != head && head != Seq::START)
        });
        behind.map_or(Ok(()), |party| {
            Err(format!("{} has not come to {head}", party.author))
        })
    }
}
