//! Plain HTTP, one request a connection.

use std::net::SocketAddr;

use super::{Raw, head};

/// An HTTP answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Asks for a path. It goes out as it stands here, whatever a browser would make of it.
pub async fn get(address: SocketAddr, path: &str) -> Response {
    let request = head(
        &format!("GET {path} HTTP/1.1"),
        "Host: localhost\r\nConnection: close\r\n",
    );
    exchange(address, request.as_bytes()).await
}

/// Sends the bytes of a request and reads the answer up to the end of the stream.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut raw = Raw::connect(address).await;
    // The server may answer and close before it has read all of a bad request.
    let _ = raw.try_send(request).await;
    let rest = raw.rest().await;
    let end = rest
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer but {:?}", String::from_utf8_lossy(&rest)));
    let head = String::from_utf8(rest[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Response {
        status: status.unwrap_or_else(|| panic!("{head}")),
        body: rest[end + 4..].to_vec(),
        head,
    }
}
