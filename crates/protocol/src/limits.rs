//! The bounds that both sides of a connection must know.

use std::ops::RangeInclusive;

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

/// The largest integer that JavaScript counts without gaps (ECMAScript's `Number.MAX_SAFE_INTEGER`): no id and no number of an
/// entry is above it.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Characters of a session client's secret: at least 128 bits of base64url, and no more than anybody needs.
pub const SECRET_CHARACTERS: RangeInclusive<usize> = 22..=128;

/// Levels of arrays and objects in the data of an op or of a client's presence: [`MAX_DEPTH`] without the levels that the
/// server's own messages put around it.
pub const MAX_DATA_DEPTH: usize = MAX_DEPTH - 3;

/// Levels of arrays and objects in a document, so that the whole of it fits an op: [`MAX_DATA_DEPTH`] without the list and the patch around it.
/// Everything that walks a value recurses, and it is well below what the smallest stack of a thread holds.
pub const MAX_DOCUMENT_DEPTH: usize = MAX_DATA_DEPTH - 2;

/// Bytes of a document as JSON, unless its owner chose otherwise. In memory it takes several times as much, and a client that joins is sent it whole.
pub const DEFAULT_MAX_DOCUMENT_BYTES: usize = 32 << 20;

/// Items that one batch of patches can make by growing an array's `length`, each a `null`. They cost their sender nothing: forty
/// bytes would fill a document.
pub const MAX_LENGTH_GROWTH: usize = 10_000;

/// Bytes of one client's presence as JSON. Everyone's is sent to everyone.
pub const MAX_PRESENCE_BYTES: usize = 1024;

/// The version of the sessions dialect's messages that this code speaks.
pub const SESSION_VERSION: u32 = 1;

/// Bytes of the reason in a close frame (RFC 6455, section 5.5: a control frame carries 125, the code takes two).
pub const MAX_CLOSE_REASON_BYTES: usize = 123;

/// Bytes that are told of what is wrong with somebody's JSON. The parser repeats what it has met, which may be as long as a message.
pub const MAX_REASON_BYTES: usize = 512;

/// `reason`, or its beginning where it is very long.
pub fn short_reason(mut reason: String) -> String {
    if reason.len() > MAX_REASON_BYTES {
        reason.truncate(reason.floor_char_boundary(MAX_REASON_BYTES));
        reason.push_str(" ..");
    }
    reason
}

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
        let short = short_reason("ä".repeat(1000));
        assert_eq!(
            (short.len(), &short[MAX_REASON_BYTES..]),
            (MAX_REASON_BYTES + 3, " ..")
        );
    }
}
