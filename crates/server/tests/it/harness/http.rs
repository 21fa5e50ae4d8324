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

/// Sends the bytes of a request and reads the answer to its end.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Response {
    let mut raw = Raw::connect(address).await;
    // The server may answer and close before it has read all of a bad request.
    let _ = raw.try_send(request).await;
    let head = raw.head().await;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut response = Response {
        status: status.unwrap_or_else(|| panic!("{head}")),
        head,
        body: Vec::new(),
    };
    if response.status != 101 {
        let length = response
            .header("content-length")
            .parse()
            .expect("an answer says how long it is");
        response.body = raw.bytes(length).await;
    }
    response
}
