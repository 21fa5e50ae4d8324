//! Decides what becomes of a request to speak WebSocket: a room, or an HTTP answer that says why not.

use std::sync::Arc;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::room::{RoomId, RoomName, RoomNameError};
use thiserror::Error;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Which pages may open a connection, by the `Origin` that browsers send.
#[derive(Clone, Debug, Default)]
pub enum Origins {
    /// Every page.
    #[default]
    Any,
    /// Pages of these origins. Programs that are not browsers send none and are let in: they could send anything.
    Only(Arc<[String]>),
}

/// A request that may become a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The room that its path names, in the dialect that it asked for.
    pub room: RoomId,
    accept_key: String,
}

/// Why a request does not become a connection. The text is the body of the answer.
#[derive(Debug, Error)]
pub enum Refusal {
    /// 405.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// 400.
    #[error("not a WebSocket handshake: {0}")]
    Header(&'static str),
    /// 426, with the version that the server speaks.
    #[error("this server speaks WebSocket version 13")]
    Version,
    /// 403.
    #[error("connections from this origin are not allowed")]
    Origin,
    /// 400.
    #[error("unknown subprotocol; offer none for patches or \"json\" for chat")]
    Subprotocol,
    /// 400.
    #[error(transparent)]
    Room(#[from] RoomNameError),
}

/// Whether the client asks to leave HTTP for WebSocket, rightly or not.
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    has_token(request.headers(), UPGRADE, "websocket")
}

/// Checks a request as RFC 6455, section 4.2.1, says, and finds its room.
pub fn check<B>(request: &Request<B>, origins: &Origins) -> Result<Accept, Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(Refusal::Method);
    }
    if request.version() < Version::HTTP_11 {
        return Err(Refusal::Header("it is not HTTP/1.1"));
    }
    // What follows the head would be a body to a proxy on the way and frames to this server.
    let no_body = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    if !no_body || headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::Header("it has a body"));
    }
    if !has_token(headers, CONNECTION, "upgrade") {
        return Err(Refusal::Header("the header Connection: Upgrade is missing"));
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(Refusal::Version);
    }
    // Sixteen bytes in base64.
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    if key.len() != 24 || !key.ends_with(b"==") {
        return Err(Refusal::Header(
            "the header Sec-WebSocket-Key must hold 16 bytes in base64",
        ));
    }
    if let (Origins::Only(allowed), Some(origin)) = (origins, headers.get(ORIGIN)) {
        let allowed = allowed
            .iter()
            .any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()));
        if !allowed {
            return Err(Refusal::Origin);
        }
    }
    let dialect = Dialect::negotiate(tokens(headers, SEC_WEBSOCKET_PROTOCOL)).ok_or(Refusal::Subprotocol)?;
    let name = RoomName::from_path(request.uri().path())?;
    Ok(Accept {
        room: RoomId { dialect, name },
        accept_key: derive_accept_key(key),
    })
}

impl Accept {
    /// The answer after which both sides speak WebSocket.
    pub fn response<B: Default>(&self) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        let accept_key = HeaderValue::from_str(&self.accept_key).expect("base64 is visible ASCII");
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept_key);
        if let Some(subprotocol) = self.room.dialect.subprotocol() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        response
    }
}

impl Refusal {
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::Version => StatusCode::UPGRADE_REQUIRED,
            Refusal::Origin => StatusCode::FORBIDDEN,
            Refusal::Header(_) | Refusal::Subprotocol | Refusal::Room(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Headers that the status asks for.
    pub fn headers(&self) -> &'static [(HeaderName, &'static str)] {
        match self {
            Refusal::Version => {
                const {
                    &[
                        (SEC_WEBSOCKET_VERSION, "13"),
                        (UPGRADE, "websocket"),
                        (CONNECTION, "Upgrade"),
                    ]
                }
            }
            Refusal::Method => const { &[(http::header::ALLOW, "GET")] },
            _ => &[],
        }
    }
}

/// The members of a header that is a comma-separated list, over all of its lines.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

fn has_token(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, change: impl FnOnce(&mut HeaderMap)) -> Request<()> {
        let mut request = Request::get(path)
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .unwrap();
        change(request.headers_mut());
        request
    }

    fn check_status(path: &str, change: impl FnOnce(&mut HeaderMap), expect: u16) {
        let only = Origins::Only(["https://good.example".to_owned()].into());
        let request = request(path, change);
        assert!(is_upgrade(&request));
        let status = match check(&request, &only) {
            Ok(accept) => accept.response::<()>().status(),
            Err(refusal) => refusal.status(),
        };
        assert_eq!(status.as_u16(), expect, "{request:?}");
    }

    #[test]
    fn the_answer_is_that_of_the_rfcs_example() {
        let accept = check(&request("/gifts", |_| ()), &Origins::Any).unwrap();
        let response = accept.response::<()>();
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(accept.room.to_string(), "patches:gifts");
        assert!(!response.headers().contains_key("sec-websocket-protocol"));
    }

    #[test]
    fn a_subprotocol_is_answered_only_when_it_was_asked_for() {
        let asked = request("/", |h| {
            drop(h.insert("sec-websocket-protocol", "soap, json".parse().unwrap()));
        });
        let accept = check(&asked, &Origins::Any).unwrap();
        assert_eq!(accept.room.dialect, Dialect::Chat);
        assert_eq!(
            accept.response::<()>().headers()["sec-websocket-protocol"],
            "json"
        );
    }

    #[test]
    fn a_bad_handshake_gets_the_status_that_names_it() {
        check_status("/", |_| (), 101);
        check_status("/?token=1", |_| (), 101);
        check_status("/", |h| drop(h.remove("sec-websocket-version")), 426);
        check_status(
            "/",
            |h| drop(h.insert("sec-websocket-version", "8".parse().unwrap())),
            426,
        );
        check_status("/", |h| drop(h.remove("connection")), 400);
        check_status("/", |h| drop(h.remove("sec-websocket-key")), 400);
        check_status(
            "/",
            |h| drop(h.insert("sec-websocket-key", "short".parse().unwrap())),
            400,
        );
        check_status(
            "/",
            |h| drop(h.insert("sec-websocket-protocol", "soap".parse().unwrap())),
            400,
        );
        check_status("/a%20b", |_| (), 400);
        check_status(
            "/",
            |h| drop(h.insert("origin", "https://bad.example".parse().unwrap())),
            403,
        );
        check_status("/", |h| drop(h.insert("origin", "null".parse().unwrap())), 403);
        check_status(
            "/",
            |h| drop(h.insert("origin", "https://GOOD.example".parse().unwrap())),
            101,
        );
    }
}
