//! The server's integration tests: the real binary and real sockets, or a part of it where that is the subject.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod commands;
mod dialects;
mod documents;
mod harness;
mod kill;
mod lifecycle;
mod log;
mod power_cut;
mod sessions;
mod sessions_client;
mod shared_log;
mod slow;
mod storage;
