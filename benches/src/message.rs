//! The message that is measured: one patch as the gift list sends it, about a hundred bytes, numbered.

use anyhow::{Context, Result, ensure};

const BEFORE: &[u8] = br#"[{"op":"replace","path":["gifts","immer_license","reservedBy"],"value":"user-"#;
const AFTER: &[u8] = br#"-michel"}]"#;
const DIGITS: usize = 8;

/// The length of every message. It stays under 126 bytes, so its frame has the short header.
pub(crate) const LEN: usize = BEFORE.len() + DIGITS + AFTER.len();

/// The text of message `id`.
///
/// All messages have one length and differ only in the number, so that checking one is cheap.
pub(crate) fn text(id: usize) -> Vec<u8> {
    assert!(
        id < 10usize.pow(DIGITS as u32),
        "message numbers have {DIGITS} digits"
    );
    [BEFORE, format!("{id:0DIGITS$}").as_bytes(), AFTER].concat()
}

/// The number of a received message; fails when it differs from what was sent in a single byte.
pub(crate) fn id(text: &[u8]) -> Result<usize> {
    let digits = text
        .strip_prefix(BEFORE)
        .and_then(|rest| rest.strip_suffix(AFTER))
        .filter(|digits| digits.len() == DIGITS)
        .with_context(|| format!("received what nobody sent: {}", preview(text)))?;
    digits.iter().try_fold(0, |id, digit| {
        ensure!(
            digit.is_ascii_digit(),
            "received what nobody sent: {}",
            preview(text)
        );
        Ok(id * 10 + usize::from(digit - b'0'))
    })
}

/// What a joiner is sent after messages `0..count`: all their patches in one array.
pub(crate) fn history(count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(count * LEN + 2);
    out.push(b'[');
    for id in 0..count {
        if id > 0 {
            out.push(b',');
        }
        let text = text(id);
        out.extend_from_slice(&text[1..text.len() - 1]);
    }
    out.push(b']');
    out
}

/// The start of a text, for an error message.
pub(crate) fn preview(text: &[u8]) -> String {
    let shown = &text[..text.len().min(120)];
    format!("{:?} ({} bytes)", String::from_utf8_lossy(shown), text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_of_one_patch_with_the_short_frame_header() {
        let parsed: serde_json::Value = serde_json::from_slice(&text(42)).unwrap();
        assert_eq!(parsed[0]["op"], "replace");
        assert_eq!(text(42).len(), LEN);
        const { assert!(LEN < 126) };
    }

    #[test]
    fn the_number_survives_and_any_changed_byte_is_found() {
        let sent = text(1_234_567);
        assert_eq!(id(&sent).unwrap(), 1_234_567);
        for at in 0..sent.len() {
            let mut broken = sent.clone();
            broken[at] = b'~';
            assert!(id(&broken).is_err(), "byte {at}");
        }
        assert!(id(&sent[..sent.len() - 1]).is_err());
        assert!(id(b"[]").is_err());
    }

    #[test]
    fn the_history_is_one_array_of_all_patches() {
        assert_eq!(history(0), b"[]");
        let parsed: Vec<serde_json::Value> = serde_json::from_slice(&history(3)).unwrap();
        assert_eq!(parsed.len(), 3);
        assert_eq!(parsed[2]["value"], "user-00000002-michel");
    }
}
