//! The Patchcast server: a room is a log, a connection is a cursor on it.
