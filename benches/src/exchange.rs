//! One round: messages into a room, a fixed number in flight, and every delivery checked.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::TIMEOUT;
use crate::crowd::Crowd;
use crate::message;

/// Who sends the messages that are in flight together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Senders {
    /// The first connection sends them all.
    One,
    /// Each is sent by a connection of its own.
    Each,
}

/// What a round sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Messages in all.
    pub(crate) messages: usize,
    /// Messages in flight: the next is sent when one has reached everyone but its sender.
    pub(crate) window: usize,
    /// Who sends.
    pub(crate) senders: Senders,
}

/// What a round has shown.
pub(crate) struct Outcome {
    /// Messages received, over all connections.
    pub(crate) deliveries: usize,
    /// From the first message sent to the last one received.
    pub(crate) wall: Duration,
    /// For each message the time from sending it to its last delivery, in microseconds.
    pub(crate) latencies: Vec<f64>,
}

/// Runs one round.
///
/// Succeeds when every message reached every connection but its sender exactly once, unchanged. Fails when
/// nothing arrives for [`TIMEOUT`].
pub(crate) fn run(crowd: &mut Crowd, plan: Plan) -> Result<Outcome> {
    let window = plan.window.min(plan.messages);
    ensure!(crowd.len() >= 2, "a round needs a sender and a receiver");
    ensure!(
        plan.senders == Senders::One || window <= crowd.len(),
        "{window} senders in a room of {}",
        crowd.len()
    );
    let mut tally = Tally::new(crowd.next_id, plan.messages, crowd.len());
    crowd.next_id += plan.messages;

    let started = Instant::now();
    for slot in 0..window {
        let sender = if plan.senders == Senders::Each { slot } else { 0 };
        let text = tally.start(sender);
        crowd.send(sender, &text)?;
    }
    let mut deadline = started + TIMEOUT;
    let mut latencies = Vec::with_capacity(plan.messages);
    while latencies.len() < plan.messages {
        let before = tally.deliveries;
        crowd.pump(deadline.saturating_duration_since(Instant::now()), |to, text| {
            tally.receive(to, text)
        })?;
        if tally.deliveries > before {
            deadline = Instant::now() + TIMEOUT;
        } else if Instant::now() >= deadline {
            bail!("nothing arrived for {} s: {}", TIMEOUT.as_secs(), tally.state());
        }
        for done in std::mem::take(&mut tally.done) {
            latencies.push(done.took.as_secs_f64() * 1e6);
            if tally.sent.len() < plan.messages {
                let text = tally.start(done.sender);
                crowd.send(done.sender, &text)?;
            }
        }
    }
    let wall = started.elapsed();
    // Whatever else has arrived by now is one too many.
    crowd.pump(Duration::ZERO, |to, text| tally.receive(to, text))?;
    Ok(Outcome {
        deliveries: tally.deliveries,
        wall,
        latencies,
    })
}

/// Who has received what in this round.
struct Tally {
    first_id: usize,
    members: usize,
    /// One entry for each message sent so far.
    sent: Vec<Sent>,
    /// Message by message, whether each connection has it.
    seen: Vec<bool>,
    deliveries: usize,
    /// Messages that have reached everyone since this list was last taken.
    done: Vec<Done>,
}

struct Sent {
    sender: usize,
    at: Instant,
    missing: usize,
}

struct Done {
    sender: usize,
    took: Duration,
}

impl Tally {
    fn new(first_id: usize, messages: usize, members: usize) -> Tally {
        Tally {
            first_id,
            members,
            sent: Vec::with_capacity(messages),
            seen: vec![false; messages * members],
            deliveries: 0,
            done: Vec::new(),
        }
    }

    /// The text of the next message, from now on in flight.
    fn start(&mut self, sender: usize) -> Vec<u8> {
        let text = message::text(self.first_id + self.sent.len());
        self.sent.push(Sent {
            sender,
            at: Instant::now(),
            missing: self.members - 1,
        });
        text
    }

    fn receive(&mut self, to: usize, text: &[u8]) -> Result<()> {
        let id = message::id(text)?;
        let index = id.wrapping_sub(self.first_id);
        let Some(sent) = self.sent.get_mut(index) else {
            bail!("connection {to} received message {id}, which is not in flight");
        };
        ensure!(sent.sender != to, "connection {to} received its own message {id}");
        let seen = &mut self.seen[index * self.members + to];
        ensure!(!*seen, "connection {to} received message {id} twice");
        *seen = true;
        sent.missing -= 1;
        self.deliveries += 1;
        if sent.missing == 0 {
            self.done.push(Done {
                sender: sent.sender,
                took: sent.at.elapsed(),
            });
        }
        Ok(())
    }

    fn state(&self) -> String {
        let first_open = self.sent.iter().position(|sent| sent.missing > 0);
        match first_open.map(|index| (index, &self.sent[index])) {
            Some((index, sent)) => format!(
                "message {} was sent by connection {} and is missing at {} of {}",
                self.first_id + index,
                sent.sender,
                sent.missing,
                self.members - 1
            ),
            None => "no message is in flight".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(tally: &mut Tally, to: usize, text: &[u8]) -> String {
        tally.receive(to, text).unwrap_err().to_string()
    }

    #[test]
    fn a_message_is_done_when_everyone_but_its_sender_has_it() {
        let mut tally = Tally::new(7, 2, 3);
        let text = tally.start(1);
        tally.receive(0, &text).unwrap();
        assert!(tally.done.is_empty());
        tally.receive(2, &text).unwrap();
        assert_eq!(tally.done.len(), 1);
        assert_eq!(tally.done[0].sender, 1);
        assert_eq!(tally.deliveries, 2);
    }

    #[test]
    fn a_wrong_server_is_found_out() {
        let mut tally = Tally::new(7, 2, 3);
        let text = tally.start(1);
        tally.receive(0, &text).unwrap();
        assert!(refusal(&mut tally, 0, &text).contains("twice"));
        assert!(refusal(&mut tally, 1, &text).contains("its own"));
        assert!(refusal(&mut tally, 2, &message::text(8)).contains("not in flight"));
        assert!(refusal(&mut tally, 2, &message::text(6)).contains("not in flight"));
        assert!(refusal(&mut tally, 2, b"[]").contains("nobody sent"));
        assert!(tally.state().contains("missing at 1 of 2"));
    }
}
