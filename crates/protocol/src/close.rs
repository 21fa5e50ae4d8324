//! Why a WebSocket was closed: one table, in which the number alone tells a client what to do next.

use std::fmt;

/// What a client does after its connection was closed, decided from the close code alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Reconnecting would end the same way: report the reason and stay closed.
    Stop,
    /// The server is in trouble or overloaded: reconnect, starting from the longest backoff.
    Wait,
    /// Nothing is wrong with this client: reconnect with the ordinary backoff.
    Again,
}

/// The close codes that Patchcast's server sends.
///
/// Codes below 3000 are those of RFC 6455, section 7.4.1, and the IANA registry. Of the private range the
/// hundreds tell what to do: 4000 to 4099 stop, 4100 to 4199 wait, 4200 to 4299 reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// Both sides are done.
    Normal = 1000,
    /// The server is shutting down.
    GoingAway = 1001,
    /// The peer broke the WebSocket framing rules.
    ProtocolError = 1002,
    /// A binary frame, where the dialect speaks JSON text.
    UnsupportedData = 1003,
    /// A text frame that is not UTF-8.
    InvalidUtf8 = 1007,
    /// A message above the size limit.
    TooLarge = 1009,
    /// The message could not be stored; it was not delivered to anyone.
    StorageFailed = 1011,
    /// A message that is not what the dialect asks for.
    MalformedMessage = 4000,
    /// A session of a version or a kind that the server does not speak.
    Unsupported = 4001,
    /// The client named an id that is not its secret's.
    NotYourId = 4002,
    /// The same client has joined the room by a newer connection.
    Replaced = 4003,
    /// Nothing was heard from the client for the whole idle timeout.
    IdleTimeout = 4200,
    /// The session's first message did not come in time.
    HelloTimeout = 4201,
    /// The client reads so slowly that the document's entries it is owed are not kept any more.
    FellBehind = 4202,
}

impl CloseCode {
    /// Every code, in the order of its number.
    pub const ALL: [CloseCode; 14] = [
        CloseCode::Normal,
        CloseCode::GoingAway,
        CloseCode::ProtocolError,
        CloseCode::UnsupportedData,
        CloseCode::InvalidUtf8,
        CloseCode::TooLarge,
        CloseCode::StorageFailed,
        CloseCode::MalformedMessage,
        CloseCode::Unsupported,
        CloseCode::NotYourId,
        CloseCode::Replaced,
        CloseCode::IdleTimeout,
        CloseCode::HelloTimeout,
        CloseCode::FellBehind,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The short name that stands in the documentation and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            CloseCode::Normal => "normal",
            CloseCode::GoingAway => "going away",
            CloseCode::ProtocolError => "protocol error",
            CloseCode::UnsupportedData => "unsupported data",
            CloseCode::InvalidUtf8 => "invalid UTF-8",
            CloseCode::TooLarge => "message too large",
            CloseCode::StorageFailed => "storage failed",
            CloseCode::MalformedMessage => "malformed message",
            CloseCode::Unsupported => "unsupported",
            CloseCode::NotYourId => "not your id",
            CloseCode::Replaced => "replaced",
            CloseCode::IdleTimeout => "idle timeout",
            CloseCode::HelloTimeout => "hello timeout",
            CloseCode::FellBehind => "fell behind",
        }
    }

    /// What the client does next; the same as [`advice`] of the number.
    pub const fn advice(self) -> Advice {
        advice(self.number())
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number(), self.name())
    }
}

/// What a client does after a close with this code, whoever sent it.
///
/// Total over all numbers, so that a client understands codes that are younger than itself. 1005 and 1006
/// are what a WebSocket API reports when the connection broke without a close frame.
pub const fn advice(code: u16) -> Advice {
    match code {
        1000 | 1002 | 1003 | 1007..=1010 | 1015 | 4000..=4099 => Advice::Stop,
        1011 | 1013 | 4100..=4199 => Advice::Wait,
        _ => Advice::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundreds_of_a_private_code_tell_what_to_do() {
        assert_eq!(advice(4042), Advice::Stop);
        assert_eq!(advice(4142), Advice::Wait);
        assert_eq!(advice(4242), Advice::Again);
    }

    #[test]
    fn a_connection_that_broke_is_made_again() {
        assert_eq!(advice(1005), Advice::Again);
        assert_eq!(advice(1006), Advice::Again);
        assert_eq!(CloseCode::GoingAway.advice(), Advice::Again);
    }

    #[test]
    fn all_lists_every_code_once_in_order() {
        assert!(CloseCode::ALL.is_sorted_by_key(|code| code.number()));
    }
}
