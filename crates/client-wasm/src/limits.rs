//! Every bound of the client, with its reason.

/// Messages kept while the connection is not open, unless the app chooses otherwise. Enough for a person who
/// edits through a tunnel; small enough that an endless loop of `send` is told so at once.
pub(crate) const QUEUE_LIMIT: u32 = 1000;

/// The first wait between two attempts is drawn from zero to this many milliseconds: a server that restarts
/// is back under the open pages within a blink, and a thousand pages do not come back in one instant.
pub(crate) const BACKOFF_MIN_MS: f64 = 500.0;

/// No wait is longer than this many milliseconds, so that an open page recovers while its reader still looks.
pub(crate) const BACKOFF_MAX_MS: f64 = 20_000.0;

/// The longest wait in milliseconds that an app may ask for: a day. Timers of the host overflow at 24 days.
pub(crate) const BACKOFF_CEILING_MS: f64 = 86_400_000.0;

/// An attempt without an answer is given up after this many milliseconds. A network that swallows packets
/// lets the browser itself wait for minutes.
pub(crate) const ATTEMPT_TIMEOUT_MS: f64 = 10_000.0;

/// Only a connection that lived this many milliseconds makes the next wait short again: a server that
/// accepts and then breaks every connection would otherwise be met with attempts without a pause.
pub(crate) const STABLE_AFTER_MS: f64 = 5_000.0;

/// Bytes that may lie in the browser's own send buffer. A connection that takes nothing, and that nobody has
/// noticed to be broken, must not eat the memory of the page.
pub(crate) const BUFFERED_BYTES: u32 = 16 << 20;
