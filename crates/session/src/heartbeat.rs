//! When to ask the server whether it is still there, and when to believe that it is not.
//!
//! A message costs one assignment: whether the silence was long enough is looked at when the time comes, not whenever it is broken.

use crate::{Config, Time};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Heartbeat {
    Listening { heard: Time, check_at: Time },
    Pinged { deadline: Time, answered: Option<Time> },
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    GiveUp,
}

impl Heartbeat {
    pub(crate) fn new(now: Time, config: &Config) -> Self {
        Heartbeat::Listening {
            heard: now,
            check_at: now.saturating_add(config.heartbeat),
        }
    }

    /// Something came from the server.
    pub(crate) fn heard(&mut self, now: Time) {
        match self {
            Heartbeat::Listening { heard, .. } => *heard = now,
            Heartbeat::Pinged { answered, .. } => *answered = Some(now),
        }
    }

    pub(crate) fn check(&mut self, now: Time, config: &Config) -> Due {
        let heard = match *self {
            Heartbeat::Listening { check_at, .. } if now < check_at => return Due::Nothing,
            Heartbeat::Pinged { deadline, .. } if now < deadline => return Due::Nothing,
            Heartbeat::Pinged { answered: None, .. } => return Due::GiveUp,
            Heartbeat::Listening { heard, .. }
            | Heartbeat::Pinged {
                answered: Some(heard),
                ..
            } => heard,
        };
        let check_at = heard.saturating_add(config.heartbeat);
        if now < check_at {
            *self = Heartbeat::Listening { heard, check_at };
            return Due::Nothing;
        }
        self.ping(now, config);
        Due::Ping
    }

    /// Whether a ping is to be sent: not while one is on its way.
    pub(crate) fn ping_now(&mut self, now: Time, config: &Config) -> bool {
        let silent = !matches!(self, Heartbeat::Pinged { answered: None, .. });
        if silent {
            self.ping(now, config);
        }
        silent
    }

    pub(crate) fn check_at(&self) -> Time {
        match *self {
            Heartbeat::Listening { check_at, .. } => check_at,
            Heartbeat::Pinged { deadline, .. } => deadline,
        }
    }

    /// From now, not from when it was due: a machine that slept gives the server its time.
    fn ping(&mut self, now: Time, config: &Config) {
        *self = Heartbeat::Pinged {
            deadline: now.saturating_add(config.heartbeat_timeout),
            answered: None,
        };
    }
}
