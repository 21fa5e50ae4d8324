//! Whom a plan is about: begins and ends the lives of clients and servers, and does to them what the steps say.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::{Author, Position, Secret};
use patchcast_session::{Phase, Restored};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use crate::app::{App, By};
use crate::client::{Birth, Command, Life};
use crate::ledger::{Fate, key_of};
use crate::link::{Farewell, Side};
use crate::outbox::{Data, Outbox};
use crate::plain::{self, Board};
use crate::plan::{Act, Keeps, Plan};
use crate::verdict::nothing_is_left;
use crate::world::{Who, World};

/// How long it takes until everything has noticed what was wrong: the idle timeout of the server, two rounds of the client's
/// heartbeat and the longest backoff.
const QUIET: Duration = Duration::from_secs(150);

pub(crate) struct Stage {
    pub(crate) world: Rc<World>,
    pub(crate) clients: Vec<Client>,
    pub(crate) plain: Vec<PlainClient>,
}

pub(crate) struct Client {
    /// The newest life last.
    pub(crate) lives: Vec<LifeHandle>,
    outbox: Rc<RefCell<Outbox>>,
    secret: Secret,
    born: usize,
}

pub(crate) struct LifeHandle {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
    pub(crate) app: Rc<RefCell<App>>,
    owns_outbox: Rc<Cell<bool>>,
}

pub(crate) struct PlainClient {
    send: mpsc::UnboundedSender<()>,
    pub(crate) board: Rc<RefCell<Board>>,
}

impl Stage {
    pub(crate) fn new(world: Rc<World>) -> Stage {
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

    pub(crate) async fn perform(&mut self, plan: &Plan) {
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
            Act::Show {
                client,
                changes,
                nothing,
            } => self.show(client, changes, nothing),
            Act::PlainSend { client } => drop(self.plain[client].send.send(())),
            Act::Cut {
                client,
                reader,
                bytes,
                farewell,
            } => world.cut(Who::Client(client), reader, bytes, farewell),
            Act::PlainCut { client, bytes } => {
                let side = Side::Client;
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

    fn show(&self, client: usize, changes: usize, nothing: bool) {
        let Some(commands) = self.clients[client]
            .lives
            .last()
            .map(|life| life.commands.clone())
        else {
            return;
        };
        spawn_local(async move {
            for left in (0..changes).rev() {
                let nothing = nothing == (left % 2 == 0);
                let _ = commands.send(Command::Show { nothing });
                sleep(Duration::from_millis(60)).await;
            }
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
        nothing_is_left(&world).await;
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
pub(crate) async fn end_in_doubt(world: Rc<World>) {
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
    restored: &Restored<Data>,
    position: Option<Position>,
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
