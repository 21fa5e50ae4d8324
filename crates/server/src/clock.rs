//! Where the server learns the time of day.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use patchcast_protocol::ids::Timestamp;

/// Tells the time that entries are stamped with. It may jump, in either direction: nothing is ordered or timed by it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock::new(|| Timestamp(UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as u64))
    }

    /// Another clock: the one of a simulator, for example.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}
