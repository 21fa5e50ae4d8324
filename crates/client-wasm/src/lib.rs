//! The browser's side of Patchcast: `connect(url, onMessage)` gives a `send` function that reconnects and queues.
//!
//! From the outside in: `api` is the JavaScript face, `client` chooses how to speak, `sessions` and `plain` carry out what pure
//! state machines decide, `socket`, `host` and `outbox` are all that knows the browser. Nothing is leaked on purpose: what
//! JavaScript calls back is owned by the socket, the timer or the listener that needs it and goes with it, or by the function that
//! JavaScript holds.

mod api;
mod app;
mod client;
mod encode;
mod error;
mod handles;
mod host;
mod limits;
mod listeners;
mod options;
mod outbox;
mod plain;
mod sessions;
mod socket;
#[cfg(all(test, target_arch = "wasm32"))]
mod tests;
mod told;
mod wire;

pub use api::connect;

/// The standard library's is several times its size: of use where many threads allocate a lot, and a client does neither.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();
