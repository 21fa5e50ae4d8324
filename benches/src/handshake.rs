//! The client's side of the opening handshake, by hand and blocking: it is not what is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use crate::TIMEOUT;

/// The key and its answer are the example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MAX_HEAD: usize = 16 << 10;

/// Opens a TCP connection the way every connection of a run is opened.
pub(crate) fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream =
        TcpStream::connect_timeout(&addr, TIMEOUT).with_context(|| format!("connecting to {addr}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Upgrades the connection to the room `path` (it begins with `/`), with a subprotocol or without.
///
/// Returns what the server sent behind its answer: the beginning of its frames.
pub(crate) fn upgrade(stream: &mut TcpStream, path: &str, protocol: Option<&str>) -> Result<Vec<u8>> {
    let host = stream.peer_addr()?;
    let protocol = protocol.map_or_else(String::new, |name| format!("Sec-WebSocket-Protocol: {name}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{protocol}\r\n"
    );
    stream.write_all(request.as_bytes())?;

    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let n = stream
            .read(&mut chunk)
            .context("waiting for the answer to the handshake")?;
        ensure!(n > 0, "the server hung up during the handshake");
        received.extend_from_slice(&chunk[..n]);
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            check(&received[..end])?;
            received.drain(..end + 4);
            return Ok(received);
        }
        ensure!(
            received.len() <= MAX_HEAD,
            "the answer to the handshake does not end"
        );
    }
}

fn check(head: &[u8]) -> Result<()> {
    let head = str::from_utf8(head).context("the answer to the handshake is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    ensure!(
        status.starts_with("HTTP/1.1 101"),
        "the handshake was answered {status:?}"
    );
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("sec-websocket-accept") {
            ensure!(value.trim() == ACCEPT, "a wrong Sec-WebSocket-Accept: {value:?}");
            return Ok(());
        }
    }
    bail!("the handshake's answer has no Sec-WebSocket-Accept")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_answer_is_accepted_whatever_the_case_of_its_names() {
        check(b"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-ACCEPT: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            .unwrap();
    }

    #[test]
    fn a_refusal_a_wrong_accept_and_none_are_errors() {
        for head in [
            "HTTP/1.1 503 Service Unavailable",
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: nonsense",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket",
        ] {
            assert!(check(head.as_bytes()).is_err(), "{head}");
        }
    }
}
