//! Runs a plan: lets its steps happen, heals everything, and looks at what is left when all is quiet.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic;
use std::rc::Rc;
use std::sync::Once;
use std::time::Duration;

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Epoch, Secret};
use patchcast_session::{Phase, Restored};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::{App, By};
use crate::client::{Birth, Command, Life};
use crate::ledger::{Fate, key_of};
use crate::link::Farewell;
use crate::mutation::Mutation;
use crate::outbox::Outbox;
use crate::plain::{self, Board};
use crate::plan::{Act, Keeps, Plan};
use crate::world::{Who, World};

/// How a plan is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The rule that is broken on purpose.
    pub mutation: Option<Mutation>,
    /// Whether what happens is noted.
    pub trace: bool,
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What went wrong, the first first.
    pub failures: Vec<String>,
    /// What happened, when that was to be noted.
    pub trace: Vec<String>,
    /// Ops that were submitted.
    pub ops: usize,
    /// Virtual time that went by.
    pub elapsed: Duration,
}

/// Runs a plan from its beginning until nothing is left of it.
pub fn run(plan: &Plan, options: Options) -> Outcome {
    note_panics();
    PANICS.take();
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing that could be missing");
    LocalSet::new().block_on(&runtime, async {
        let world = World::new(plan, options.mutation, options.trace);
        let doubt = spawn_local(end_in_doubt(world.clone()));
        let mut stage = Stage::new(world.clone());
        stage.perform(plan).await;
        doubt.abort();
        for what in PANICS.take() {
            world.fail(format_args!("{what}"));
        }
        let failures = world.failures().clone();
        Outcome {
            failures,
            trace: world.take_trace(),
            ops: world.ledger().len(),
            elapsed: world.elapsed(),
        }
    })
}

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A task that panics would otherwise only fall silent.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
        }));
    });
}

/// How long it takes until everything has noticed what was wrong: the idle timeout of the server, two rounds of the client's
/// heartbeat and the longest backoff.
const QUIET: Duration = Duration::from_secs(150);

struct Stage {
    world: Rc<World>,
    clients: Vec<Client>,
    plain: Vec<PlainClient>,
}

struct Client {
    /// The newest life last.
    lives: Vec<LifeHandle>,
    outbox: Rc<RefCell<Outbox>>,
    secret: Secret,
    born: usize,
}

struct LifeHandle {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
    app: Rc<RefCell<App>>,
    owns_outbox: Rc<Cell<bool>>,
}

struct PlainClient {
    send: mpsc::UnboundedSender<()>,
    board: Rc<RefCell<Board>>,
}

impl Stage {
    fn new(world: Rc<World>) -> Stage {
        let clients = (0..world.setup.clients.len()).map(|client| Client {
            lives: Vec::new(),
            outbox: new_outbox(&world, client, 0),
            secret: secret_of(&world, client, 0),
            born: 0,
        });
        let plain = (0..world.setup.plain.len()).map(|client| {
            let (send, commands) = mpsc::unbounded_channel();
            let board = Rc::new(RefCell::default());
            spawn_local(plain::run(world.clone(), client, Rc::clone(&board), commands));
            PlainClient { send, board }
        });
        let (clients, plain) = (clients.collect(), plain.collect());
        let mut stage = Stage {
            world,
            clients,
            plain,
        };
        for client in 0..stage.clients.len() {
            stage.bear(client, None);
        }
        stage
    }

    async fn perform(&mut self, plan: &Plan) {
        for (number, step) in &plan.steps {
            sleep_until(self.world.begin + step.at).await;
            self.world.trace(|| format!("step {number}: {:?}", step.act));
            self.act(step.act).await;
        }
        sleep(Duration::from_secs(1)).await;
        self.world.trace(|| "everything is healed".into());
        self.world.heal();
        sleep(QUIET).await;
        if self.revive() {
            sleep(QUIET).await;
        }
        self.check("when all is quiet");
        for client in 0..self.clients.len() {
            self.tell_all(client, Command::Submit { ops: 2, bytes: 10 });
        }
        for plain in &self.plain {
            let _ = plain.send.send(());
        }
        sleep(Duration::from_secs(20)).await;
        self.check("after one op more of everyone");
        self.end().await;
    }

    async fn act(&mut self, act: Act) {
        let world = self.world.clone();
        match act {
            Act::Submit { client, ops, bytes } => self.tell(client, Command::Submit { ops, bytes }),
            Act::Show { client, nothing } => self.tell(client, Command::Show { nothing }),
            Act::PlainSend { client } => drop(self.plain[client].send.send(())),
            Act::Cut {
                client,
                reader,
                bytes,
                farewell,
            } => world.cut(Who::Client(client), reader, bytes, farewell),
            Act::PlainCut { client, bytes } => {
                let side = crate::link::Side::Client;
                world.cut(Who::Plain(client), side, bytes, Farewell::Reset);
            }
            Act::Silence { client } => world.with_link(Who::Client(client), |link| link.go_silent()),
            Act::Latency { client, latency } => {
                world.with_link(Who::Client(client), |link| link.set_latency(latency));
            }
            Act::Freeze { client, time } => self.tell(client, Command::Freeze(time)),
            Act::Online { client } => self.tell(client, Command::Online),
            Act::Reload { client, farewell } => {
                world.with_link(Who::Client(client), |link| link.set_farewell(farewell));
                self.reload(client, false).await;
            }
            // Two that give out ids without knowing of each other are more than a session can tell apart.
            Act::Forget { client } if self.clients[client].lives.len() > 1 => {}
            Act::Forget { client } => {
                self.clients[client].outbox.borrow_mut().lose();
                self.reload(client, true).await;
            }
            Act::SecondTab { client } => self.open_second_tab(client).await,
            Act::Crash { down, farewell } => self.crash(down, farewell, false).await,
            Act::LoseLogs { down } => self.crash(down, Farewell::Reset, true).await,
            Act::ShutDown { down } => drop(spawn_local(shut_down(world, down))),
            Act::SetClock { forwards, by } => {
                let by = by.as_millis() as i64;
                world.set_clock(if forwards { by } else { -by });
            }
            Act::Refuse { time } => {
                let until = Instant::now() + time;
                world.disk.trouble(|trouble| trouble.refuses_until = until);
            }
            Act::FailReads { time } => {
                let until = Instant::now() + time;
                world.disk.trouble(|trouble| trouble.reads_fail_until = until);
            }
            Act::Slow { time } => {
                let until = Instant::now() + time;
                world.disk.trouble(|trouble| trouble.slow_until = until);
            }
            Act::Doubt => world.disk.trouble(|trouble| trouble.doubt = true),
        }
    }

    /// Ends the server without a word, and begins it again after a while.
    async fn crash(&self, down: Duration, farewell: Farewell, lose: bool) {
        let world = self.world.clone();
        let Some(server) = world.take_server() else {
            return;
        };
        world.set_farewell(farewell);
        server.crash().await;
        world.disk.crash();
        if lose {
            world.lose_logs();
        }
        spawn_local(async move {
            sleep(down).await;
            world.start_server();
        });
    }

    fn tell(&self, client: usize, command: Command) {
        if let Some(life) = self.clients[client].lives.last() {
            let _ = life.commands.send(command);
        }
    }

    fn tell_all(&self, client: usize, command: Command) {
        for life in &self.clients[client].lives {
            let _ = life.commands.send(command);
        }
    }

    /// Ends the newest life without a word, and begins another with what was kept.
    async fn reload(&mut self, client: usize, forgetful: bool) {
        let Some(life) = self.clients[client].lives.pop() else {
            return;
        };
        life.task.abort();
        let _ = life.task.await;
        let mut earlier = Rc::into_inner(life.app)
            .expect("the life that held it has ended")
            .into_inner();
        earlier.forgetful |= forgetful;
        self.bear(client, Some(earlier));
    }

    /// Begins another life with what was kept, while the one before goes on, and sends what it has, but has handed the outbox over.
    async fn open_second_tab(&mut self, client: usize) {
        let state = &self.clients[client];
        let Some(newest) = state
            .lives
            .last()
            .filter(|_| state.outbox.borrow().keeps() != Keeps::Nothing)
        else {
            return;
        };
        newest.owns_outbox.set(false);
        let written = state.outbox.borrow().written();
        sleep_until(written).await;
        for life in &state.lives {
            let mut app = life.app.borrow_mut();
            (app.contested, app.replaceable) = (true, true);
        }
        let earlier = newest.app.borrow().clone();
        self.bear(client, Some(earlier));
    }

    fn bear(&mut self, client: usize, earlier: Option<App>) {
        let world = self.world.clone();
        let setup = world.setup.clients[client];
        let state = &mut self.clients[client];
        let number = state.born;
        state.born += 1;
        if setup.keeps == Keeps::Nothing && number > 0 {
            state.secret = secret_of(&world, client, number);
            state.outbox = new_outbox(&world, client, number);
        }
        let author = Author::of(&state.secret);
        let name = format!("client {client}.{number}");
        let mut app = App::new(world.clone(), name, world.room_of(client), author, setup.echo);
        let (restored, position) = match number {
            0 => (Restored::default(), None),
            _ => state.outbox.borrow_mut().restore(),
        };
        if let Some(earlier) = earlier {
            inherit(&world, &mut app, earlier, &restored, position);
        }
        let app = Rc::new(RefCell::new(app));
        let owns_outbox = Rc::new(Cell::new(true));
        let life = Life::new(
            world,
            Birth {
                client,
                life: number,
                secret: state.secret.clone(),
                restored,
                app: app.clone(),
                outbox: state.outbox.clone(),
                owns_outbox: owns_outbox.clone(),
            },
        );
        let (commands, receiver) = mpsc::unbounded_channel();
        let task = spawn_local(life.run(receiver));
        state.lives.push(LifeHandle {
            commands,
            task,
            app,
            owns_outbox,
        });
    }

    /// Whoever was told to stop, because another life of the client had come, begins anew, so that everybody lives.
    fn revive(&mut self) -> bool {
        let mut revived = false;
        for client in 0..self.clients.len() {
            let lives = &self.clients[client].lives;
            if lives.iter().all(|life| life.app.borrow().phase == Phase::Closed) {
                let earlier = lives.last().map(|life| life.app.borrow().clone());
                self.bear(client, earlier);
                revived = true;
            }
        }
        revived
    }

    /// Of what a life waited for that was told to stop, nobody knows what became.
    fn give_up_on_the_stopped(&self) {
        let mut ledger = self.world.ledger();
        for life in self.clients.iter().flat_map(|client| &client.lives) {
            let app = life.app.borrow();
            if app.phase == Phase::Closed {
                for waiting in app.waiting.values() {
                    if ledger.fate(waiting.key) == Some(Fate::Waiting) {
                        ledger.settle(waiting.key, Fate::Unknown);
                    }
                }
            }
        }
    }

    fn check(&self, when: &str) {
        self.give_up_on_the_stopped();
        let world = &self.world;
        let fail = |what: String| world.fail(format_args!("{when}: {what}"));
        for (client, state) in self.clients.iter().enumerate() {
            let mut living = state.lives.iter().map(|life| life.app.borrow());
            let living: Vec<_> = living.by_ref().filter(|app| app.phase != Phase::Closed).collect();
            if living.len() != 1 {
                fail(format!("client {client} has {} lives", living.len()));
            }
            for app in living {
                for what in self.faults_of(client, &app) {
                    fail(format!("client {client} {what}"));
                }
            }
        }
        for what in world.ledger().audit(&self.logs()) {
            fail(what);
        }
        for (client, plain) in self.plain.iter().enumerate() {
            let dialect = world.setup.plain[client];
            let board = plain.board.borrow();
            let expected = plain::expected(dialect, &world.plain_log(dialect), &board.sent);
            if board.seen != expected {
                fail(format!(
                    "plain client {client} has seen {:?} instead of {expected:?}",
                    board.seen
                ));
            }
        }
    }

    fn faults_of(&self, client: usize, app: &App) -> Vec<String> {
        let mut faults = Vec::new();
        if app.phase != Phase::Live {
            faults.push(format!("is {:?}", app.phase));
        }
        if !app.waiting.is_empty() {
            let ids: Vec<_> = app.waiting.keys().collect();
            faults.push(format!("waits for {ids:?}"));
        }
        let log = self.world.disk.entries(&self.world.room_of(client));
        let same = app.view.len() == log.len()
            && app.view.iter().zip(&log).all(|(seen, entry)| {
                seen.author == entry.author && seen.id == entry.op && seen.data.as_bytes() == entry.payload
            });
        if !same {
            faults.push(format!(
                "has {} of {} entries, or others",
                app.view.len(),
                log.len()
            ));
        }
        if self.world.setup.clients[client].watches {
            let shown = self.shown_in(self.world.setup.clients[client].room);
            if app.presence != shown {
                faults.push(format!("sees {:?}, and there is {shown:?}", app.presence));
            }
        }
        faults
    }

    /// What the living show in a room.
    fn shown_in(&self, room: usize) -> BTreeMap<Author, String> {
        let mut shown = BTreeMap::new();
        for (client, state) in self.clients.iter().enumerate() {
            if self.world.setup.clients[client].room != room {
                continue;
            }
            for life in &state.lives {
                let app = life.app.borrow();
                if let (Phase::Live, Some(shows)) = (app.phase, &app.shows) {
                    shown.insert(app.author, shows.clone());
                }
            }
        }
        shown
    }

    fn logs(&self) -> Vec<(Epoch, Vec<NewEntry>)> {
        let mut rooms: Vec<_> = (0..self.clients.len())
            .map(|client| self.world.room_of(client))
            .collect();
        rooms.sort();
        rooms.dedup();
        let disk = &self.world.disk;
        let log = |room| Some((disk.epoch(&room)?, disk.entries(&room)));
        rooms.into_iter().filter_map(log).collect()
    }

    /// Everybody goes, and nothing may be left of them.
    async fn end(&mut self) {
        let world = self.world.clone();
        for client in 0..self.clients.len() {
            self.tell_all(client, Command::Close);
        }
        self.plain.clear();
        sleep(Duration::from_secs(5)).await;
        self.clients.clear();
        sleep(Duration::from_secs(5)).await;
        if let Some(server) = &*world.server() {
            let (connections, rooms) = (server.connections(), server.open_rooms());
            if (connections, rooms) != (0, 0) {
                world.fail(format_args!(
                    "{connections} connections and {rooms} rooms are left"
                ));
            }
        }
        let (links, logs) = (world.links_alive(), world.disk.open_logs());
        if (links, logs) != (0, 0) {
            world.fail(format_args!("{links} links and {logs} open logs are left"));
        }
        if let Some(server) = world.take_server()
            && !server.ends_by_itself().await
        {
            world.fail(format_args!("tasks of the server are left"));
        }
    }
}

/// Ends the server in order, and begins it again after a while.
async fn shut_down(world: Rc<World>, down: Duration) {
    let Some(server) = world.take_server() else {
        return;
    };
    server.shut_down().await;
    // What is under way all the same is cut short by the end of the process.
    world.disk.crash();
    sleep(down).await;
    world.start_server();
}

/// A store that does not know what it has kept makes the server end.
async fn end_in_doubt(world: Rc<World>) {
    loop {
        world.disk.doubtful().await;
        world.trace(|| "the store is in doubt".into());
        shut_down(world.clone(), Duration::from_millis(100)).await;
    }
}

/// What a life takes over from the one before: what the database has, and what has become of the rest.
fn inherit(
    world: &World,
    app: &mut App,
    earlier: App,
    restored: &Restored<crate::outbox::Data>,
    position: Option<patchcast_protocol::ids::Position>,
) {
    let same = app.author == earlier.author;
    let lost = match (same, earlier.contested || earlier.forgetful) {
        (true, false) => Fate::NeverSent,
        _ => Fate::Unknown,
    };
    for (id, waiting) in &earlier.waiting {
        if !restored.pending.iter().any(|op| op.id == *id) {
            world.ledger().settle(waiting.key, lost);
        }
    }
    if !same {
        return;
    }
    app.forgetful = earlier.forgetful;
    app.replaceable = earlier.replaceable;
    for op in &restored.pending {
        if let Some(key) = key_of(op.data.get().as_bytes()) {
            app.submitted(op.id, key, op.data.clone(), By::Earlier);
        }
    }
    app.follow(earlier, position);
}

fn secret_of(world: &World, client: usize, life: usize) -> Secret {
    let drawn = world.draw_for(&["secret", &client.to_string(), &life.to_string()]);
    Secret::parse(&format!("{drawn:032x}")).expect("32 digits are a secret")
}

fn new_outbox(world: &World, client: usize, life: usize) -> Rc<RefCell<Outbox>> {
    let drawn = world.draw_for(&["outbox", &client.to_string(), &life.to_string()]);
    let keeps = world.setup.clients[client].keeps;
    let random = SmallRng::seed_from_u64(drawn);
    Rc::new(RefCell::new(Outbox::new(keeps, random, world.mutation)))
}
