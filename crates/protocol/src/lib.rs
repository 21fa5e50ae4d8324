//! The messages, patches, limits and close codes that the server and its clients share.
//!
//! Pure: nothing here awaits, reads a clock or draws a random number, so the crate compiles for
//! `wasm32-unknown-unknown` and imports nothing from its host.

pub mod apply;
mod canonical;
pub mod chat;
pub mod close;
pub mod dialect;
pub mod diff;
pub mod edit;
pub mod entry;
pub mod ids;
pub mod limits;
mod malformed;
pub mod message;
mod opaque;
pub mod patch;
pub mod patches;
pub mod path;
pub mod room;
pub mod value;

pub use malformed::Malformed;
