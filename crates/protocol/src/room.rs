//! Which room a connection speaks to: its kind, and its name taken from the URL's path.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::dialect::Dialect;
use crate::limits::MAX_ROOM_NAME_BYTES;

/// A room, named once and for all. Rooms of different dialects never mix, whatever their names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId {
    /// The dialect in which the room's entries are written.
    pub dialect: Dialect,
    /// The name within the dialect.
    pub name: RoomName,
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.dialect, self.name)
    }
}

/// The name of a room: one or more segments between single slashes, each of ASCII letters, digits, `-`, `_`,
/// `.` and `~`, none of them `.` or `..`; at most [`MAX_ROOM_NAME_BYTES`] bytes in all.
///
/// These are the unreserved characters of RFC 3986, so a name stands in a URL as it is. The empty name is the
/// dialect's default room, which the path `/` leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The room that a URL's path (as it stands in the request, still percent-encoded) leads to.
    ///
    /// Percent-encoding is undone once: `%2561` is the name `%61`, which is refused, and not `a`.
    pub fn from_path(path: &str) -> Result<RoomName, RoomNameError> {
        let encoded = path.strip_prefix('/').unwrap_or(path);
        RoomName::parse(&percent_decode(encoded)?)
    }

    /// A name that was taken from a path earlier.
    pub fn parse(name: &str) -> Result<RoomName, RoomNameError> {
        if name.len() > MAX_ROOM_NAME_BYTES {
            return Err(RoomNameError::TooLong);
        }
        if let Some(bad) = name.chars().find(|c| !is_allowed(*c)) {
            return Err(RoomNameError::BadCharacter(bad));
        }
        let mut segments = name.split('/');
        if !name.is_empty() && segments.any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(RoomNameError::BadSegment);
        }
        Ok(RoomName(name.into()))
    }

    /// The name; empty for the default room.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(default)" } else { &self.0 })
    }
}

/// Why a path names no room. The text is for the person who wrote the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RoomNameError {
    /// More than [`MAX_ROOM_NAME_BYTES`].
    #[error("room name is longer than {MAX_ROOM_NAME_BYTES} bytes")]
    TooLong,
    /// Outside the alphabet.
    #[error("room name has {0:?}; allowed are ASCII letters, digits, - _ . ~ and / between segments")]
    BadCharacter(char),
    /// An empty segment, `.` or `..`.
    #[error("room name has an empty segment, \".\" or \"..\"")]
    BadSegment,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("room name is not valid percent-encoded UTF-8")]
    BadEncoding,
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/')
}

fn percent_decode(encoded: &str) -> Result<String, RoomNameError> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(RoomNameError::BadEncoding);
        };
        decoded.push((high * 16 + low) as u8);
    }
    String::from_utf8(decoded).map_err(|_| RoomNameError::BadEncoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: Result<&str, RoomNameError>) {
        let name = RoomName::from_path(path);
        assert_eq!(
            name.as_ref().map(RoomName::as_str).map_err(|e| *e),
            expect,
            "{path}"
        );
    }

    #[test]
    fn a_path_names_a_room() {
        check("/", Ok(""));
        check("/gifts", Ok("gifts"));
        check("/team-1/board_2.~x", Ok("team-1/board_2.~x"));
        check("/%67ifts", Ok("gifts"));
        check("/a%2Fb", Ok("a/b"));
    }

    #[test]
    fn a_path_outside_the_alphabet_is_refused() {
        check("/a b", Err(RoomNameError::BadCharacter(' ')));
        check("/caf%C3%A9", Err(RoomNameError::BadCharacter('é')));
        check("/a%00", Err(RoomNameError::BadCharacter('\0')));
        check("/%2561", Err(RoomNameError::BadCharacter('%')));
        check("/%ff", Err(RoomNameError::BadEncoding));
        check("/%4", Err(RoomNameError::BadEncoding));
        check("/%+1", Err(RoomNameError::BadEncoding));
    }

    #[test]
    fn dots_and_empty_segments_are_refused() {
        check("//", Err(RoomNameError::BadSegment));
        check("/a//b", Err(RoomNameError::BadSegment));
        check("/a/", Err(RoomNameError::BadSegment));
        check("/../etc", Err(RoomNameError::BadSegment));
        check("/%2e%2e", Err(RoomNameError::BadSegment));
    }

    #[test]
    fn the_length_is_counted_after_decoding() {
        check(&format!("/{}", "%61".repeat(128)), Ok(&"a".repeat(128)));
        check(&format!("/{}", "a".repeat(129)), Err(RoomNameError::TooLong));
    }
}
