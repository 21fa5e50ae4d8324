//! The browser's side of Patchcast: `connect(url, onMessage)` gives a `send` function that reconnects and queues.
//!
//! From the outside in: `api` is the JavaScript face, `driver` carries out what the pure `connection` decides, `socket`
//! and `host` are all that knows the browser. Nothing is leaked on purpose: what JavaScript calls back is owned by
//! the socket, the timer or the listener that needs it and goes with it, or by the function that JavaScript holds.

mod api;
mod backoff;
mod connection;
mod dialect;
mod driver;
mod error;
mod host;
mod limits;
mod listeners;
mod options;
mod patches;
mod queue;
mod socket;
#[cfg(all(test, target_arch = "wasm32"))]
mod tests;
mod told;
mod wire;

pub use api::connect;
