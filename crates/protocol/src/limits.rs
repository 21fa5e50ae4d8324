//! The bounds that both sides of a connection must know.

/// Levels of arrays and objects in one message. It is what serde_json reads, which keeps the stack of a
/// thread that reads a stranger's message bounded; a patch and its list take two of them.
pub const MAX_DEPTH: usize = 127;

/// Bytes of one message, in either direction of the plain dialects, unless the operator chose otherwise. A gift list of ten
/// thousand gifts fits; a client cannot make the server hold much for it.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 1 << 20;

/// Bytes of a room's name after percent-decoding. Names stand in logs and in every row of an index.
pub const MAX_ROOM_NAME_BYTES: usize = 128;

/// Messages that a chat client is shown, newest first. The lesson's own number.
pub const CHAT_WINDOW: usize = 50;

/// Bytes of a chat message's user name.
pub const MAX_CHAT_USER_BYTES: usize = 256;

/// Bytes of a chat message's text. Every client is sent the whole window after every message, so this bounds
/// one delivery to about a quarter of a mebibyte.
pub const MAX_CHAT_TEXT_BYTES: usize = 4096;

/// Bytes of the reason in a close frame (RFC 6455, section 5.5: a control frame carries 125, the code takes two).
pub const MAX_CLOSE_REASON_BYTES: usize = 123;

/// The longest beginning of `reason` that fits a close frame and ends between two characters.
pub fn close_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_CLOSE_REASON_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let reason = "ä".repeat(100);
        assert_eq!(close_reason(&reason).len(), 122);
        assert_eq!(close_reason("short"), "short");
    }
}
