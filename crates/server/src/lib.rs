//! The Patchcast server: a room is a log, a connection is a cursor on it.

pub mod clock;
pub mod connection;
pub mod cursor;
pub mod dialect;
pub mod document;
mod drain;
pub mod frame;
mod front;
pub mod handshake;
pub mod history;
mod inbox;
pub mod limits;
mod listener;
pub mod log;
mod member;
pub mod outlet;
mod presence;
mod room;
pub mod rooms;
pub mod server;
mod session;
pub mod socket;
mod squash;
mod stream;
pub mod tail;
pub mod worker;
