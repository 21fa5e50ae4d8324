//! Carries out what the session decides: one task per client, which owns the session, the socket and the timer.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;

use patchcast_protocol::ids::Position;
use patchcast_session::{Closure, Config, Phase, Received, Time};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::codec::{Codec, Data, Decoded, Input, NativeSession, Output, SessionEvent};
use crate::event::{Entry, Event, Left};
use crate::options::{Options, new_secret};
use crate::receipts::{Receipts, Ticket};
use crate::socket::{Incoming, Socket};
use crate::url::Target;

/// An op on its way to the session.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) data: Data,
    pub(crate) ticket: Ticket,
}

pub(crate) struct Driver {
    target: Target,
    session: NativeSession,
    codec: Codec,
    link: Link,
    receipts: Receipts,
    submitted: Option<mpsc::UnboundedReceiver<Submission>>,
    shown: watch::Receiver<Option<Data>>,
    /// `None` when the app has dropped its end.
    events: Option<mpsc::Sender<Event>>,
    /// What the app has no room for yet, and the positions that it then has. While there is something, nothing is read.
    backlog: VecDeque<(Event, Option<Position>)>,
    /// Up to where the app has been told everything.
    told: Position,
    started: Instant,
    timer: Pin<Box<Sleep>>,
    farewell: Option<JoinHandle<()>>,
}

enum Link {
    None,
    Dialing(Pin<Box<dyn Future<Output = Result<Box<Socket>, Closure>> + Send>>),
    Open(Box<Socket>),
}

enum Happened {
    Submitted(Option<Submission>),
    Shown(Option<Data>),
    Dialed(Result<Box<Socket>, Closure>),
    Came(Incoming),
    Woken,
    /// The app took events, so that there is room for more, or takes no more.
    Taken,
}

impl Driver {
    pub(crate) fn new(
        target: Target,
        options: Options,
        submitted: mpsc::UnboundedReceiver<Submission>,
        shown: watch::Receiver<Option<Data>>,
        events: mpsc::Sender<Event>,
    ) -> Driver {
        let config = Config {
            // The shares bound it.
            pending_limit: usize::MAX,
            echo: true,
            ..options.config
        };
        let secret = options.secret.unwrap_or_else(new_secret);
        let session = NativeSession::new(config, secret, options.restored, rand::random(), Time::ZERO);
        let started = Instant::now();
        Driver {
            target,
            told: session.position(),
            session,
            codec: Codec::default(),
            link: Link::None,
            receipts: Receipts::default(),
            submitted: Some(submitted),
            shown,
            events: Some(events),
            backlog: VecDeque::new(),
            started,
            timer: Box::pin(sleep_until(started)),
            farewell: None,
        }
    }

    pub(crate) async fn run(mut self) -> Left {
        loop {
            self.carry_out();
            self.hand_over();
            if self.session.phase() == Phase::Closed && (self.backlog.is_empty() || self.submitted.is_none())
            {
                break;
            }
            let happened = self.next().await;
            self.handle(happened);
        }
        if let Some(farewell) = self.farewell.take() {
            // It is bounded in time, and does not panic.
            let _ = farewell.await;
        }
        Left {
            position: Some(self.told),
            ..self.session.snapshot()
        }
    }

    /// Waits for whatever comes first. Cancelling one of these loses nothing.
    async fn next(&mut self) -> Happened {
        let held_back = !self.backlog.is_empty();
        tokio::select! {
            submission = submission(&mut self.submitted) => Happened::Submitted(submission),
            data = shown(&mut self.shown) => Happened::Shown(data),
            incoming = self.link.next(), if !held_back => incoming,
            // A server that is not read cannot give signs of life, so the time does not count.
            () = &mut self.timer, if !held_back => Happened::Woken,
            () = room(&self.events), if held_back => Happened::Taken,
        }
    }

    fn handle(&mut self, happened: Happened) {
        match happened {
            Happened::Submitted(Some(submission)) => self.submit(submission),
            Happened::Submitted(None) => {
                self.submitted = None;
                self.input(Input::Close);
            }
            Happened::Shown(data) => {
                if let Some(data) = data {
                    self.input(Input::Presence(data));
                }
            }
            Happened::Dialed(Ok(socket)) => {
                self.link = Link::Open(socket);
                self.input(Input::Connected);
            }
            Happened::Dialed(Err(closure)) | Happened::Came(Incoming::Closed(closure)) => {
                self.link = Link::None;
                let Closure { code, reason } = closure;
                self.input(Input::Disconnected { code, reason });
            }
            Happened::Came(Incoming::Text(text)) => {
                let Decoded { input, welcome } = self.codec.decode(&text);
                self.input(input);
                if let (Some(welcome), Phase::Joining | Phase::Live) = (welcome, self.session.phase()) {
                    // Before what the session makes of it, which is not carried out yet.
                    self.tell(Event::Welcomed(welcome), None);
                }
            }
            Happened::Came(Incoming::Binary) => self.input(Input::Unreadable("a binary frame".into())),
            Happened::Came(Incoming::Control) => self.input(Input::Received(Received::Pong)),
            Happened::Woken => self.input(Input::Woken),
            Happened::Taken => {
                self.hand_over();
                if self.backlog.is_empty() {
                    // Nobody has listened to the server, so its silence says nothing.
                    self.input(Input::Received(Received::Pong));
                }
            }
        }
    }

    fn submit(&mut self, Submission { data, ticket }: Submission) {
        let bytes = data.get().len();
        match self.session.submit(data, bytes) {
            Ok(id) => self.receipts.push(id, ticket),
            Err(error) => ticket.refuse(error.into()),
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => self.link = Link::Dialing(Box::pin(Socket::dial(self.target.clone()))),
                Output::Disconnect { code, reason } => {
                    if let Link::Open(socket) = std::mem::replace(&mut self.link, Link::None) {
                        self.farewell = Some(tokio::spawn(socket.close(code, reason)));
                    }
                }
                Output::Send(message) => {
                    if let Link::Open(socket) = &mut self.link {
                        socket.send(self.codec.encode(&message));
                    }
                }
                Output::WakeAt(at) => self.timer.as_mut().reset(self.started + at),
                Output::Event(event) => self.handle_event(event),
            }
        }
    }

    fn handle_event(&mut self, event: SessionEvent) {
        let event = match event {
            SessionEvent::Op { id, state } => return self.receipts.handle(id, state),
            SessionEvent::Phase(phase, closure) => match (phase, closure) {
                (Phase::Connecting, _) => Event::Connecting,
                (Phase::Live, _) => Event::Live,
                (Phase::Offline { .. }, Some(closure)) => Event::Offline(closure),
                (Phase::Closed, Some(closure)) => Event::Closed(closure),
                // Told with the welcome; or the app has closed it, and knows.
                (Phase::Joining | Phase::Offline { .. } | Phase::Closed, _) => return,
            },
            SessionEvent::Entry {
                seq,
                entry,
                own,
                history,
            } => {
                return self.tell_entry(Entry {
                    seq,
                    client: entry.client,
                    id: entry.id,
                    time: entry.time,
                    data: entry.data,
                    own,
                    history,
                });
            }
            SessionEvent::OwnEntry { seq, id, time, data } => {
                let Some(client) = self.codec.client() else { return };
                return self.tell_entry(Entry {
                    seq,
                    client,
                    id,
                    time,
                    data: (*data).to_owned(),
                    own: true,
                    history: false,
                });
            }
            SessionEvent::Reset { code, reason } => {
                return self.tell(Event::Reset { code, reason }, Some(Position::default()));
            }
            SessionEvent::Presence(change) => Event::Presence(change),
            SessionEvent::PresenceLost => Event::PresenceLost,
            SessionEvent::Error { code, reason } => Event::Error { code, reason },
        };
        self.tell(event, None);
    }

    fn tell_entry(&mut self, entry: Entry) {
        let epoch = self.session.position().epoch;
        let after = Position {
            epoch,
            seq: entry.seq,
        };
        self.tell(Event::Entry(entry), Some(after));
    }

    fn tell(&mut self, event: Event, after: Option<Position>) {
        self.backlog.push_back((event, after));
    }

    /// Gives the app as much as it has room for.
    fn hand_over(&mut self) {
        while let Some((event, after)) = self.backlog.pop_front() {
            // To nobody, all of it goes.
            let unsent = match &self.events {
                Some(events) => events.try_send(event).err(),
                None => None,
            };
            match unsent {
                None => self.told = after.unwrap_or(self.told),
                Some(TrySendError::Full(event)) => {
                    self.backlog.push_front((event, after));
                    return;
                }
                Some(TrySendError::Closed(_)) => {
                    self.events = None;
                    self.told = after.unwrap_or(self.told);
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.session.handle_input(self.started.elapsed(), input);
    }
}

impl Link {
    async fn next(&mut self) -> Happened {
        match self {
            Link::None => pending().await,
            Link::Dialing(dialing) => Happened::Dialed(dialing.await),
            Link::Open(socket) => Happened::Came(socket.next().await),
        }
    }
}

/// `None`, once, when the app has dropped the client.
async fn submission(submitted: &mut Option<mpsc::UnboundedReceiver<Submission>>) -> Option<Submission> {
    match submitted {
        Some(submitted) => submitted.recv().await,
        None => pending().await,
    }
}

async fn shown(shown: &mut watch::Receiver<Option<Data>>) -> Option<Data> {
    match shown.changed().await {
        Ok(()) => shown.borrow_and_update().clone(),
        Err(_) => pending().await,
    }
}

/// Waits until the app has room for an event, or wants none any more.
async fn room(events: &Option<mpsc::Sender<Event>>) {
    match events {
        Some(events) => _ = events.reserve().await,
        None => pending().await,
    }
}
