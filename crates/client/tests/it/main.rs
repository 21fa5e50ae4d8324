//! The client against a server that follows a script, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod closing;
mod connecting;
mod ops;
mod server;
mod slow;
