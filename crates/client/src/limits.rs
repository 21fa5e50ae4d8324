//! The client's bounds, each with its reason. Those of the session stand in its own `limits`.

use std::time::Duration;

/// Bytes of ops that wait for their acknowledgement. Whoever submits more waits, too.
pub const PENDING_BYTES: u32 = 16 << 20;

/// The least that an op counts, however small it is: so at most a thousand wait.
pub const PENDING_BYTES_EACH: u32 = PENDING_BYTES / 1000;

/// Events that wait for the app. Beyond that, and what one message of the server holds, nothing is read: TCP holds the server back.
pub const EVENTS: usize = 256;

/// Bytes of one message of the server: the largest that one can be told to take, and as much again for what it is wrapped in.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Bytes that a connection keeps allocated for reading.
pub const READ_BUFFER_BYTES: usize = 16 << 10;

/// How long a server may take to answer a close frame before its socket is dropped.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Characters of a server's refusal of the handshake that are told on.
pub const REFUSAL_CHARACTERS: usize = 200;
