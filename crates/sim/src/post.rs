//! A client's connection, and the texts that wait to be sent on it: each goes out as soon as its op is kept.

use std::collections::VecDeque;
use std::future::{Future, pending};

use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;

use crate::link::LinkEnd;
use crate::socket::{Brought, Connection};

/// A connection, and what waits for it.
pub(crate) struct Post {
    connection: Connection,
    unsent: VecDeque<(Option<Instant>, String)>,
}

impl Post {
    pub(crate) fn new() -> Post {
        Post {
            connection: Connection::None,
            unsent: VecDeque::new(),
        }
    }

    /// Begins an attempt to connect.
    pub(crate) fn dial(
        &mut self,
        dialling: impl Future<Output = Option<WebSocketStream<LinkEnd>>> + 'static,
    ) {
        self.unsent.clear();
        self.connection.dial(dialling);
    }

    /// Closes it.
    pub(crate) fn let_go(&mut self, code: u16, reason: &'static str) {
        self.unsent.clear();
        self.connection.let_go(code, reason);
    }

    /// Sends a text, not before `kept_at`.
    pub(crate) fn send(&mut self, text: String, kept_at: Option<Instant>) {
        self.unsent.push_back((kept_at, text));
    }

    /// Sends what may be sent by now.
    pub(crate) fn send_kept(&mut self) {
        let now = Instant::now();
        if !self.connection.is_open() {
            return;
        }
        let kept = |(kept_at, _): &mut (Option<Instant>, String)| kept_at.is_none_or(|at| at <= now);
        while let Some((_, text)) = self.unsent.pop_front_if(kept) {
            self.connection.send(text);
        }
    }

    /// When the next text may be sent.
    pub(crate) fn next_kept(&self) -> Option<Instant> {
        self.unsent.front().and_then(|(kept_at, _)| *kept_at)
    }

    /// What comes next. Can be dropped at any time and asked again.
    pub(crate) async fn next(&mut self) -> Brought {
        let brought = self.connection.next().await;
        if let Brought::Closed(..) = brought {
            self.unsent.clear();
        }
        brought
    }
}

/// Resolves at a time, or never.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
