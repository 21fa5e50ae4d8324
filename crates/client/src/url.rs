//! The URL of a room, read once into what a handshake needs.

use patchcast_protocol::dialect::Dialect;
use thiserror::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Why a URL leads to no room.
#[derive(Debug, Error)]
pub enum BadUrl {
    /// Encrypted connections are not spoken here: connect to a proxy that does, or to the server itself.
    #[error("wss:// is not supported, only ws://")]
    Encrypted,
    /// Another scheme, or none.
    #[error("the URL must begin with ws://")]
    NotWebSocket,
    /// No URL at all.
    #[error("not a URL: {0}")]
    Malformed(String),
}

/// Where to connect, and what to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) request: Request,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Target, BadUrl> {
        let mut request = url
            .into_client_request()
            .map_err(|error| BadUrl::Malformed(error.to_string()))?;
        match request.uri().scheme_str() {
            Some("ws") => {}
            Some("wss") => return Err(BadUrl::Encrypted),
            _ => return Err(BadUrl::NotWebSocket),
        }
        let host = request.uri().host().unwrap_or_default();
        // As the system's resolver takes IPv6 addresses.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = request.uri().port_u16().unwrap_or(80);
        if let Some(subprotocol) = Dialect::Sessions.subprotocol() {
            let headers = request.headers_mut();
            headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static(subprotocol));
        }
        Ok(Target { host, port, request })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_host_and_a_port() {
        for (url, host, port) in [
            ("ws://127.0.0.1:5001/a/b", "127.0.0.1", 5001),
            ("ws://example.org", "example.org", 80),
            ("ws://[::1]:7/", "::1", 7),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port));
        }
    }

    #[test]
    fn what_is_not_ws_is_refused() {
        assert!(matches!(
            Target::parse("wss://example.org/"),
            Err(BadUrl::Encrypted)
        ));
        assert!(matches!(
            Target::parse("http://example.org/"),
            Err(BadUrl::NotWebSocket)
        ));
        assert!(matches!(
            Target::parse("/notes"),
            Err(BadUrl::Malformed(_) | BadUrl::NotWebSocket)
        ));
        assert!(matches!(Target::parse("ws://a b/"), Err(BadUrl::Malformed(_))));
    }
}
