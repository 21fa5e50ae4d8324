//! Clients that do anything at any time, with whatever delay, against the core: everybody has what the log says, and the server makes of each op
//! just what its author has made of it.

use std::collections::VecDeque;
use std::env;
use std::ops::Range;

use patchcast_protocol::apply;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::ids::{Author, OpId, Seq};
use patchcast_protocol::message::{Change, RejectCode};
use patchcast_protocol::patch::Patch;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::room::{Room, raw};
use crate::document::{Bridge, Refused, record};

#[test]
fn everybody_has_what_the_log_says_whatever_comes_when() {
    let mut totals = Totals::default();
    for seed in seeds(100) {
        World::new(seed).run(120, &mut totals);
    }
    // So that none of it is tested only by its name.
    let Totals {
        accepted,
        transformed,
        refused,
        cold,
        untold,
        rolled_back,
        restarts,
    } = totals;
    let all = [
        accepted,
        transformed,
        refused,
        cold,
        untold,
        rolled_back,
        restarts,
    ];
    assert!(all.iter().all(|count| *count > 20), "{totals:?}");
}

fn seeds(default: u64) -> Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("PATCHCAST_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PATCHCAST_CORE_CASES").unwrap_or(default),
    }
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    accepted: usize,
    transformed: usize,
    refused: usize,
    /// Ops that were sent again unchanged by a client that has nothing but them.
    cold: usize,
    /// Those of them that were made upon what nobody knows any more.
    untold: usize,
    rolled_back: usize,
    restarts: usize,
}

struct World {
    seed: u64,
    rng: StdRng,
    room: Room,
    clients: Vec<Client>,
}

/// What a client knows.
struct Client {
    author: Author,
    bridge: Bridge,
    confirmed: Value,
    position: Seq,
    next_id: u64,
    /// Its ops that it has not heard of, each over the ones before it.
    pending: VecDeque<Pending>,
    /// Sent and not arrived.
    outbox: VecDeque<Change<Box<RawValue>>>,
    /// Refusals that are on their way to it.
    rejects: VecDeque<(OpId, Seq)>,
    /// Its last op that was made upon what nobody knows any more: nor is what was made upon that.
    untold: OpId,
    /// The last of its ops that it has taken back.
    refused: OpId,
}

struct Pending {
    edit: Edit,
    /// As it was sent.
    sent: Change<Box<RawValue>>,
    /// Whether the server may say that it does not know what it was made upon.
    cold: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let mut rng = StdRng::seed_from_u64(seed);
        let initial =
            json!({ "l": [{ "id": 1, "n": 0 }, { "id": 2, "n": 0 }, "c"], "m": [1, 2], "x": 1, "y": {} });
        let room = Room::with(&initial);
        let clients = (1..=rng.random_range(2..=3)).map(|number| Client {
            author: Author([number; 12]),
            bridge: Bridge::new(Author([number; 12])),
            confirmed: Value::Null,
            position: Seq::START,
            next_id: 1,
            pending: VecDeque::new(),
            outbox: VecDeque::new(),
            rejects: VecDeque::new(),
            untold: OpId::NONE,
            refused: OpId::NONE,
        });
        World {
            seed,
            room,
            clients: clients.collect(),
            rng,
        }
    }

    fn run(mut self, steps: usize, totals: &mut Totals) {
        for _ in 0..steps {
            let client = self.rng.random_range(0..self.clients.len());
            match self.rng.random_range(0..100) {
                0..35 => self.edit(client),
                35..60 => self.deliver(totals),
                60..94 => self.read(client),
                94..96 => self.reconnect(client),
                96..98 => self.reload(client),
                98 => self.restart(totals),
                _ => self.hear(client),
            }
        }
        while self.clients.iter().any(|client| !client.outbox.is_empty()) {
            self.deliver(totals);
        }
        let text = self.room.text();
        for client in 0..self.clients.len() {
            self.catch_up(client);
            let client = &self.clients[client];
            assert!(client.pending.is_empty(), "seed {}", self.seed);
            assert_eq!(client.confirmed.to_string(), text, "seed {}", self.seed);
        }
        assert_eq!(
            self.room.open_again().value().to_string(),
            text,
            "seed {}",
            self.seed
        );
    }

    /// A client does something on what it sees.
    fn edit(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if client.pending.len() > 5 {
            return;
        }
        let view = client.view();
        let patches = draw(&mut self.rng, &view);
        let edit = Edit::of(&view, &patches).unwrap();
        let change = Change {
            strict: self.rng.random_bool(0.2),
            reset: self.rng.random_bool(0.5),
            ..client.change(OpId(client.next_id), &edit, client.pending.len())
        };
        client.next_id += 1;
        client.outbox.push_back(change.clone());
        client.pending.push_back(Pending {
            edit,
            sent: change,
            cold: false,
        });
    }

    /// A turn of the room: some of what was sent arrives, and is stored, now and then not at the first attempt.
    fn deliver(&mut self, totals: &mut Totals) {
        let mut turn = Vec::new();
        for _ in 0..self.rng.random_range(1..6) {
            let number = self.rng.random_range(0..self.clients.len());
            if let Some(change) = self.clients[number].outbox.pop_front() {
                turn.push((number, change));
            }
        }
        let before = self.room.text();
        let made = loop {
            let made: Vec<_> = turn
                .iter()
                .map(|(number, change)| self.room.make(&mut self.clients[*number].bridge, change))
                .collect();
            if turn.is_empty() || self.rng.random_bool(0.8) {
                break made;
            }
            self.room.folded.roll_back();
            for (number, _) in &turn {
                self.clients[*number].bridge.roll_back();
            }
            assert_eq!(self.room.text(), before, "seed {}", self.seed);
            totals.rolled_back += 1;
        };
        for ((number, change), made) in turn.into_iter().zip(made) {
            let client = &mut self.clients[number];
            match made {
                Ok(accepted) => {
                    totals.accepted += 1;
                    totals.transformed += usize::from(!record::is_as_sent(&accepted.payload));
                    self.room.store(client.author, change.id, accepted);
                }
                Err(refused) => {
                    totals.refused += 1;
                    client.check_refused(&change, &refused, totals, self.seed);
                    client.rejects.push_back((change.id, refused.after));
                }
            }
            totals.cold += usize::from(client.pending_of(change.id).is_some_and(|pending| pending.cold));
        }
        self.room.folded.settle();
        for client in &mut self.clients {
            client.bridge.settle();
        }
    }

    /// A client takes in the next entry, and before it the refusals that stand there.
    fn read(&mut self, client: usize) {
        let (next, seed) = (self.clients[client].position.next(), self.seed);
        if next > self.room.head() {
            return self.hear(client);
        }
        self.hear(client);
        let entries = self.room.entries(Seq(next.0 - 1), next);
        let entry = entries.iter().next().unwrap();
        let patches = record::patches(entry.payload).unwrap();
        let made = Edit::of_written(&patches).unwrap();
        let client = &mut self.clients[client];
        if entry.author == client.author && entry.op != OpId::NONE {
            let own = client.pending.pop_front().unwrap();
            assert_eq!(own.sent.id, entry.op, "seed {seed}");
            let of_whom = format!("seed {seed}: op {} of {}", own.sent.id.0, client.author);
            assert_eq!(json!(made.patches()), json!(own.edit.patches()), "{of_whom}");
            assert_eq!(made, own.edit, "{of_whom}");
            if record::is_as_sent(entry.payload) {
                assert_eq!(json!(patches).to_string(), own.sent.patches.get(), "{of_whom}");
            }
            made.apply(&mut client.confirmed);
        } else {
            made.clone().apply(&mut client.confirmed);
            client.carry(made, 0);
        }
        client.position = next;
    }

    /// The refusals that take effect where the client stands.
    fn hear(&mut self, client: usize) {
        let client = &mut self.clients[client];
        while let Some((id, _)) = client
            .rejects
            .pop_front_if(|(_, after)| *after == client.position)
        {
            client.take_back(id);
        }
    }

    fn catch_up(&mut self, client: usize) {
        while self.clients[client].position < self.room.head() {
            self.read(client);
        }
        self.hear(client);
    }

    /// What was under way is lost, and so are answers. What is left is sent again, rebased.
    fn reconnect(&mut self, client: usize) {
        self.begin_connection(client);
        let client = &mut self.clients[client];
        for number in 0..client.pending.len() {
            let pending = &client.pending[number];
            let change = Change {
                strict: pending.sent.strict,
                reset: pending.sent.reset,
                ..client.change(pending.sent.id, &pending.edit, number)
            };
            client.outbox.push_back(change.clone());
            client.pending[number].sent = change;
            client.pending[number].cold = false;
        }
    }

    /// A client comes back with nothing but what it has sent, and sends that again.
    fn reload(&mut self, client: usize) {
        self.begin_connection(client);
        let Client { pending, refused, .. } = &self.clients[client];
        if pending.iter().any(|pending| pending.sent.upon <= *refused) {
            // It knows that there is no such context any more, and that nobody else can know.
            return self.reconnect(client);
        }
        let client = &mut self.clients[client];
        for pending in &mut client.pending {
            pending.cold = true;
            client.outbox.push_back(pending.sent.clone());
        }
    }

    fn begin_connection(&mut self, client: usize) {
        // It has what is in the log, and what it does not find there up to its last op was refused.
        {
            let client = &mut self.clients[client];
            client.bridge = Bridge::new(client.author);
            client.outbox.clear();
        }
        let author = self.clients[client].author;
        let last_op = self.room.log.iter().filter(|entry| entry.author == author);
        let last_op = last_op.map(|entry| entry.op).max().unwrap_or_default();
        // The refusals that it has not heard of, of ops that can come again: it does not know of them.
        self.clients[client].rejects.retain(|(id, _)| *id < last_op);
        self.catch_up(client);
        assert!(self.clients[client].rejects.is_empty(), "seed {}", self.seed);
    }

    /// The server starts again, and all connections begin anew.
    fn restart(&mut self, totals: &mut Totals) {
        let snapshot = Seq(self.rng.random_range(0..=self.room.head().0));
        let empty = Room {
            folded: crate::document::Folded::new(0),
            log: Vec::new(),
            reads: 0,
        };
        self.room = std::mem::replace(&mut self.room, empty).open_at(snapshot);
        totals.restarts += 1;
        for client in 0..self.clients.len() {
            match self.rng.random_bool(0.5) {
                true => self.reconnect(client),
                false => self.reload(client),
            }
        }
    }
}

impl Client {
    fn view(&self) -> Value {
        let mut view = self.confirmed.clone();
        for pending in &self.pending {
            pending.edit.clone().apply(&mut view);
        }
        view
    }

    /// An op upon so many of those that are under way.
    fn change(&self, id: OpId, edit: &Edit, before: usize) -> Change<Box<RawValue>> {
        Change {
            id,
            base: self.position,
            upon: self
                .pending
                .front()
                .filter(|_| before > 0)
                .map_or(id, |first| first.sent.id),
            strict: false,
            reset: false,
            patches: raw(&json!(edit.patches())),
        }
    }

    fn pending_of(&self, id: OpId) -> Option<&Pending> {
        self.pending.iter().find(|pending| pending.sent.id == id)
    }

    /// Carries what has changed below the ops from `first` on through them.
    fn carry(&mut self, mut edit: Edit, first: usize) {
        for pending in self.pending.range_mut(first..) {
            let carried = pending.edit.transform(&edit, Side::Later).edit;
            edit = edit.transform(&pending.edit, Side::Earlier).edit;
            pending.edit = carried;
        }
    }

    fn take_back(&mut self, id: OpId) {
        let number = self
            .pending
            .iter()
            .position(|pending| pending.sent.id == id)
            .unwrap();
        let mut base = self.confirmed.clone();
        for pending in self.pending.range(..number) {
            pending.edit.clone().apply(&mut base);
        }
        let refused = self.pending.remove(number).unwrap();
        self.refused = self.refused.max(id);
        self.carry(refused.edit.invert(&base), number);
    }

    fn check_refused(
        &mut self,
        change: &Change<Box<RawValue>>,
        refused: &Refused,
        totals: &mut Totals,
        seed: u64,
    ) {
        let pending = self.pending_of(change.id).unwrap();
        match refused.code {
            RejectCode::Conflict => assert!(change.strict, "seed {seed}"),
            RejectCode::ResetNeeded => assert!(!change.reset, "seed {seed}"),
            RejectCode::DoesNotApply if pending.cold || change.upon <= self.untold => {
                assert!(
                    refused.reason.contains("made upon op"),
                    "seed {seed}: {refused:?}"
                );
                totals.untold += 1;
                self.untold = change.id;
            }
            _ => panic!("seed {seed}: {refused:?} of {change:?}"),
        }
    }
}

/// What somebody does: one to three patches, each on what those before it have left.
fn draw(rng: &mut StdRng, view: &Value) -> Vec<Patch> {
    let mut value = view.clone();
    let mut patches = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let patch: Patch = serde_json::from_value(draw_patch(rng, &value)).unwrap();
        value = apply::apply(value, std::slice::from_ref(&patch)).unwrap();
        patches.push(patch);
    }
    patches
}

fn draw_patch(rng: &mut StdRng, value: &Value) -> Value {
    if rng.random_bool(0.01) || !value.is_object() {
        return json!({ "op": "replace", "path": [], "value": { "l": [draw_value(rng)], "x": 2 } });
    }
    let list = *["l", "m"].choose(rng).unwrap();
    let Some(items) = value[list].as_array().filter(|_| rng.random_bool(0.7)) else {
        let key = *["x", "y", "l", "m", "2", "1"].choose(rng).unwrap();
        return match rng.random_range(0..8) {
            0 => json!({ "op": "remove", "path": [key] }),
            1..3 => json!({ "op": "add", "path": [key], "value": [draw_value(rng)] }),
            3..5 if value["y"].is_object() => {
                let inner = *["x", "y", "length", "-"].choose(rng).unwrap();
                json!({ "op": "add", "path": ["y", inner], "value": draw_value(rng) })
            }
            _ => json!({ "op": "replace", "path": [key], "value": draw_value(rng) }),
        };
    };
    let at = |rng: &mut StdRng| rng.random_range(0..items.len());
    match rng.random_range(0..10) {
        0..3 => {
            json!({ "op": "add", "path": [list, rng.random_range(0..=items.len())], "value": draw_value(rng) })
        }
        _ if items.is_empty() => json!({ "op": "add", "path": [list, 0], "value": draw_value(rng) }),
        3..5 => json!({ "op": "remove", "path": [list, at(rng)] }),
        5..7 => json!({ "op": "move", "path": [list, at(rng)], "from": at(rng) }),
        _ => match at(rng) {
            index if items[index].is_object() => {
                json!({ "op": "replace", "path": [list, index, "n"], "value": rng.random_range(0..100) })
            }
            index => json!({ "op": "replace", "path": [list, index], "value": draw_value(rng) }),
        },
    }
}

fn draw_value(rng: &mut StdRng) -> Value {
    match rng.random_range(0..6) {
        0 => json!({ "id": rng.random_range(0..5), "n": rng.random_range(0..100) }),
        1 => json!({ "n": {} }),
        2 => json!([]),
        _ => json!(rng.random_range(0..1000)),
    }
}
