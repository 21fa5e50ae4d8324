//! How a client is begun.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use patchcast_protocol::ids::{Position, Secret};
use patchcast_session::{Config, Restored};
use serde_json::value::RawValue;

/// What a client may be given; the default is a new client that starts at the room's beginning.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Times, and whether to be told of the others' presence. `pending_limit` is not looked at: whoever submits waits until there is
    /// room. Neither is `echo`: all entries come as events, the own ones in their places.
    pub config: Config,
    /// Who the client is. `None` draws a new one.
    pub secret: Option<Secret>,
    /// What an earlier life of the same secret left; it must be given whenever there was one.
    pub restored: Restored<Arc<RawValue>>,
}

impl Options {
    /// A new client that wants what comes after `position`.
    #[must_use]
    pub fn after(position: Position) -> Options {
        let restored = Restored {
            position: Some(position),
            ..Restored::default()
        };
        Options {
            restored,
            ..Options::default()
        }
    }
}

/// 128 bits of the system's random numbers.
pub(crate) fn new_secret() -> Secret {
    let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    Secret::parse(&text).expect("16 bytes are 22 characters of base64url")
}
