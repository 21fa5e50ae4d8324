//! Rooms of kind `document`.

mod bad_input;
mod changing;
mod joining;
mod storing;
