//! Bytes that break the framing rules of RFC 6455.

use super::{check_patches, offend, row};
use crate::harness::{Client, Opcode, Raw, Server, frame, handshake, patch};

/// A frame without the mask that every client's frame must have.
fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

/// The header of a masked text frame of so many bytes.
fn header_of(len: u64) -> Vec<u8> {
    let mut header = vec![Opcode::FIN | Opcode::TEXT, 0x80 | 127];
    header.extend(len.to_be_bytes());
    header.extend([0; 4]);
    header
}

#[tokio::test]
async fn a_broken_frame_closes_its_sender_with_the_code_that_names_the_fault() {
    let server = Server::start(&[]).await;
    let fin = Opcode::FIN;
    let patch = patch("a", 1).into_bytes();
    let text = |flags: u8| frame(flags | Opcode::TEXT, &patch);
    let close = |payload: &[u8]| frame(fin | Opcode::CLOSE, payload);
    check_patches(
        &server,
        "/",
        vec![
            row("an unmasked text", unmasked(fin | Opcode::TEXT, &patch), 1002, ""),
            row("an unmasked ping", unmasked(fin | Opcode::PING, b"hi"), 1002, ""),
            row("reserved bit 1", text(fin | 0x40), 1002, ""),
            row("reserved bit 2", text(fin | 0x20), 1002, ""),
            row("reserved bit 3", text(fin | 0x10), 1002, ""),
            row("opcode 3", frame(fin | 0x3, &patch), 1002, ""),
            row("opcode 7", frame(fin | 0x7, &patch), 1002, ""),
            row("opcode 11", frame(fin | 0xb, b""), 1002, ""),
            row("opcode 15", frame(fin | 0xf, b""), 1002, ""),
            row("a ping in fragments", frame(Opcode::PING, b"hi"), 1002, ""),
            row(
                "a close in fragments",
                frame(Opcode::CLOSE, b"\x03\xe8"),
                1002,
                "",
            ),
            row("a long ping", frame(fin | Opcode::PING, &[b'x'; 126]), 1002, ""),
            row(
                "a continuation of nothing",
                frame(fin | Opcode::CONTINUATION, &patch),
                1002,
                "",
            ),
            row(
                "a text within a text",
                [frame(Opcode::TEXT, b"["), text(fin)].concat(),
                1002,
                "",
            ),
            row("a close of one byte", close(b"\x03"), 1002, ""),
            row(
                "a close code that is not for the wire",
                close(b"\x03\xed"),
                1002,
                "",
            ),
            row("a close code below 1000", close(b"\x00\x00"), 1002, ""),
            row(
                "a close reason that is no UTF-8",
                close(b"\x03\xe8\xff"),
                1007,
                "",
            ),
            row(
                "the header of a frame that is too large",
                header_of((1 << 20) + 1),
                1009,
                "",
            ),
            row("the header of a huge frame", header_of(1 << 62), 1009, ""),
            row("a length with its highest bit", header_of(1 << 63), 1009, ""),
            row(
                "TLS",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
                1002,
                "",
            ),
            row("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 1002, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn fragments_without_an_end_are_cut_off_at_the_size_of_a_message() {
    let server = Server::start(&[]).await;
    let mut endless = frame(Opcode::TEXT, b"[");
    for _ in 0..300 {
        endless.extend(frame(Opcode::CONTINUATION, &[b' '; 4096]));
    }
    // A peer that goes on for ever all the same is cut off.
    let mut offender = Raw::join(&server, "/").await;
    while offender.try_send(&endless).await.is_ok() {}
    // The same in empty fragments, which never add up to anything, must not disturb anyone either.
    let mut patient = Raw::join(&server, "/").await;
    patient.send(&frame(Opcode::TEXT, b"")).await;
    for _ in 0..100 {
        patient
            .send(&frame(Opcode::CONTINUATION, b"").repeat(1_000))
            .await;
    }
    check_patches(&server, "/", vec![row("endless fragments", endless, 1009, "")]).await;
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_leaves_nothing_behind() {
    let server = Server::start(&["--max-connections", "2"]).await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let whole = frame(Opcode::FIN | Opcode::TEXT, patch("cut", 1).as_bytes());
    for cut in 0..whole.len() {
        // Each takes the only other place, so the one before must have been forgotten.
        let mut ann = join_full(&server).await;
        ann.send(&whole[..cut]).await;
        match cut % 2 {
            0 => drop(ann),
            _ => {
                ann.finish().await;
                ann.rest().await;
            }
        }
    }
    let mut ann = join_full(&server).await;
    assert_eq!(ann.text().await, "[]");
    bob.send(patch("a", 1)).await;
    assert_eq!(ann.text().await, patch("a", 1));
}

/// Joins as soon as there is a place.
async fn join_full(server: &Server) -> Raw {
    loop {
        let mut raw = Raw::connect(server.address()).await;
        raw.send(handshake("/", "").as_bytes()).await;
        if raw.head().await.starts_with("HTTP/1.1 101 ") {
            return raw;
        }
    }
}

#[tokio::test]
async fn a_reason_is_told_even_to_a_client_that_has_much_unread() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let mut offender = Raw::join(&server, "/").await;
    assert_eq!(offender.text().await, "[]");
    for n in 0..50 {
        ann.send(patch("n", n)).await;
    }
    offend(
        &mut offender,
        &row("nonsense", frame(Opcode::FIN | Opcode::TEXT, b"?"), 4000, "JSON"),
    )
    .await;
}
