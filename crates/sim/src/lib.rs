//! Many sessions and the real rooms in one process, on one virtual clock, from one seed.
//!
//! What runs is the code that runs elsewhere: the client's session, and the server from the bytes of a connection inwards. The
//! network, the disk, the clocks and the browser's database are simulated, and fail in every way that they can.

pub mod disk;
pub mod document;
pub mod ledger;
pub mod life;
pub mod link;
mod lives;
pub mod mutation;
pub mod outbox;
pub mod plain;
pub mod plan;
mod post;
pub mod run;
pub mod server;
pub mod shrink;
mod socket;
mod stage;
pub mod stream;
pub mod swarm;
mod verdict;
pub mod witness;
pub mod world;
