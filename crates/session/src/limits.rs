//! The session's bounds, each with its reason. What an app may choose stands in [`Config`](crate::Config); these are its defaults.

use std::time::Duration;

use crate::backoff::Bounds;

/// Ops that wait for their acknowledgement. An app that is offline for long is told so rather than eats its memory.
pub const PENDING: usize = 1000;

/// The first wait must not be felt, and the longest must not make people reload the page.
pub const BACKOFF: Bounds = Bounds {
    min: Duration::from_millis(500),
    max: Duration::from_secs(20),
};

/// A quarter of the server's default idle timeout: two pings may get lost before it closes the connection.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// An answer that takes longer than this is none. With [`HEARTBEAT`] a half-open connection is noticed within 25 seconds.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

/// A network that swallows packets lets the system itself wait for minutes.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The welcome needs nothing but the room's head. What comes after it is watched by the heartbeat.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that takes and then breaks every connection would otherwise be met with attempts without a pause.
pub const STABLE_AFTER: Duration = Duration::from_secs(5);

/// Steps that can be undone, of each client. Each holds what it would bring back, and nobody remembers what lies further back.
pub const UNDO_STEPS: usize = 200;

/// The least time between two presences: nobody sees more than 20 in a second, and a moving mouse makes 1000.
pub const PRESENCE_INTERVAL: Duration = Duration::from_millis(50);
