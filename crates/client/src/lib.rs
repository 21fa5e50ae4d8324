//! A client for Patchcast rooms on Tokio: the session's state machine with a socket and a clock.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use patchcast_client::{Client, Event, Options, RawValue};
//!
//! let (client, mut events) = Client::connect("ws://127.0.0.1:5001/notes", Options::default())?;
//! let receipt = client.submit(RawValue::from_string(r#"{"text":"milk"}"#.into())?).await;
//! while let Some(event) = events.next().await {
//!     if let Event::Entry(entry) = event {
//!         println!("{} {}", entry.seq, entry.data);
//!     }
//! }
//! let ack = receipt.await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod codec;
mod driver;
mod event;
pub mod limits;
mod options;
mod receipts;
mod socket;
mod url;

pub use client::{Client, Events};
pub use event::{Entry, Event, Left};
pub use options::Options;
pub use patchcast_protocol::ids::{Author, Epoch, OpId, Position, Secret, Seq, Timestamp};
pub use patchcast_protocol::message::{Ack, Durability, PresenceChange, Present, Welcome};
pub use patchcast_session::{Closure, Config, Op, Restored};
pub use receipts::{NotStored, Receipt};
pub use serde_json::value::RawValue;
pub use url::BadUrl;
