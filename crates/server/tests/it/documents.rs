//! Rooms of kind `document`.

mod bad_input;
mod changing;
mod crashes;
mod joining;
mod storing;
