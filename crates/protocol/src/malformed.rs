//! What is wrong with a message that its dialect does not understand.

use crate::limits::{MAX_DEPTH, short_reason};
use thiserror::Error;

/// A message that must not reach a log. The sender is told the text of this error; nobody else is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Not JSON, or JSON that JavaScript's own `JSON.stringify` cannot have made: a lone surrogate, a number
    /// beyond a double. Send what `JSON.stringify` returns.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Nested deeper than this many levels.
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
    /// JSON of another shape than the dialect's messages have.
    #[error("{0}")]
    WrongShape(String),
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        let text = short_reason(error.to_string());
        match error.classify() {
            serde_json::error::Category::Data => Malformed::WrongShape(text),
            _ if text.starts_with("recursion limit exceeded") => Malformed::TooDeep(MAX_DEPTH),
            _ => Malformed::NotJson(text),
        }
    }
}
