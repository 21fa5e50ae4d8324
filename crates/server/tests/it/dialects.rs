//! What the two plain dialects promise to the clients of the lessons.

mod chat;
mod joining;
mod patches;
mod rooms;
mod squashing;
