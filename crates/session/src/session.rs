//! The session: connecting, joining, live, waiting to try again, closed.
//!
//! Every change of the state stands here; what comes from the server is sorted in `receive`, and the parts that have a state of
//! their own (pending ops, heartbeat, presence, backoff) know nothing of each other.

use std::collections::VecDeque;

use patchcast_protocol::close::{Advice, CloseCode, advice};
use patchcast_protocol::ids::{Position, Secret, Seq};
use patchcast_protocol::message::{ClientMessage, Hello, RoomKind};

use crate::backoff::Backoff;
use crate::heartbeat::{Due, Heartbeat};
use crate::pending::Pending;
use crate::presence::OwnPresence;
use crate::{Closure, Config, Event, Input, Op, Output, Phase, Reason, Restored, Time, Welcome};

/// A client of one room, from its first attempt to connect until it is closed.
///
/// Give it whatever happens ([`handle_input`](Session::handle_input), [`submit`](Session::submit)), and after each carry out what
/// [`poll_output`](Session::poll_output) gives, until it gives nothing.
#[derive(Debug)]
pub struct Session<D, P = D, X = P> {
    pub(crate) config: Config,
    secret: Secret,
    pub(crate) state: State,
    pub(crate) position: Position,
    pub(crate) pending: Pending<D>,
    presence: OwnPresence<D>,
    backoff: Backoff,
    pub(crate) max_message: u64,
    /// Whether a state of the room comes before any entry.
    pub(crate) awaits_state: bool,
    outputs: VecDeque<Output<D, P, X>>,
    /// What the host's timer is set to.
    wake_at: Option<Time>,
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    Offline {
        retry_at: Time,
    },
    Connecting {
        deadline: Time,
    },
    /// The hello is sent, and no welcome has come.
    Greeting {
        deadline: Time,
    },
    Joined(Joined),
    Closed,
}

/// From the welcome on.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub(crate) welcome: Welcome,
    pub(crate) heartbeat: Heartbeat,
    /// Since when the client has all that the room had at the welcome; `None` while it still catches up.
    pub(crate) live_since: Option<Time>,
}

impl<D: Clone, P, X> Session<D, P, X> {
    /// A session that begins to connect. `secret` is drawn at random, once in the client's life; whoever has one from an earlier life must
    /// give what that life left as `restored`, and one life gives out ids at a time. `seed` is any number that differs from client to client, and from life to life.
    pub fn new(config: Config, secret: Secret, restored: Restored<D>, seed: u64, now: Time) -> Self {
        let mut session = Session {
            backoff: Backoff::new(config.backoff, seed),
            config,
            secret,
            state: State::Closed,
            position: restored.position.unwrap_or_default(),
            pending: Pending::restored(restored.last_id, restored.pending),
            presence: OwnPresence::default(),
            max_message: u64::MAX,
            awaits_state: false,
            outputs: VecDeque::new(),
            wake_at: None,
        };
        session.connect(now);
        session
    }

    /// Takes note of what has happened.
    pub fn handle_input(&mut self, now: Time, input: Input<D, P, X>) {
        match input {
            Input::Received(received) => self.handle_received(now, received),
            Input::Connected => self.handle_connected(now),
            Input::Unreadable(reason) => {
                if let State::Greeting { .. } | State::Joined(_) = self.state {
                    self.give_up(now, CloseCode::MalformedMessage, "not a message", reason);
                }
            }
            Input::Disconnected { code, reason } => {
                if !matches!(self.state, State::Offline { .. } | State::Closed) {
                    self.lose(now, Closure { code, reason }, advice(code));
                }
            }
            Input::Woken => {
                self.wake_at = None;
                self.handle_timers(now);
            }
            Input::Online => match &mut self.state {
                State::Offline { .. } => self.connect(now),
                State::Joined(joined) => {
                    if joined.heartbeat.ping_now(now, &self.config) {
                        self.output(Output::Send(ClientMessage::Ping));
                    }
                }
                State::Connecting { .. } | State::Greeting { .. } | State::Closed => {}
            },
            Input::Presence(data) => {
                self.presence.set(data);
                self.show_presence(now);
            }
            Input::Close => self.close(),
        }
    }

    /// What is to be done next; `None` when there is nothing more until the next input.
    pub fn poll_output(&mut self) -> Option<Output<D, P, X>> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        let wake_at = self.next_deadline();
        if wake_at == self.wake_at {
            return None;
        }
        self.wake_at = wake_at;
        wake_at.map(Output::WakeAt)
    }

    /// How the connection stands.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::Offline { retry_at } => Phase::Offline { retry_at },
            State::Connecting { .. } => Phase::Connecting,
            State::Greeting { .. } | State::Joined(Joined { live_since: None, .. }) => Phase::Joining,
            State::Joined(Joined {
                live_since: Some(_), ..
            }) => Phase::Live,
            State::Closed => Phase::Closed,
        }
    }

    /// Up to where the app has everything, once it has taken all outputs.
    pub fn position(&self) -> Position {
        self.position
    }

    /// How many ops are not settled.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The ops that are not settled, in order.
    pub fn pending_ops(&self) -> impl Iterator<Item = &Op<D>> {
        self.pending.iter()
    }

    /// What the next life of the client would go on with, once the app has taken all outputs.
    pub fn snapshot(&self) -> Restored<D> {
        Restored {
            last_id: self.pending.last_id(),
            pending: self.pending.iter().cloned().collect(),
            position: Some(self.position),
        }
    }

    pub(crate) fn output(&mut self, output: Output<D, P, X>) {
        self.outputs.push_back(output);
    }

    pub(crate) fn tell(&mut self, event: Event<D, P, X>) {
        self.output(Output::Event(event));
    }

    /// The server does not keep to the protocol, or a message was lost on the way: a new connection makes it good.
    pub(crate) fn fault(&mut self, now: Time, reason: &'static str) {
        self.give_up(now, CloseCode::MalformedMessage, reason, reason.into());
    }

    pub(crate) fn join(&mut self, now: Time, welcome: Welcome) {
        self.position.epoch = welcome.epoch;
        self.reject_clashing(welcome.last_op);
        self.pending.use_ids_above(welcome.last_op);
        self.max_message = welcome.max_message;
        self.state = State::Joined(Joined {
            welcome,
            heartbeat: Heartbeat::new(now, &self.config),
            live_since: None,
        });
        self.presence.forget_told();
        self.show_presence(now);
        self.catch_up(now);
    }

    /// Goes live when all is there that the room had at the welcome. Only then are ops sent: what of them the room has was shown
    /// by then, and is not pending any more.
    pub(crate) fn catch_up(&mut self, now: Time) {
        let State::Joined(joined) = &mut self.state else {
            return;
        };
        if joined.live_since.is_some() || self.awaits_state || self.position.seq < joined.welcome.head {
            return;
        }
        joined.live_since = Some(now);
        self.tell(Event::Phase(Phase::Live, None));
        self.send_pending();
    }

    fn connect(&mut self, now: Time) {
        let deadline = now.saturating_add(self.config.connect_timeout);
        self.state = State::Connecting { deadline };
        self.awaits_state = false;
        self.tell(Event::Phase(Phase::Connecting, None));
        self.output(Output::Connect);
    }

    fn handle_connected(&mut self, now: Time) {
        let State::Connecting { .. } = self.state else {
            return;
        };
        let deadline = now.saturating_add(self.config.join_timeout);
        self.state = State::Greeting { deadline };
        self.tell(Event::Phase(Phase::Joining, None));
        let since = (self.position.seq > Seq::START).then_some(self.position);
        self.output(Output::Send(ClientMessage::Hello(Hello {
            secret: self.secret.clone(),
            since,
            presence: self.config.presence,
            kind: RoomKind::Stream,
        })));
    }

    fn handle_timers(&mut self, now: Time) {
        match &mut self.state {
            State::Offline { retry_at } if *retry_at <= now => self.connect(now),
            State::Connecting { deadline } if *deadline <= now => {
                self.time_out(now, "no answer in time");
            }
            State::Greeting { deadline } if *deadline <= now => {
                self.time_out(now, "no welcome in time");
            }
            State::Joined(joined) => match joined.heartbeat.check(now, &self.config) {
                Due::Nothing => self.show_presence(now),
                Due::Ping => {
                    self.output(Output::Send(ClientMessage::Ping));
                    self.show_presence(now);
                }
                Due::GiveUp => self.time_out(now, "no sign of life"),
            },
            State::Offline { .. } | State::Connecting { .. } | State::Greeting { .. } | State::Closed => {}
        }
    }

    /// Nothing can be expected of this connection: the session is the one to end it. The server is told `told`.
    fn give_up(&mut self, now: Time, code: CloseCode, told: &'static str, reason: Reason) {
        let code = code.number();
        self.output(Output::Disconnect { code, reason: told });
        self.lose(now, Closure { code, reason }, Advice::Again);
    }

    fn time_out(&mut self, now: Time, reason: &'static str) {
        self.give_up(now, CloseCode::IdleTimeout, reason, reason.into());
    }

    fn lose(&mut self, now: Time, closure: Closure, advice: Advice) {
        self.leave(now);
        let phase = match advice {
            Advice::Stop => {
                self.state = State::Closed;
                Phase::Closed
            }
            Advice::Wait | Advice::Again => {
                if advice == Advice::Wait {
                    self.backoff.exhaust();
                }
                let retry_at = now.saturating_add(self.backoff.next_wait());
                self.state = State::Offline { retry_at };
                Phase::Offline { retry_at }
            }
        };
        self.tell(Event::Phase(phase, Some(closure)));
    }

    /// What the end of a connection means, however it ended.
    fn leave(&mut self, now: Time) {
        let State::Joined(joined) = &self.state else {
            return;
        };
        let lived = joined.live_since.map(|since| now.saturating_sub(since));
        if lived.is_some_and(|lived| lived >= self.config.stable_after) {
            self.backoff.reset();
        }
        if self.config.presence {
            self.tell(Event::PresenceLost);
        }
    }

    fn close(&mut self) {
        match self.state {
            State::Closed => return,
            State::Offline { .. } => {}
            State::Connecting { .. } | State::Greeting { .. } | State::Joined(_) => {
                self.output(Output::Disconnect {
                    code: CloseCode::Normal.number(),
                    reason: "",
                });
            }
        }
        self.state = State::Closed;
        self.tell(Event::Phase(Phase::Closed, None));
    }

    fn show_presence(&mut self, now: Time) {
        if let State::Joined(_) = self.state
            && let Some(data) = self.presence.take_due(now)
        {
            self.output(Output::Send(ClientMessage::Presence { data }));
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        match &self.state {
            State::Offline { retry_at: at }
            | State::Connecting { deadline: at }
            | State::Greeting { deadline: at } => Some(*at),
            State::Joined(joined) => {
                let heartbeat = joined.heartbeat.check_at();
                Some(self.presence.due_at().map_or(heartbeat, |due| due.min(heartbeat)))
            }
            State::Closed => None,
        }
    }
}
