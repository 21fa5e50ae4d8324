//! The bounds of the client that are not the session's, with their reasons.

/// The longest wait in milliseconds that an app may ask for: a day. Timers of the host overflow at 24 days.
pub(crate) const BACKOFF_CEILING_MS: f64 = 86_400_000.0;

/// An attempt without an answer is given up after this many milliseconds. A network that swallows packets
/// lets the browser itself wait for minutes.
pub(crate) const ATTEMPT_TIMEOUT_MS: f64 = 10_000.0;

/// Bytes that may lie in the browser's own send buffer. A connection that takes nothing, and that nobody has
/// noticed to be broken, must not eat the memory of the page.
pub(crate) const BUFFERED_BYTES: u32 = 16 << 20;
