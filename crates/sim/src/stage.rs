//! Whom a plan is about: does to clients and servers what the steps say.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

use crate::document::Document;
use crate::life::Command;
use crate::link::{Farewell, Side};
use crate::lives::{Client, Lives};
use crate::plain::{self, Board};
use crate::plan::{Act, Holds, Plan};
use crate::stream::Stream;
use crate::verdict::nothing_is_left;
use crate::world::{Who, World};

/// How long it takes until everything has noticed what was wrong: the idle timeout of the server, two rounds of the client's
/// heartbeat and the longest backoff.
const QUIET: Duration = Duration::from_secs(150);

pub(crate) struct Stage {
    pub(crate) world: Rc<World>,
    pub(crate) clients: Vec<Box<dyn Client>>,
    pub(crate) plain: Vec<PlainClient>,
}

pub(crate) struct PlainClient {
    send: mpsc::UnboundedSender<()>,
    pub(crate) board: Rc<RefCell<Board>>,
}

impl Stage {
    pub(crate) fn new(world: Rc<World>) -> Stage {
        let plain = (0..world.setup.plain.len()).map(|client| {
            let (send, commands) = mpsc::unbounded_channel();
            let board = Rc::new(RefCell::default());
            spawn_local(plain::run(world.clone(), client, Rc::clone(&board), commands));
            PlainClient { send, board }
        });
        let plain = plain.collect();
        let clients = world.setup.clients.iter().enumerate();
        let clients = clients.map(|(client, setup)| match setup.holds {
            Holds::Stream => Box::new(Lives::<Stream>::new(&world, client)) as Box<dyn Client>,
            Holds::Document => Box::new(Lives::<Document>::new(&world, client)),
        });
        Stage {
            clients: clients.collect(),
            plain,
            world,
        }
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
        self.calm_down().await;
        self.check("when all is quiet");
        self.begin_anew().await;
        self.check("when some had nothing, and were told all");
        for client in &self.clients {
            client.tell_all(Command::Submit {
                ops: 2,
                bytes: 10,
                draw: 0,
            });
        }
        for plain in &self.plain {
            let _ = plain.send.send(());
        }
        sleep(Duration::from_secs(20)).await;
        self.check("after one op more of everyone");
        self.end().await;
    }

    /// Until everybody is there, and has what there is.
    async fn calm_down(&mut self) {
        sleep(QUIET).await;
        // Whoever was told to stop, because another life of the client had come, begins anew, so that everybody lives.
        let revived = self.clients.iter_mut().map(|client| client.revive());
        if revived.fold(false, |any, revived| any | revived) {
            sleep(QUIET).await;
        }
    }

    /// What everybody has come to is what somebody is told who comes for the first time, and in half of the runs after a crash.
    async fn begin_anew(&mut self) {
        if self.world.draw_for(&["crash at the end"]).is_multiple_of(2) {
            self.crash(Duration::from_millis(100), Farewell::Finish, false)
                .await;
        }
        for client in (0..self.clients.len()).step_by(2) {
            if self.clients[client].lives() == 1 {
                self.reload(client, true).await;
            }
        }
        sleep(Duration::from_secs(20)).await;
    }

    async fn act(&mut self, act: Act) {
        let world = self.world.clone();
        match act {
            Act::Submit {
                client,
                ops,
                bytes,
                draw,
            } => self.clients[client].tell(Command::Submit { ops, bytes, draw }),
            Act::Undo { client, steps, redo } => self.clients[client].tell(Command::Undo { steps, redo }),
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
            Act::Freeze { client, time } => self.clients[client].tell(Command::Freeze(time)),
            Act::Online { client } => self.clients[client].tell(Command::Online),
            Act::Reload { client, farewell } => {
                world.with_link(Who::Client(client), |link| link.set_farewell(farewell));
                self.reload(client, false).await;
            }
            // Two that give out ids without knowing of each other are more than a session can tell apart.
            Act::Forget { client } if self.clients[client].lives() > 1 => {}
            Act::Forget { client } => self.reload(client, true).await,
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
        let Some(commands) = self.clients[client].commands() else {
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

    /// Ends the newest life without a word, and begins another with what was kept.
    async fn reload(&mut self, client: usize, forgets: bool) {
        if let Some(ended) = self.clients[client].end_newest() {
            let _ = ended.await;
            self.clients[client].bear_again(forgets);
        }
    }

    /// Begins another life with what was kept, while the one before goes on, and sends what it has, but has handed the outbox over.
    async fn open_second_tab(&mut self, client: usize) {
        if let Some(written) = self.clients[client].hand_over() {
            sleep_until(written).await;
            self.clients[client].bear_beside();
        }
    }

    /// Everybody goes, and nothing may be left of them.
    async fn end(&mut self) {
        let world = self.world.clone();
        for client in &self.clients {
            client.tell_all(Command::Close);
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
