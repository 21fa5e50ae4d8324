//! What all parts of a run share: the clocks, the disk, the network, and what was seen to go wrong.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::{Position, Timestamp};
use patchcast_protocol::message::Durability;
use patchcast_protocol::room::{RoomId, RoomName};
use patchcast_server::clock::Clock;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::disk::Disk;
use crate::document::chronicle::Chronicle;
use crate::ledger::Ledger;
use crate::link::{Farewell, Link, LinkEnd, Shape, Side};
use crate::mutation::Mutation;
use crate::plain;
use crate::plan::{Holds, Plan, Setup};
use crate::server::Server;

/// One run.
pub struct World {
    seed: u64,
    /// Who takes part.
    pub setup: Setup,
    /// The rule that is broken on purpose.
    pub mutation: Option<Mutation>,
    /// When virtual time began.
    pub begin: Instant,
    /// What outlives the server.
    pub disk: Disk,
    server: RefCell<Option<Server>>,
    shape: Cell<Shape>,
    healed: Cell<bool>,
    /// Wakes in order; those who wait for a `watch` are woken in any.
    healing: Notify,
    wall: Arc<AtomicI64>,
    logs_lost: Cell<usize>,
    ledger: RefCell<Ledger>,
    chronicle: RefCell<Chronicle>,
    links: RefCell<Links>,
    failures: RefCell<Vec<String>>,
    trace: Option<RefCell<Vec<String>>>,
}

#[derive(Default)]
struct Links {
    all: Vec<(Who, Link)>,
    newest: BTreeMap<Who, Link>,
    /// Cuts for connections that are not there yet.
    cuts: BTreeMap<Who, (Side, usize, Farewell)>,
    leaked: Vec<LinkEnd>,
}

/// Whose connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// A client of sessions.
    Client(usize),
    /// A client of a plain dialect.
    Plain(usize),
}

impl World {
    /// A world in which nothing has happened, with a server that runs. Within a runtime whose time is paused.
    pub fn new(plan: &Plan, mutation: Option<Mutation>, trace: bool) -> Rc<World> {
        let random = SmallRng::seed_from_u64(draw(plan.seed, &["disk"]));
        let world = Rc::new(World {
            seed: plan.seed,
            setup: plan.setup.clone(),
            mutation,
            begin: Instant::now(),
            disk: Disk::new(plan.setup.append_latency, random, mutation),
            server: RefCell::new(None),
            shape: Cell::new(plan.setup.link),
            healed: Cell::new(false),
            healing: Notify::new(),
            wall: Arc::new(AtomicI64::new(1_767_225_600_000)),
            logs_lost: Cell::new(0),
            ledger: RefCell::default(),
            chronicle: RefCell::default(),
            links: RefCell::default(),
            failures: RefCell::default(),
            trace: trace.then(RefCell::default),
        });
        world.start_server();
        world
    }

    /// A number that the seed and the names give, so that what is drawn for one thing moves nothing else.
    pub fn draw_for(&self, names: &[&str]) -> u64 {
        draw(self.seed, names)
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// What becomes of the ops.
    pub fn ledger(&self) -> RefMut<'_, Ledger> {
        self.ledger.borrow_mut()
    }

    /// Notes that a rule does not hold.
    pub fn fail(&self, what: fmt::Arguments<'_>) {
        let at = self.elapsed().as_secs_f64();
        self.trace(|| format!("FAILS: {what}"));
        self.failures.borrow_mut().push(format!("at {at:.3} s {what}"));
    }

    /// What was seen to go wrong.
    pub fn failures(&self) -> Ref<'_, Vec<String>> {
        self.failures.borrow()
    }

    /// Notes what happens, when somebody wants to know.
    pub fn trace(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let at = self.elapsed().as_secs_f64();
            trace.borrow_mut().push(format!("{at:>9.3} {}", what()));
        }
    }

    /// What was noted.
    pub fn take_trace(&self) -> Vec<String> {
        self.trace.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// How often all logs were lost.
    pub fn logs_lost(&self) -> usize {
        self.logs_lost.get()
    }

    /// The room that a client of sessions is in.
    pub fn room_of(&self, client: usize) -> RoomId {
        let setup = self.setup.clients[client];
        let dialect = match setup.holds {
            Holds::Stream => Dialect::Sessions,
            Holds::Document => Dialect::Documents,
        };
        room(dialect, &format!("room-{}", setup.room))
    }

    /// What a document is at a position, or why there is nothing.
    pub fn document_at(&self, room: &RoomId, position: Position) -> Result<Rc<Value>, String> {
        self.chronicle.borrow_mut().state(&self.disk, room, position)
    }

    /// What the log of a plain dialect's room says.
    pub fn plain_log(&self, dialect: Dialect) -> Vec<String> {
        let entries = self.disk.entries(&room(dialect, ""));
        entries
            .iter()
            .flat_map(|entry| plain::texts(dialect, &entry.payload))
            .collect()
    }

    /// A new life of the server, if there is none.
    pub fn start_server(&self) {
        let mut server = self.server.borrow_mut();
        if server.is_none() {
            let (wall, begin) = (self.wall.clone(), self.begin);
            let clock = Clock::new(move || {
                let now = wall.load(Ordering::Relaxed) + begin.elapsed().as_millis() as i64;
                Timestamp(now.max(0) as u64)
            });
            *server = Some(Server::start(
                self.disk.store(Durability::Fsync),
                clock,
                self.setup.documents,
            ));
        }
    }

    /// The server that runs, taken away.
    pub fn take_server(&self) -> Option<Server> {
        self.server.borrow_mut().take()
    }

    /// The server that runs.
    pub fn server(&self) -> Ref<'_, Option<Server>> {
        self.server.borrow()
    }

    /// Decides what the clients learn when the server's process ends.
    pub fn set_farewell(&self, farewell: Farewell) {
        for (who, link) in &self.links.borrow().all {
            link.set_farewell(match (who, farewell) {
                // The plain dialects have no way to notice.
                (Who::Plain(_), Farewell::Silence) => Farewell::Reset,
                _ => farewell,
            });
        }
    }

    /// All logs are lost.
    pub fn lose_logs(&self) {
        // Somebody may still be somewhere in them.
        let rooms = (0..self.setup.clients.len()).map(|client| self.room_of(client));
        for room in rooms.filter(|room| room.dialect == Dialect::Documents) {
            if let Err(what) = self.chronicle.borrow_mut().follow(&self.disk, &room) {
                self.fail(format_args!("{what}"));
            }
        }
        self.disk.lose_everything();
        self.logs_lost.set(self.logs_lost.get() + 1);
    }

    /// Sets the server's wall clock.
    pub fn set_clock(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::Relaxed);
    }

    /// Lets something happen to the newest connection of a client, if there is one.
    pub fn with_link(&self, who: Who, act: impl FnOnce(&Link)) {
        if let Some(link) = self.links.borrow().newest.get(&who) {
            act(link);
        }
    }

    /// Cuts the newest connection of a client, or its next.
    pub fn cut(&self, who: Who, reader: Side, bytes: usize, farewell: Farewell) {
        let mut links = self.links.borrow_mut();
        match links.newest.get(&who).filter(|link| link.ends() > 0) {
            Some(link) => link.cut_after(reader, bytes, farewell),
            None => drop(links.cuts.insert(who, (reader, bytes, farewell))),
        }
    }

    /// Resolves once nothing more is to go wrong.
    pub async fn healed(&self) {
        if !self.healed.get() {
            self.healing.notified().await;
        }
    }

    /// Calls off what was to happen to the disk and to connections, and makes the network a good one.
    pub fn heal(&self) {
        self.healed.set(true);
        self.healing.notify_waiters();
        let now = Instant::now();
        self.disk.trouble(|trouble| {
            trouble.refuses_until = now;
            trouble.reads_fail_until = now;
            trouble.slow_until = now;
            trouble.doubt = false;
        });
        self.shape.set(Shape {
            latency: self.setup.link.latency.min(Duration::from_millis(20)),
            capacity: self.setup.link.capacity.max(64 << 10),
        });
        let mut links = self.links.borrow_mut();
        links.cuts.clear();
        for (_, link) in &links.all {
            link.heal(self.shape.get());
        }
    }

    /// How many connections somebody still holds an end of.
    pub fn links_alive(&self) -> usize {
        self.links
            .borrow()
            .all
            .iter()
            .filter(|(_, link)| link.ends() > 0)
            .count()
    }

    /// Connects a client of sessions.
    pub fn dial(
        self: &Rc<Self>,
        client: usize,
    ) -> impl Future<Output = Option<WebSocketStream<LinkEnd>>> + use<> {
        // A document and a stream of one name are told apart by the hello only.
        let RoomId { name, .. } = self.room_of(client);
        let dialect = Dialect::Sessions;
        self.clone()
            .connect(Who::Client(client), RoomId { dialect, name })
    }

    /// Connects a client of a plain dialect.
    pub fn dial_plain(
        self: &Rc<Self>,
        client: usize,
    ) -> impl Future<Output = Option<WebSocketStream<LinkEnd>>> + use<> {
        self.clone()
            .connect(Who::Plain(client), room(self.setup.plain[client], ""))
    }

    async fn connect(self: Rc<Self>, who: Who, room: RoomId) -> Option<WebSocketStream<LinkEnd>> {
        sleep(self.shape.get().latency).await;
        let number = self.links.borrow().all.len();
        let seed = self.draw_for(&["link", &format!("{who:?}"), &number.to_string()]);
        let mut random = SmallRng::seed_from_u64(seed);
        let mut shape = self.shape.get();
        // Some go a long way round: what was sent by one connection may arrive after what was sent by the next.
        if !self.healed.get() && random.random_ratio(1, 8) {
            shape.latency = (shape.latency * 20).min(Duration::from_secs(4));
        }
        let (link, client_end, server_end) = Link::new(shape, random);
        self.server.borrow().as_ref()?.accept(server_end, room);
        {
            let mut links = self.links.borrow_mut();
            if let Some((reader, bytes, farewell)) = links.cuts.remove(&who) {
                link.cut_after(reader, bytes, farewell);
            }
            links.all.push((who, link.clone()));
            links.newest.insert(who, link);
        }
        let mut client_end = client_end;
        if self.mutation == Some(Mutation::ConnectionLeaked) && number > 3 {
            client_end = self.leak(client_end)?;
        }
        Some(WebSocketStream::from_raw_socket(client_end, Role::Client, None).await)
    }

    /// Keeps a connection's end for good.
    fn leak(&self, end: LinkEnd) -> Option<LinkEnd> {
        let mut links = self.links.borrow_mut();
        if links.leaked.is_empty() {
            links.leaked.push(end);
            return None;
        }
        Some(end)
    }
}

fn draw(seed: u64, names: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, names).hash(&mut hasher);
    hasher.finish()
}

fn room(dialect: Dialect, name: &str) -> RoomId {
    let name = RoomName::parse(name).expect("the simulator's rooms have names of letters");
    RoomId { dialect, name }
}
