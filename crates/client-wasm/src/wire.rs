//! What `JSON.stringify` can write and the server does not take, found before it costs the connection.

use std::str::Bytes;

/// Why the server would close the connection over a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    TooDeep,
    LoneSurrogate,
}

/// Looks through `text`, which `JSON.stringify` wrote and which may have `levels` levels of arrays and objects; of any other text
/// the answer means nothing.
pub(crate) fn check(text: &str, levels: usize) -> Result<(), Unsendable> {
    let mut depth = 0;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, in_string) {
            (b'"', _) => in_string = !in_string,
            (b'\\', true) => check_escape(&mut bytes)?,
            (b'[' | b'{', false) => {
                depth += 1;
                if depth > levels {
                    return Err(Unsendable::TooDeep);
                }
            }
            (b']' | b'}', false) => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}

/// Passes over an escape, whose backslash was read.
fn check_escape(bytes: &mut Bytes<'_>) -> Result<(), Unsendable> {
    // Surrogates in pairs are written as the character they make, so an escaped one is alone.
    let is_lone = bytes.next() == Some(b'u')
        && bytes.next() == Some(b'd')
        && matches!(bytes.next(), Some(b'8' | b'9' | b'a'..=b'f'));
    if is_lone {
        Err(Unsendable::LoneSurrogate)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcast_protocol::limits::{MAX_DATA_DEPTH, MAX_DEPTH};
    use patchcast_protocol::message::read_client;
    use patchcast_protocol::patches::check_message;

    fn nested(levels: usize) -> String {
        ["[".repeat(levels), "]".repeat(levels)].concat()
    }

    #[test]
    fn the_depth_limits_are_the_server_s() {
        for levels in MAX_DATA_DEPTH - 3..MAX_DEPTH + 3 {
            let text = nested(levels);
            // A patch and its list are two of the levels.
            let value = nested(levels - 2);
            let patches = format!(r#"[{{"op":"add","path":[],"value":{value}}}]"#);
            let taken = check_message(&patches).is_ok();
            assert_eq!(check(&patches, MAX_DEPTH).is_ok(), taken, "{levels} levels");
            let op = format!(r#"{{"type":"op","id":1,"data":{text}}}"#);
            let taken = read_client(&op).is_ok();
            assert_eq!(check(&text, MAX_DATA_DEPTH).is_ok(), taken, "{levels} levels");
        }
        assert_eq!(check(&nested(3), 3), Ok(()));
        assert_eq!(check(&nested(4), 3), Err(Unsendable::TooDeep));
    }

    #[test]
    fn brackets_that_were_closed_or_stand_in_a_string_are_no_depth() {
        let list = format!("[{}[]]", "[],".repeat(1000));
        assert_eq!(check(&list, 3), Ok(()));
        let text = format!(r#"["{}\"{}"]"#, "[".repeat(1000), "{".repeat(1000));
        assert_eq!(check(&text, 1), Ok(()));
    }

    #[test]
    fn an_escaped_surrogate_is_a_lone_one() {
        for text in [r#"["\ud83d"]"#, r#"["\udc00x"]"#, r#"{"\\\udfff":1}"#] {
            assert_eq!(check(text, 1), Err(Unsendable::LoneSurrogate), "{text}");
        }
    }

    #[test]
    fn other_escapes_and_whole_characters_are_sent() {
        for text in [r#"["\\ud83d"]"#, r#"["\u0001\ud7ff"]"#, r#"["😀\n\"\\"]"#] {
            assert_eq!(check(text, 1), Ok(()), "{text}");
        }
    }
}
