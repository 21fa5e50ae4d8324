//! The client's side of a session (`patchcast.v1`): a state machine that hosts with a socket and a clock drive.
//!
//! Pure: nothing here awaits, reads a clock or draws a random number, so the crate compiles for
//! `wasm32-unknown-unknown` and imports nothing from its host.

pub mod backoff;
mod config;
pub mod document;
mod heartbeat;
mod input;
pub mod limits;
mod ops;
mod output;
mod pending;
mod presence;
mod receive;
mod session;

pub use config::{Config, Op, Restored};
pub use input::{Arrived, Input, Own, Reason, Received, Welcome};
pub use output::{Closure, Event, OpState, Output, Phase, Rejection, SubmitError};
pub use session::Session;

/// The time since any fixed moment, of a clock that never goes back. It may jump forwards, as those of machines that slept do.
pub type Time = std::time::Duration;
