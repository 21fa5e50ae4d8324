//! A client over all its lives: begun, ended without a word, begun again with what was kept, and sometimes two at a time.

use std::cell::{Cell, Ref, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use patchcast_protocol::ids::{Author, OpId, Secret};
use patchcast_session::Phase;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::Instant;

use crate::ledger::{Fate, OpKey};
use crate::life::{Birth, Command};
use crate::outbox::{Kept, Outbox};
use crate::plan::Keeps;
use crate::witness::Witness;
use crate::world::World;

/// A life, as long as it is driven.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()>>>;

/// What a client of one kind of room is made of.
pub(crate) trait Kind: 'static {
    /// What one life knows.
    type App: Clone + 'static;
    /// What its database has.
    type Kept: Kept;

    /// A life with what is in the outbox, after an earlier one. It runs until it is closed or dropped.
    fn bear(
        birth: Birth,
        witness: Witness,
        earlier: Option<Self::App>,
        outbox: &Rc<RefCell<Outbox<Self::Kept>>>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> (Rc<RefCell<Self::App>>, Running);

    /// What it knows of everything but the room.
    fn witness(app: &Self::App) -> &Witness;

    /// The same.
    fn witness_mut(app: &mut Self::App) -> &mut Witness;

    /// Own ops that are not settled.
    fn waiting(app: &Self::App) -> Vec<(OpId, OpKey)>;

    /// What is wrong with what it knows of the room, when all is quiet.
    fn faults(app: &Self::App) -> Vec<String>;
}

/// A client, whatever its kind of room.
pub(crate) trait Client {
    /// Tells the newest life.
    fn tell(&self, command: Command);

    /// Tells all lives.
    fn tell_all(&self, command: Command);

    /// Where the newest life is told.
    fn commands(&self) -> Option<mpsc::UnboundedSender<Command>>;

    /// How many lives it has at this time.
    fn lives(&self) -> usize;

    /// Ends the newest life without a word; [`bear_again`](Self::bear_again) once it has.
    fn end_newest(&mut self) -> Option<JoinHandle<()>>;

    /// Begins another life with what was kept by the one that was ended. `forgets`: that is nothing, from now on.
    fn bear_again(&mut self, forgets: bool);

    /// Takes the outbox from the newest life, to begin another beside it: from when on everything is kept. `None` if nothing ever is.
    fn hand_over(&mut self) -> Option<Instant>;

    /// Begins another life with what was kept, while the one before goes on, and sends what it has.
    fn bear_beside(&mut self);

    /// If it was told to stop, because another life had come, it begins anew. Whether it did.
    fn revive(&mut self) -> bool;

    /// What its lives know of everything but the room.
    fn witnesses(&self) -> Vec<Ref<'_, Witness>>;

    /// What is wrong with those who live, when all is quiet.
    fn faults(&self) -> Vec<String>;

    /// Of what a life waited for that was told to stop, nobody knows what became.
    fn give_up(&self);
}

/// A client of one kind of room.
pub(crate) struct Lives<K: Kind> {
    world: Rc<World>,
    client: usize,
    /// The newest last.
    lives: Vec<Life<K>>,
    ended: Option<K::App>,
    outbox: Rc<RefCell<Outbox<K::Kept>>>,
    secret: Secret,
    born: usize,
}

struct Life<K: Kind> {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
    app: Rc<RefCell<K::App>>,
    owns_outbox: Rc<Cell<bool>>,
}

impl<K: Kind> Lives<K> {
    /// A client that is begun.
    pub(crate) fn new(world: &Rc<World>, client: usize) -> Lives<K> {
        let mut lives = Lives {
            world: world.clone(),
            client,
            lives: Vec::new(),
            ended: None,
            outbox: new_outbox(world, client, 0),
            secret: secret_of(world, client, 0),
            born: 0,
        };
        lives.bear(None);
        lives
    }

    fn bear(&mut self, earlier: Option<K::App>) {
        let (world, client, number) = (&self.world, self.client, self.born);
        self.born += 1;
        if world.setup.clients[client].keeps == Keeps::Nothing && number > 0 {
            self.secret = secret_of(world, client, number);
            self.outbox = new_outbox(world, client, number);
        }
        let birth = Birth {
            world: world.clone(),
            client,
            life: number,
            secret: self.secret.clone(),
            owns_outbox: Rc::new(Cell::new(true)),
        };
        let author = Author::of(&self.secret);
        let witness = Witness::new(world.clone(), birth.name(), world.room_of(client), author);
        let owns_outbox = birth.owns_outbox.clone();
        let (commands, receiver) = mpsc::unbounded_channel();
        let (app, life) = K::bear(birth, witness, earlier, &self.outbox, receiver);
        self.lives.push(Life {
            commands,
            task: spawn_local(life),
            app,
            owns_outbox,
        });
    }
}

impl<K: Kind> Client for Lives<K> {
    fn tell(&self, command: Command) {
        if let Some(life) = self.lives.last() {
            let _ = life.commands.send(command);
        }
    }

    fn tell_all(&self, command: Command) {
        for life in &self.lives {
            let _ = life.commands.send(command);
        }
    }

    fn commands(&self) -> Option<mpsc::UnboundedSender<Command>> {
        self.lives.last().map(|life| life.commands.clone())
    }

    fn lives(&self) -> usize {
        self.lives.len()
    }

    fn end_newest(&mut self) -> Option<JoinHandle<()>> {
        let life = self.lives.pop()?;
        life.task.abort();
        self.ended = Some(life.app.borrow().clone());
        Some(life.task)
    }

    fn bear_again(&mut self, forgets: bool) {
        let Some(mut earlier) = self.ended.take() else {
            return;
        };
        if forgets {
            self.outbox.borrow_mut().lose();
            K::witness_mut(&mut earlier).forgetful = true;
        }
        self.bear(Some(earlier));
    }

    fn hand_over(&mut self) -> Option<Instant> {
        let outbox = self.outbox.borrow();
        let newest = self.lives.last().filter(|_| outbox.keeps() != Keeps::Nothing)?;
        newest.owns_outbox.set(false);
        Some(outbox.written())
    }

    fn bear_beside(&mut self) {
        for life in &self.lives {
            let mut app = life.app.borrow_mut();
            let witness = K::witness_mut(&mut app);
            (witness.contested, witness.replaceable) = (true, true);
        }
        let earlier = self.lives.last().map(|life| life.app.borrow().clone());
        self.bear(earlier);
    }

    fn revive(&mut self) -> bool {
        let stopped = |life: &Life<K>| K::witness(&life.app.borrow()).phase == Phase::Closed;
        if !self.lives.iter().all(stopped) {
            return false;
        }
        let earlier = self.lives.last().map(|life| life.app.borrow().clone());
        self.bear(earlier);
        true
    }

    fn witnesses(&self) -> Vec<Ref<'_, Witness>> {
        let apps = self.lives.iter().map(|life| life.app.borrow());
        apps.map(|app| Ref::map(app, K::witness)).collect()
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let apps = self.lives.iter().map(|life| life.app.borrow());
        let living: Vec<_> = apps
            .filter(|app| K::witness(app).phase != Phase::Closed)
            .collect();
        if living.len() != 1 {
            faults.push(format!("has {} lives", living.len()));
        }
        for app in living {
            let witness = K::witness(&app);
            if witness.phase != Phase::Live {
                faults.push(format!("is {:?}", witness.phase));
            }
            let waiting: Vec<_> = K::waiting(&app).into_iter().map(|(id, _)| id).collect();
            if !waiting.is_empty() {
                faults.push(format!("waits for {waiting:?}"));
            }
            faults.extend(K::faults(&app));
        }
        faults
    }

    fn give_up(&self) {
        let mut ledger = self.world.ledger();
        for life in &self.lives {
            let app = life.app.borrow();
            if K::witness(&app).phase != Phase::Closed {
                continue;
            }
            for (_, key) in K::waiting(&app) {
                if ledger.fate(key) == Some(Fate::Waiting) {
                    ledger.settle(key, Fate::Unknown);
                }
            }
        }
    }
}

/// Settles what a life waited for that the next one does not find. Whether that one is the same client.
pub(crate) fn disown<K: Kind>(earlier: &K::App, next: &mut Witness, is_kept: impl Fn(OpId) -> bool) -> bool {
    let known = K::witness(earlier);
    let same = next.author == known.author;
    let lost = match (same, known.contested || known.forgetful) {
        (true, false) => Fate::NeverSent,
        _ => Fate::Unknown,
    };
    for (id, key) in K::waiting(earlier) {
        if !is_kept(id) {
            next.world.ledger().settle(key, lost);
        }
    }
    if same {
        next.follow(known);
    }
    same
}

fn secret_of(world: &World, client: usize, life: usize) -> Secret {
    let drawn = world.draw_for(&["secret", &client.to_string(), &life.to_string()]);
    Secret::parse(&format!("{drawn:032x}")).expect("32 digits are a secret")
}

fn new_outbox<K: Kept>(world: &World, client: usize, life: usize) -> Rc<RefCell<Outbox<K>>> {
    let drawn = world.draw_for(&["outbox", &client.to_string(), &life.to_string()]);
    let keeps = world.setup.clients[client].keeps;
    let random = SmallRng::seed_from_u64(drawn);
    Rc::new(RefCell::new(Outbox::new(keeps, random, world.mutation)))
}
