//! The messages, patches, limits and close codes that the server and its clients share.
//!
//! Pure: nothing here awaits, reads a clock or draws a random number, so the crate compiles for
//! `wasm32-unknown-unknown` and imports nothing from its host.

pub mod close;
