//! What the integration tests stand on: a server process of their own, and clients of every kind.

mod client;
mod document;
mod http;
mod raw;
mod server;
mod session;
mod strace;

use std::time::Duration;

pub use client::{Client, End, client_of};
pub use document::{Document, hello as document_hello};
pub use http::{exchange, get};
pub use raw::{Frame, Opcode, Raw, frame, handshake, head};
pub use server::{Server, refusal, try_refusal};
pub use session::{Session, secret};
pub use strace::strace_is_there;

/// Longer than anything takes that is going to happen, on a machine that is busy with other things too.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// What `future` resolves to, or a panic that says `what` did not happen in time.
#[track_caller]
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{what} did not happen within {DEADLINE:?}, awaited at {caller}"),
        }
    }
}

/// What a test draws its random numbers from: PATCHCAST_TEST_SEED, as a failure has told it, or else a new one.
pub fn seed() -> u64 {
    match std::env::var("PATCHCAST_TEST_SEED") {
        Ok(seed) => seed.parse().expect("PATCHCAST_TEST_SEED is a number"),
        Err(_) => rand::random(),
    }
}

/// A message of one patch that nobody else sends.
pub fn patch(key: &str, value: impl Into<serde_json::Value>) -> String {
    serde_json::json!([{"op": "replace", "path": [key], "value": value.into()}]).to_string()
}

/// The history message that joiners of a room get in which `messages` were sent.
pub fn history<'a>(messages: impl IntoIterator<Item = &'a String>) -> String {
    let inner = messages
        .into_iter()
        .map(|message| message.trim()[1..message.trim().len() - 1].trim());
    let inner: Vec<_> = inner.filter(|patches| !patches.is_empty()).collect();
    format!("[{}]", inner.join(","))
}
