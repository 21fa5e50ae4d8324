//! One life of a client: the real session, driven as a page drives it, over a link that may do anything.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::{Author, OpId, Position, Secret, Seq};
use patchcast_protocol::message::{
    ClientMessage, PresenceChange, ServerMessage, WireEntry, read_server, write_client,
};
use patchcast_session::{Arrived, Event, Input, Output, Own, Phase, Received, Restored, Session, Welcome};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::app::{App, By};
use crate::ledger::{OpKey, data_of};
use crate::mutation::Mutation;
use crate::outbox::{Data, Outbox};
use crate::plan::Keeps;
use crate::socket::{Brought, Connection};
use crate::world::World;

/// What a life is told to do.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Submit ops.
    Submit {
        /// How many.
        ops: usize,
        /// Bytes of padding in each.
        bytes: usize,
    },
    /// Show something else, or nothing.
    Show {
        /// Whether it is nothing.
        nothing: bool,
    },
    /// Do nothing for a while.
    Freeze(Duration),
    /// There is a network.
    Online,
    /// End in order.
    Close,
}

type Entry = WireEntry<Box<RawValue>>;
type Change = PresenceChange<Box<RawValue>>;

/// A client from its beginning to its reload.
pub struct Life {
    world: Rc<World>,
    client: usize,
    life: usize,
    author: Author,
    session: Session<Data, Entry, Change>,
    connection: Connection,
    /// Texts that are to be sent, each as soon as its op is kept.
    unsent: VecDeque<(Option<Instant>, String)>,
    wake_at: Option<Instant>,
    app: Rc<RefCell<App>>,
    outbox: Rc<RefCell<Outbox>>,
    /// Whether the outbox is this life's; until another takes it over.
    owns_outbox: Rc<Cell<bool>>,
    tickets: VecDeque<(OpId, Instant)>,
    submitted: usize,
    shown: usize,
}

/// Who a life is, and what it begins with.
pub struct Birth {
    /// Which client.
    pub client: usize,
    /// Which of its lives.
    pub life: usize,
    /// Its secret.
    pub secret: Secret,
    /// What the life before left.
    pub restored: Restored<Data>,
    /// What it is told by.
    pub app: Rc<RefCell<App>>,
    /// Where its ops are kept.
    pub outbox: Rc<RefCell<Outbox>>,
    /// Whether that is its own.
    pub owns_outbox: Rc<Cell<bool>>,
}

impl Life {
    /// A life that begins to connect.
    pub fn new(world: Rc<World>, birth: Birth) -> Life {
        let setup = world.setup.clients[birth.client];
        let config = patchcast_session::Config {
            presence: setup.watches,
            echo: setup.echo,
            ..Default::default()
        };
        let author = Author::of(&birth.secret);
        let seed = world.draw_for(&["backoff", &birth.client.to_string(), &birth.life.to_string()]);
        let now = world.elapsed();
        Life {
            client: birth.client,
            life: birth.life,
            author,
            session: Session::new(config, birth.secret, birth.restored, seed, now),
            connection: Connection::None,
            unsent: VecDeque::new(),
            wake_at: None,
            app: birth.app,
            outbox: birth.outbox,
            owns_outbox: birth.owns_outbox,
            tickets: VecDeque::new(),
            submitted: 0,
            shown: 0,
            world,
        }
    }

    /// Lives until it is closed.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            self.carry_out();
            if self.session.phase() == Phase::Closed && commands.is_closed() {
                return;
            }
            let (wake_at, kept_at) = (self.wake_at, self.next_kept());
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                brought = self.connection.next() => self.take(brought),
                () = at(wake_at) => {
                    self.wake_at = None;
                    if self.world.mutation != Some(Mutation::HeartbeatOff)
                        || matches!(self.session.phase(), Phase::Offline { .. })
                    {
                        self.input(Input::Woken);
                    }
                }
                () = at(kept_at) => {}
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Submit { ops, bytes } => (0..ops).for_each(|_| self.submit(bytes)),
            Command::Show { nothing } => self.show(nothing),
            Command::Freeze(time) => drop(timeout(time, self.world.healed()).await),
            Command::Online => self.input(Input::Online),
            Command::Close => self.input(Input::Close),
        }
    }

    fn show(&mut self, nothing: bool) {
        self.shown += 1;
        let shows = format!(
            r#"{{"life":"{}.{}","shows":{}}}"#,
            self.client, self.life, self.shown
        );
        let shows = (!nothing).then_some(shows);
        self.app.borrow_mut().shows.clone_from(&shows);
        let data = shows.unwrap_or_else(|| "null".into());
        self.input(Input::Presence(raw(data).into()));
    }

    fn submit(&mut self, bytes: usize) {
        // Ids are given out by whoever has the outbox.
        if !self.owns_outbox.get() {
            return;
        }
        let key = OpKey(self.client, self.life, self.submitted);
        let data: Data = raw(data_of(key, bytes)).into();
        let Ok(id) = self.session.submit(data.clone(), data.get().len()) else {
            return;
        };
        self.submitted += 1;
        self.world.trace(|| format!("{} submits {id}", self.name()));
        self.world.ledger().submit(key, self.author);
        self.app.borrow_mut().submitted(id, key, data.clone(), By::This);
        if self.outbox.borrow().keeps() != Keeps::Nothing {
            let kept_at = self.outbox.borrow_mut().submitted(id, data);
            self.tickets.push_back((id, kept_at));
        }
    }

    fn take(&mut self, brought: Brought) {
        match brought {
            Brought::Opened => self.input(Input::Connected),
            Brought::Closed(code, reason) => {
                self.unsent.clear();
                let reason = reason.into();
                self.input(Input::Disconnected { code, reason });
            }
            Brought::Text(text) => match read_server::<Box<RawValue>>(&text) {
                Ok(message) => {
                    if let Some(received) = self.received(message) {
                        self.input(Input::Received(received));
                    }
                }
                Err(malformed) => {
                    self.fail(format_args!("the server sent {text}: {malformed}"));
                    self.input(Input::Unreadable(malformed.to_string().into()));
                }
            },
        }
    }

    fn received(&self, message: Option<ServerMessage<Box<RawValue>>>) -> Option<Received<Entry, Change>> {
        let mutation = self.world.mutation;
        Some(match message {
            None | Some(ServerMessage::Pong) => Received::Pong,
            Some(
                other @ (ServerMessage::Snapshot { .. }
                | ServerMessage::Made(..)
                | ServerMessage::Check { .. }),
            ) => {
                self.fail(format_args!("a stream is sent what is of documents: {other:?}"));
                Received::Pong
            }
            Some(ServerMessage::Welcome(welcome)) => {
                if welcome.client != self.author {
                    self.fail(format_args!("it is welcomed as {}", welcome.client));
                }
                Received::Welcome(Welcome {
                    epoch: welcome.epoch,
                    head: welcome.head,
                    last_op: welcome.last_op,
                    durability: welcome.durability,
                    max_message: welcome.max_message,
                })
            }
            Some(ServerMessage::Reset { code, reason }) => Received::Reset {
                code,
                reason: reason.into(),
            },
            Some(ServerMessage::Entries { after, entries }) => {
                let arrived = |entry: Entry| Arrived {
                    own: (entry.client == self.author).then_some(Own {
                        id: entry.id,
                        time: entry.time,
                    }),
                    entry,
                };
                let entries = entries.into_iter().map(arrived).collect();
                Received::Entries { after, entries }
            }
            Some(ServerMessage::Ack(mut ack)) => {
                if mutation == Some(Mutation::AckOfAnother) && ack.seq > Seq(1) {
                    ack.seq = Seq(ack.seq.0 - 1);
                }
                Received::Ack(ack)
            }
            Some(ServerMessage::Reject(reject)) => Received::Reject {
                id: reject.id,
                code: reject.code,
                reason: reject.reason.into(),
            },
            Some(ServerMessage::Presence(mut change)) => {
                if mutation == Some(Mutation::GoneUntold) {
                    change.gone.clear();
                }
                Received::Presence(change)
            }
            Some(ServerMessage::Error { code, reason }) => {
                self.fail(format_args!("the server found fault: {code:?}, {reason}"));
                Received::Error {
                    code,
                    reason: reason.into(),
                }
            }
        })
    }

    fn input(&mut self, input: Input<Data, Entry, Change>) {
        self.session.handle_input(self.world.elapsed(), input);
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => {
                    self.unsent.clear();
                    self.connection.dial(self.world.dial(self.client));
                }
                Output::Disconnect { code, reason } => {
                    self.unsent.clear();
                    self.connection.let_go(code, reason);
                }
                Output::Send(message) => {
                    let kept_at = match &message {
                        ClientMessage::Op { id, .. } => self.kept_at(*id),
                        _ => None,
                    };
                    self.unsent.push_back((kept_at, write_client(&message)));
                }
                Output::WakeAt(time) => self.wake_at = Some(self.world.begin + time),
                Output::Event(event) => self.tell(&event),
            }
        }
        self.send_kept();
    }

    /// When an op may be sent.
    fn kept_at(&mut self, id: OpId) -> Option<Instant> {
        let now = Instant::now();
        self.tickets.retain(|(_, kept_at)| *kept_at > now);
        let ticket = self.tickets.iter().find(|(op, _)| *op == id);
        ticket.map(|(_, kept_at)| *kept_at)
    }

    fn next_kept(&self) -> Option<Instant> {
        self.unsent.front().and_then(|(kept_at, _)| *kept_at)
    }

    fn send_kept(&mut self) {
        let now = Instant::now();
        if !self.connection.is_open() {
            return;
        }
        let kept = |(kept_at, _): &mut (Option<Instant>, String)| kept_at.is_none_or(|at| at <= now);
        while let Some((_, text)) = self.unsent.pop_front_if(kept) {
            self.connection.send(text);
        }
    }

    fn tell(&mut self, event: &Event<Data, Entry, Change>) {
        self.world
            .trace(|| format!("{} is told {}", self.name(), in_short(event)));
        let session_at = self.session.position();
        let mut app = self.app.borrow_mut();
        let mut outbox = self.outbox.borrow_mut();
        let owns = self.owns_outbox.get();
        match event {
            Event::Phase(phase, closure) => {
                app.phase = *phase;
                if let Some(closure) = closure {
                    app.lost(closure);
                }
            }
            Event::Entry { seq, entry, own, .. } => app.entry(*seq, entry, *own, session_at),
            Event::OwnEntry { seq, id, time, data } => {
                app.own_entry(*seq, *id, *time, data, session_at);
            }
            Event::Op { id, state } => {
                app.op(*id, state, session_at);
                if owns && *state != patchcast_session::OpState::Sent {
                    outbox.settled(*id, place(&app, session_at));
                }
            }
            Event::Reset { .. } => {
                app.reset();
                if owns {
                    outbox.reset();
                }
            }
            Event::Presence(change) => app.presence(change),
            Event::PresenceLost => app.presence.clear(),
            Event::Error { .. } => {}
        }
        if owns && matches!(event, Event::Entry { .. } | Event::OwnEntry { .. }) {
            outbox.moved(place(&app, session_at));
        }
    }

    fn name(&self) -> String {
        format!("client {}.{}", self.client, self.life)
    }

    fn fail(&self, what: std::fmt::Arguments<'_>) {
        self.world.fail(format_args!("{}: {what}", self.name()));
    }
}

/// Up to where the app has everything.
fn place(app: &App, session_at: Position) -> Position {
    Position {
        seq: Seq(app.view.len() as u64),
        ..session_at
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("the simulator writes JSON")
}

fn in_short(event: &Event<Data, Entry, Change>) -> String {
    match event {
        Event::Entry {
            seq,
            entry,
            own,
            history,
        } => {
            let (client, id) = (entry.client, entry.id);
            format!("{seq}: {id} of {client}, own {own}, history {history}")
        }
        Event::OwnEntry { seq, id, .. } => format!("{seq}: {id}, its own"),
        Event::Presence(change) => {
            let shown: Vec<_> = change.present.iter().map(|present| present.data.get()).collect();
            format!("presence: all {}, {shown:?}, gone {:?}", change.all, change.gone)
        }
        other => format!("{other:?}"),
    }
}
