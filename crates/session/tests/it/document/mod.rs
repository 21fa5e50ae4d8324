//! Sessions of documents, frame by frame.

mod client;
mod joining;
mod restored;
mod undoing;
mod updates;
