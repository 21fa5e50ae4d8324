//! One life of a client of a stream: the real session, driven as a page drives it, over a link that may do anything.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::{Author, OpId, Position, Seq};
use patchcast_protocol::message::{
    ClientMessage, PresenceChange, ServerMessage, WireEntry, read_server, write_client,
};
use patchcast_session::{
    Arrived, Event, Input, OpState, Output, Own, Phase, Received, Restored, Session, Welcome,
};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::app::{App, By};
use super::outbox::{Data, Kept};
use crate::ledger::{OpKey, data_of};
use crate::life::{Birth, Happening, Host};
use crate::mutation::Mutation;
use crate::outbox::Outbox;
use crate::plan::Keeps;
use crate::post::Post;

type Entry = WireEntry<Box<RawValue>>;
type Change = PresenceChange<Box<RawValue>>;

/// A session of a stream, and its app.
pub struct StreamHost {
    birth: Birth,
    author: Author,
    session: Session<Data, Entry, Change>,
    app: Rc<RefCell<App>>,
    outbox: Rc<RefCell<Outbox<Kept>>>,
    tickets: VecDeque<(OpId, Instant)>,
    submitted: usize,
}

impl StreamHost {
    /// A life that begins to connect, with what the one before has left.
    pub fn new(
        birth: Birth,
        restored: Restored<Data>,
        app: Rc<RefCell<App>>,
        outbox: Rc<RefCell<Outbox<Kept>>>,
    ) -> StreamHost {
        let setup = birth.world.setup.clients[birth.client];
        let config = patchcast_session::Config {
            presence: setup.watches,
            echo: setup.echo,
            ..Default::default()
        };
        let (secret, seed, now) = (
            birth.secret.clone(),
            birth.draw_for("backoff"),
            birth.world.elapsed(),
        );
        StreamHost {
            author: Author::of(&secret),
            session: Session::new(config, secret, restored, seed, now),
            app,
            outbox,
            tickets: VecDeque::new(),
            submitted: 0,
            birth,
        }
    }

    fn submit_one(&mut self, bytes: usize) {
        // Ids are given out by whoever has the outbox.
        if !self.birth.owns_outbox.get() {
            return;
        }
        let key = OpKey(self.birth.client, self.birth.life, self.submitted);
        let data: Data = raw(data_of(key, bytes)).into();
        let Ok(id) = self.session.submit(data.clone(), data.get().len()) else {
            return;
        };
        self.submitted += 1;
        let world = &self.birth.world;
        world.trace(|| format!("{} submits {id}", self.birth.name()));
        world.ledger().submit(key, self.author);
        self.app.borrow_mut().submitted(id, key, data.clone(), By::This);
        if self.outbox.borrow().keeps() != Keeps::Nothing {
            let kept_at = self.outbox.borrow_mut().submitted(id, data);
            self.tickets.push_back((id, kept_at));
        }
    }

    fn received(&self, message: Option<ServerMessage<Box<RawValue>>>) -> Received<Entry, Change> {
        let mutation = self.birth.world.mutation;
        match message {
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
        }
    }

    /// When an op may be sent.
    fn kept_at(&mut self, id: OpId) -> Option<Instant> {
        let now = Instant::now();
        self.tickets.retain(|(_, kept_at)| *kept_at > now);
        let ticket = self.tickets.iter().find(|(op, _)| *op == id);
        ticket.map(|(_, kept_at)| *kept_at)
    }

    fn tell(&mut self, event: &Event<Data, Entry, Change>) {
        let world = &self.birth.world;
        world.trace(|| format!("{} is told {}", self.birth.name(), in_short(event)));
        let session_at = self.session.position();
        let mut app = self.app.borrow_mut();
        let mut outbox = self.outbox.borrow_mut();
        let owns = self.birth.owns_outbox.get();
        match event {
            Event::Phase(phase, closure) => app.witness.phase(*phase, closure.as_ref()),
            Event::Entry { seq, entry, own, .. } => app.entry(*seq, entry, *own, session_at),
            Event::OwnEntry { seq, id, time, data } => {
                app.own_entry(*seq, *id, *time, data, session_at);
            }
            Event::Op { id, state } => {
                app.op(*id, state, session_at);
                if owns && *state != OpState::Sent {
                    outbox.settled(*id, place(&app, session_at));
                }
            }
            Event::Reset { .. } => {
                app.reset();
                if owns {
                    outbox.reset();
                }
            }
            Event::Presence(change) => app.witness.presence(change),
            Event::PresenceLost => app.witness.presence.clear(),
            Event::Error { .. } => {}
        }
        if owns && matches!(event, Event::Entry { .. } | Event::OwnEntry { .. }) {
            outbox.moved(place(&app, session_at));
        }
    }

    fn fail(&self, what: std::fmt::Arguments<'_>) {
        self.birth
            .world
            .fail(format_args!("{}: {what}", self.birth.name()));
    }
}

impl Host for StreamHost {
    fn phase(&self) -> Phase {
        self.session.phase()
    }

    fn handle(&mut self, happening: Happening) {
        let input = match happening {
            Happening::Connected => Input::Connected,
            Happening::Text(text) => match read_server::<Box<RawValue>>(&text) {
                Ok(message) => Input::Received(self.received(message)),
                Err(malformed) => {
                    self.fail(format_args!("the server sent {text}: {malformed}"));
                    Input::Unreadable(malformed.to_string().into())
                }
            },
            Happening::Disconnected { code, reason } => Input::Disconnected { code, reason },
            Happening::Woken => Input::Woken,
            Happening::Online => Input::Online,
            Happening::Presence(shows) => Input::Presence(raw(shows).into()),
            Happening::Close => Input::Close,
        };
        self.session.handle_input(self.birth.world.elapsed(), input);
    }

    fn submit(&mut self, ops: usize, bytes: usize, _: u16) {
        (0..ops).for_each(|_| self.submit_one(bytes));
    }

    /// Nobody undoes an entry of a stream.
    fn undo(&mut self, _: usize, _: bool) {}

    fn show(&mut self, shows: Option<String>) {
        self.app.borrow_mut().witness.shows = shows;
    }

    fn carry_out(&mut self, post: &mut Post) -> Option<Duration> {
        let mut wake_at = None;
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => post.dial(self.birth.world.dial(self.birth.client)),
                Output::Disconnect { code, reason } => post.let_go(code, reason),
                Output::Send(message) => {
                    let kept_at = match &message {
                        ClientMessage::Op { id, .. } => self.kept_at(*id),
                        _ => None,
                    };
                    post.send(write_client(&message), kept_at);
                }
                Output::WakeAt(time) => wake_at = Some(time),
                Output::Event(event) => self.tell(&event),
            }
        }
        wake_at
    }
}

/// Up to where the app has everything.
fn place(app: &App, session_at: Position) -> Position {
    Position {
        seq: Seq(app.view.len() as u64),
        ..session_at
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
