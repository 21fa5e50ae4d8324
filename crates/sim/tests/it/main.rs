//! The simulator, looked at from outside: seeds pass, runs can be repeated, and broken rules are found.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod determinism;
mod mutations;
mod seeds;
mod shrinking;
