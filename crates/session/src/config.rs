//! What a session is begun with.

use std::time::Duration;

use patchcast_protocol::ids::{OpId, Position};

use crate::backoff::Bounds;
use crate::limits;

/// What an app may choose. The defaults and their reasons stand in [`limits`](crate::limits).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Ops that may wait for their acknowledgement.
    pub pending_limit: usize,
    /// Between which waits attempts are spread.
    pub backoff: Bounds,
    /// How long nothing may come from the server before it is pinged.
    pub heartbeat: Duration,
    /// How long it may take to answer.
    pub heartbeat_timeout: Duration,
    /// How long the WebSocket may take to open.
    pub connect_timeout: Duration,
    /// How long the welcome may take.
    pub join_timeout: Duration,
    /// How long a connection must have been live for the next wait to be a short one.
    pub stable_after: Duration,
    /// Whether to be told of the others' presence.
    pub presence: bool,
    /// Whether all own ops come as entries in their places, not only those that the app does not have. For apps that take what the
    /// room says and nothing else.
    pub echo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            pending_limit: limits::PENDING,
            backoff: limits::BACKOFF,
            heartbeat: limits::HEARTBEAT,
            heartbeat_timeout: limits::HEARTBEAT_TIMEOUT,
            connect_timeout: limits::CONNECT_TIMEOUT,
            join_timeout: limits::JOIN_TIMEOUT,
            stable_after: limits::STABLE_AFTER,
            presence: false,
            echo: false,
        }
    }
}

/// What an earlier life of the client (the same secret) left. The default is a client without a past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored<D> {
    /// The last id that was given to an op.
    pub last_id: OpId,
    /// The ops that are not settled, in the order of their ids.
    pub pending: Vec<Op<D>>,
    /// Where to go on: the app has all entries up to it. `None` for the beginning.
    pub position: Option<Position>,
}

impl<D> Default for Restored<D> {
    fn default() -> Self {
        Restored {
            last_id: OpId::NONE,
            pending: Vec::new(),
            position: None,
        }
    }
}

/// An op as it was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op<D> {
    /// Its number.
    pub id: OpId,
    /// Its content.
    pub data: D,
    /// Bytes of the content as JSON.
    pub bytes: usize,
}
