//! The numbers that name things: entries of a room, and who wrote them.

use std::fmt;

use base64::Engine;
use base64::display::Base64Display;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::limits::SECRET_CHARACTERS;

/// The number of an entry in its room's log: 1 for the first, and no number is left out.
///
/// As a position it means "after this entry", so 0 is the beginning of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first entry.
    pub const START: Seq = Seq(0);

    /// The entry after this one.
    #[must_use]
    pub const fn next(self) -> Seq {
        Seq(self.0 + 1)
    }

    /// The position `count` entries further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Seq {
        Seq(self.0 + count)
    }

    /// How many entries lie after `earlier` up to this position; 0 when there are none.
    pub const fn since(self, earlier: Seq) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.0)
    }
}

/// Who wrote an entry: a client of the sessions dialect, or one connection of a plain dialect.
///
/// A plain connection's is drawn at random when it is accepted, so that no later connection, after a restart either, is
/// taken for the author of older entries. A session's follows from the client's [`Secret`]. On the wire it is 16
/// characters of base64url (RFC 4648, section 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Author(pub [u8; 12]);

impl Author {
    /// The client whose secret this is: the first 12 bytes of the SHA-256 of the secret's text.
    ///
    /// So nobody needs to keep who an id belongs to: whoever does not know the secret cannot find one that gives the same id.
    pub fn of(secret: &Secret) -> Author {
        let digest = Sha256::digest(secret.as_str());
        Author(*digest.first_chunk().expect("SHA-256 has 32 bytes"))
    }

    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Author> {
        let mut bytes = [0; 12];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(12) => Some(Author(bytes)),
            _ => None,
        }
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Display::new(&self.0, &URL_SAFE_NO_PAD).fmt(f)
    }
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Author({self})")
    }
}

/// What a client of the sessions dialect proves with that it is the one it was before: 22 to 128 characters of base64url, drawn
/// at random (22 characters carry 132 bits). Whoever knows it can write in the client's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// `None` when `text` is shorter, longer, or has other characters.
    pub fn parse(text: &str) -> Option<Secret> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let valid = SECRET_CHARACTERS.contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Secret(text.into()))
    }

    /// The text, for the wire only.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    /// Secrets do not get into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The number that a client gives an op: from 1, each larger than the one before. Together with the client it names the op
/// for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

impl OpId {
    /// Before the first op; also of entries whose dialect has no ops.
    pub const NONE: OpId = OpId(0);

    /// The op after this one.
    #[must_use]
    pub const fn next(self) -> OpId {
        OpId(self.0 + 1)
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op {}", self.0)
    }
}

/// Which log a [`Seq`] counts: drawn at random when a room's log begins, so a number from a log that was lost or replaced is
/// not taken for a place in its successor. On the wire it is 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Epoch> {
        let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| u64::from_str_radix(text, 16).ok().map(Epoch))?
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A place in a log: after the entry `seq` of the log `epoch`.
///
/// `seq` 0 is the beginning of every log, whatever the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which log.
    pub epoch: Epoch,
    /// After which of its entries.
    pub seq: Seq,
}

/// What tells whether two have the same state of a document: see [`state_hash`](crate::value::state_hash). On the wire it is 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateHash(pub [u8; 8]);

impl StateHash {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<StateHash> {
        Epoch::parse(text).map(|Epoch(number)| StateHash(number.to_be_bytes()))
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateHash({self})")
    }
}

/// Milliseconds since 1970-01-01 UTC by the server's clock. For people to read: entries are ordered by [`Seq`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_follows_from_its_secret() {
        let secret = Secret::parse("aaaaaaaaaaaaaaaaaaaaaa").unwrap();
        let id = Author::of(&secret);
        // printf aaaaaaaaaaaaaaaaaaaaaa | sha256sum | cut -c1-24 | xxd -r -p | base64
        assert_eq!(id.to_string(), "7HxJTfbSp-o2Zo1l");
        assert_eq!(Author::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn an_id_that_is_not_sixteen_characters_of_base64url_is_none() {
        for text in [
            "",
            "AAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAA+",
        ] {
            assert_eq!(Author::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_has_22_to_128_characters_of_base64url() {
        for (text, valid) in [
            ("a".repeat(21), false),
            ("a".repeat(22), true),
            ("-_0aZ".repeat(20), true),
            ("a".repeat(129), false),
            ("a b".repeat(10), false),
        ] {
            assert_eq!(Secret::parse(&text).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn an_epoch_is_sixteen_lower_case_digits() {
        let epoch = Epoch(0xabc);
        assert_eq!(epoch.to_string(), "0000000000000abc");
        assert_eq!(Epoch::parse("0000000000000abc"), Some(epoch));
        for text in [
            "",
            "abc",
            "0000000000000ABC",
            "+000000000000abc",
            "00000000000000abc",
        ] {
            assert_eq!(Epoch::parse(text), None, "{text}");
        }
    }
}
