//! The session against scripts: what happens, line by line, and all that comes of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod connecting;
mod document;
mod heartbeat;
mod misbehaviour;
mod ops;
mod presence;
mod restored;
mod script;
mod stream;
