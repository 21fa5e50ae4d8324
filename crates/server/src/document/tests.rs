//! What the core of a document room does, op by op.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod carrying;
mod keeping;
mod random;

mod refusing;
mod resending;
mod room;

use patchcast_protocol::ids::Author;

const ANN: Author = Author([1; 12]);
const BEN: Author = Author([2; 12]);
