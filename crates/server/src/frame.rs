//! Server-to-client WebSocket frames (RFC 6455, section 5.2): unmasked, never fragmented.

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::limits::close_reason;

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;

/// A ping without a payload.
pub const PING: [u8; 2] = [FIN | 0x9, 0];

/// Appends a text frame.
pub fn push_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_header(out, TEXT, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// Appends a text frame whose payload, of a length that is not known before, `write` appends.
pub fn push_text_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let mut header = Vec::with_capacity(10);
    push_text_header(&mut header, (out.len() - start) as u64);
    out.splice(start..start, header);
}

/// Appends a binary frame.
pub fn push_binary(out: &mut Vec<u8>, payload: &[u8]) {
    push_header(out, BINARY, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// Appends the header of a text frame whose payload of `len` bytes follows elsewhere.
pub fn push_text_header(out: &mut Vec<u8>, len: u64) {
    push_header(out, TEXT, len);
}

/// A close frame; the reason is cut to what a control frame carries.
pub fn close(code: CloseCode, reason: &str) -> Vec<u8> {
    let reason = close_reason(reason).as_bytes();
    let mut frame = Vec::with_capacity(4 + reason.len());
    push_header(&mut frame, CLOSE, 2 + reason.len() as u64);
    frame.extend_from_slice(&code.number().to_be_bytes());
    frame.extend_from_slice(reason);
    frame
}

fn push_header(out: &mut Vec<u8>, opcode: u8, len: u64) {
    out.push(FIN | opcode);
    match len {
        0..=125 => out.push(len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: u64) -> Vec<u8> {
        let mut out = Vec::new();
        push_text_header(&mut out, len);
        out
    }

    #[test]
    fn a_length_takes_the_shortest_form() {
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_frame_of_unknown_length_gets_its_header_in_front() {
        let mut out = b"before".to_vec();
        push_text_with(&mut out, |text| text.extend_from_slice(&[b'x'; 200]));
        let mut expected = b"before".to_vec();
        push_text(&mut expected, &[b'x'; 200]);
        assert_eq!(out, expected);
    }

    #[test]
    fn a_close_frame_fits_a_control_frame() {
        let frame = close(CloseCode::MalformedMessage, &"x".repeat(200));
        assert_eq!(frame.len(), 2 + 125);
        assert_eq!(frame[1], 125);
    }
}
