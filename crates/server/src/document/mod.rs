//! The pure core of a document room: what an op becomes, and the value that the log folds to.
//!
//! [`Folded`] is the value at the head of the log. An op names the state that it was made on; the [`Bridge`] of its connection leads from
//! there to the head, and what is left of the op over it is made and becomes an entry. Nothing here awaits, reads a clock or does I/O: what is
//! not in memory is asked for ([`Answer::Missing`]), and what is made is taken back when the log did not accept it.

mod answer;
mod bridge;
mod folded;
mod pace;
mod past;
pub mod record;
#[cfg(test)]
mod tests;
mod way;

pub use answer::{Accepted, Answer, Refused};
pub use bridge::Bridge;
pub use folded::Folded;
pub use past::FoldError;
