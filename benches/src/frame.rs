//! WebSocket frames, as little of them as the generator needs: masked text out, messages of the server in.

use anyhow::{Result, bail, ensure};

/// The largest message that the reader takes: many times the history of the join scenario.
const MAX_MESSAGE: u64 = 256 << 20;

/// Real clients mask with a random key; a fixed one costs the server the same and the generator less.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Something whole that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// A text message, its fragments joined.
    Text(&'a [u8]),
    /// A ping, to be answered with a pong of the same payload.
    Ping(&'a [u8]),
    /// The server closes, with its close code when it gave one.
    Close(Option<u16>),
}

/// Cuts what the server sends into messages, whatever the pieces in which it arrives.
#[derive(Default)]
pub(crate) struct Reader {
    /// Bytes of a frame that is not complete yet.
    carry: Vec<u8>,
    /// The payload so far of a fragmented message; `None` between messages.
    fragments: Option<Vec<u8>>,
}

impl Reader {
    /// Takes the bytes of one read and calls `on` for everything that they complete.
    ///
    /// Fails for what a WebSocket server must not send, and for binary messages, which no dialect has.
    pub(crate) fn feed(
        &mut self,
        input: &[u8],
        mut on: impl FnMut(Incoming<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.carry.is_empty() {
            let used = consume(&mut self.fragments, input, &mut on)?;
            self.carry.extend_from_slice(&input[used..]);
        } else {
            self.carry.extend_from_slice(input);
            let used = consume(&mut self.fragments, &self.carry, &mut on)?;
            self.carry.drain(..used);
        }
        if self.carry.is_empty() {
            // A long history must not keep its room for the rest of the run.
            self.carry.shrink_to(64 << 10);
        }
        Ok(())
    }

    /// Whether everything that was fed has been handed on.
    pub(crate) fn is_at_boundary(&self) -> bool {
        self.carry.is_empty() && self.fragments.is_none()
    }
}

/// Appends `payload` as a masked text frame, the way clients send.
pub(crate) fn push_masked_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_masked(out, TEXT, payload);
}

/// Appends a masked pong.
pub(crate) fn push_pong(out: &mut Vec<u8>, payload: &[u8]) {
    push_masked(out, PONG, payload);
}

/// Appends a masked close frame with code 1000.
pub(crate) fn push_close(out: &mut Vec<u8>) {
    push_masked(out, CLOSE, &1000u16.to_be_bytes());
}

/// Appends `payload` as an unmasked text frame, the way servers send.
pub(crate) fn push_server_text(out: &mut Vec<u8>, payload: &[u8]) {
    push_header(out, TEXT, 0, payload.len());
    out.extend_from_slice(payload);
}

/// Hands on the complete frames at the start of `input` and returns how many bytes they took.
fn consume(
    fragments: &mut Option<Vec<u8>>,
    input: &[u8],
    on: &mut impl FnMut(Incoming<'_>) -> Result<()>,
) -> Result<usize> {
    let mut used = 0;
    while let Some(header) = Header::parse(&input[used..])? {
        let start = used + header.len;
        let Some(payload) = input.get(start..start + header.payload) else {
            break;
        };
        used = start + header.payload;
        match (header.opcode, header.fin, fragments.as_mut()) {
            (TEXT, true, None) => on(Incoming::Text(payload))?,
            (TEXT, false, None) => *fragments = Some(payload.to_vec()),
            (CONTINUATION, fin, Some(message)) => {
                message.extend_from_slice(payload);
                ensure!(
                    message.len() as u64 <= MAX_MESSAGE,
                    "a message above {MAX_MESSAGE} bytes"
                );
                if fin && let Some(message) = fragments.take() {
                    on(Incoming::Text(&message))?;
                }
            }
            (PING, true, _) => on(Incoming::Ping(payload))?,
            (PONG, true, _) => {}
            (CLOSE, true, _) => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                on(Incoming::Close(code))?;
            }
            (BINARY, _, _) => bail!("the server sent a binary message"),
            (opcode, fin, _) => bail!("the server sent a frame out of place (opcode {opcode}, fin {fin})"),
        }
    }
    Ok(used)
}

/// The fixed part of a server's frame.
struct Header {
    opcode: u8,
    fin: bool,
    /// Bytes of the header itself.
    len: usize,
    /// Bytes of the payload behind it.
    payload: usize,
}

impl Header {
    /// `None` when `input` ends within the header.
    fn parse(input: &[u8]) -> Result<Option<Header>> {
        let [first, second, rest @ ..] = input else {
            return Ok(None);
        };
        ensure!(first & 0x70 == 0, "the server set a reserved bit ({first:#04x})");
        ensure!(second & 0x80 == 0, "the server masked a frame");
        let (len, payload) = match second {
            126 => match rest.first_chunk() {
                Some(bytes) => (4, u64::from(u16::from_be_bytes(*bytes))),
                None => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(bytes) => (10, u64::from_be_bytes(*bytes)),
                None => return Ok(None),
            },
            short => (2, u64::from(*short)),
        };
        ensure!(
            payload <= MAX_MESSAGE,
            "the server announced a frame of {payload} bytes"
        );
        Ok(Some(Header {
            opcode: first & 0x0f,
            fin: first & FIN != 0,
            len,
            payload: usize::try_from(payload)?,
        }))
    }
}

fn push_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    push_header(out, opcode, 0x80, payload.len());
    out.extend_from_slice(&MASK);
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
}

fn push_header(out: &mut Vec<u8>, opcode: u8, mask_bit: u8, len: usize) {
    out.push(FIN | opcode);
    if len < 126 {
        out.push(mask_bit | len as u8);
    } else if let Ok(len) = u16::try_from(len) {
        out.push(mask_bit | 126);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(mask_bit | 127);
        out.extend_from_slice(&(len as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reader: &mut Reader, input: &[u8]) -> Vec<Vec<u8>> {
        let mut seen = Vec::new();
        reader
            .feed(input, |incoming| {
                match incoming {
                    Incoming::Text(text) => seen.push(text.to_vec()),
                    other => panic!("expected text, got {other:?}"),
                }
                Ok(())
            })
            .unwrap();
        seen
    }

    fn refusal(input: &[u8]) -> String {
        Reader::default().feed(input, |_| Ok(())).unwrap_err().to_string()
    }

    #[test]
    fn every_length_form_is_read_back_whole() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
            let payload = vec![b'x'; len];
            let mut wire = Vec::new();
            push_server_text(&mut wire, &payload);
            let mut reader = Reader::default();
            assert_eq!(texts(&mut reader, &wire), [payload], "length {len}");
            assert!(reader.is_at_boundary());
        }
    }

    #[test]
    fn frames_cut_at_every_byte_give_the_same_messages() {
        let mut wire = Vec::new();
        push_server_text(&mut wire, b"first");
        push_server_text(&mut wire, &[b'm'; 300]);
        push_server_text(&mut wire, b"");
        for cut in 0..=wire.len() {
            let mut reader = Reader::default();
            let mut seen = texts(&mut reader, &wire[..cut]);
            seen.extend(texts(&mut reader, &wire[cut..]));
            assert_eq!(
                seen,
                [b"first".to_vec(), vec![b'm'; 300], Vec::new()],
                "cut at {cut}"
            );
            assert!(reader.is_at_boundary());
        }
    }

    #[test]
    fn fragments_are_joined_around_a_ping() {
        let wire = [
            &[TEXT, 2, b'a', b'b'][..],
            &[FIN | PING, 1, b'?'],
            &[CONTINUATION, 1, b'c'],
            &[FIN | CONTINUATION, 1, b'd'],
        ]
        .concat();
        let mut seen = Vec::new();
        Reader::default()
            .feed(&wire, |incoming| {
                seen.push(match incoming {
                    Incoming::Text(text) => (TEXT, text.to_vec()),
                    Incoming::Ping(payload) => (PING, payload.to_vec()),
                    Incoming::Close(_) => panic!("nothing was closed"),
                });
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(PING, b"?".to_vec()), (TEXT, b"abcd".to_vec())]);
    }

    #[test]
    fn a_close_frame_tells_its_code_if_it_has_one() {
        let mut seen = Vec::new();
        for wire in [&[FIN | CLOSE, 2, 0x0f, 0xa0][..], &[FIN | CLOSE, 0]] {
            Reader::default()
                .feed(wire, |incoming| {
                    seen.push(matches!(incoming, Incoming::Close(Some(4000))));
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(seen, [true, false]);
    }

    #[test]
    fn a_server_that_breaks_the_rules_is_refused() {
        assert!(refusal(&[FIN | TEXT, 0x81, 0, 0, 0, 0, 0]).contains("masked"));
        assert!(refusal(&[FIN | BINARY, 1, 0]).contains("binary"));
        assert!(refusal(&[FIN | 0x40 | TEXT, 0]).contains("reserved"));
        assert!(refusal(&[FIN | CONTINUATION, 0]).contains("out of place"));
        assert!(refusal(&[TEXT, 0, FIN | TEXT, 0]).contains("out of place"));
        assert!(refusal(&[FIN | TEXT, 127, 1, 0, 0, 0, 0, 0, 0, 0]).contains("announced"));
    }

    #[test]
    fn what_is_masked_comes_back_when_masked_again() {
        let mut wire = Vec::new();
        push_masked_text(&mut wire, b"[1,2,3]");
        assert_eq!(
            wire[..6],
            [FIN | TEXT, 0x80 | 7, MASK[0], MASK[1], MASK[2], MASK[3]]
        );
        let unmasked: Vec<u8> = wire[6..]
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect();
        assert_eq!(unmasked, b"[1,2,3]");
    }
}
