//! A server that does what a test tells it, one connection after the other.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use patchcast_client::{Client, Config, Event, Events, Options};
use patchcast_protocol::message::{ClientMessage, Hello, RoomKind, read_client};
use patchcast_session::backoff::Bounds;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Longer than anything takes that is going to happen.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// What `future` resolves to, or a panic that says `what` did not happen.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not happen within {DEADLINE:?}"),
    }
}

pub struct Server {
    listener: TcpListener,
}

impl Server {
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server { listener }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// A client of the room `/r` that tries again quickly.
    pub fn client(&self, options: Options) -> (Client, Events) {
        let backoff = Bounds {
            min: Duration::from_millis(1),
            max: Duration::from_millis(1),
        };
        let config = Config {
            backoff,
            ..options.config
        };
        let url = format!("ws://{}/r", self.address());
        Client::connect(&url, Options { config, ..options }).unwrap()
    }

    /// The next TCP connection.
    pub async fn tcp(&self) -> TcpStream {
        within("a connection", self.listener.accept()).await.unwrap().0
    }

    /// The next connection, once it is a WebSocket, and its hello.
    pub async fn greeted(&self) -> (Peer, Hello<()>) {
        let mut peer = Peer::accept(self.tcp().await).await;
        match read_client(&peer.text().await).unwrap() {
            ClientMessage::Hello(Hello {
                secret,
                since,
                presence,
                kind: RoomKind::Stream,
            }) => (
                peer,
                Hello {
                    secret,
                    since,
                    presence,
                    kind: RoomKind::Stream,
                },
            ),
            other => panic!("{other:?} is no hello"),
        }
    }

    /// The next connection, welcomed to a room with `head` entries.
    pub async fn welcomed(&self, head: u64) -> Peer {
        let (mut peer, _) = self.greeted().await;
        peer.send(welcome(head)).await;
        peer
    }
}

/// The server's end of one WebSocket.
pub struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn accept(stream: TcpStream) -> Peer {
        #[expect(clippy::result_large_err, reason = "it is tungstenite's type")]
        let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.headers()["Sec-WebSocket-Protocol"], "patchcast.v1");
            assert_eq!(request.uri().path(), "/r");
            let chosen = HeaderValue::from_static("patchcast.v1");
            response.headers_mut().insert("Sec-WebSocket-Protocol", chosen);
            Ok(response)
        };
        Peer(
            within("the handshake", accept_hdr_async(stream, choose))
                .await
                .unwrap(),
        )
    }

    pub async fn send(&mut self, text: impl Into<String>) {
        within("sending", self.0.send(Message::text(text.into())))
            .await
            .unwrap();
    }

    /// Sends without waiting longer than until the client holds it back.
    pub async fn try_send(&mut self, text: &str) -> bool {
        let sent = tokio::time::timeout(Duration::from_millis(500), self.0.send(Message::text(text)));
        matches!(sent.await, Ok(Ok(())))
    }

    pub async fn text(&mut self) -> String {
        loop {
            match within("a message", self.0.next()).await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?} is no text"),
            }
        }
    }

    /// How the client ends the connection.
    pub async fn end(mut self) -> (u16, String) {
        loop {
            match within("the end", self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Text(_))) => {}
                other => panic!("{other:?} is no close frame"),
            }
        }
    }

    pub async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = within("the answer", self.0.next()).await {}
    }
}

/// The text of a welcome to the scripts' log, epoch 10.
pub fn welcome(head: u64) -> String {
    format!(
        r#"{{"type":"welcome","version":1,"client":"{ME}","epoch":"000000000000000a","head":{head},"last_op":0,"durability":"fsync","max_message":1000,"idle_timeout":60000}}"#
    )
}

/// The text of one entry of another client, or of the client itself.
pub fn entry(after: u64, client: &str, id: u64, data: &str) -> String {
    format!(
        r#"{{"type":"entries","after":{after},"entries":[{{"client":"{client}","id":{id},"time":5,"data":{data}}}]}}"#
    )
}

pub fn ack(id: u64, seq: u64) -> String {
    format!(r#"{{"type":"ack","id":{id},"seq":{seq},"time":6,"durability":"fsync"}}"#)
}

pub const ME: &str = "AAAAAAAAAAAAAAAA";
pub const ANN: &str = "BBBBBBBBBBBBBBBB";

pub fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// The next event.
pub async fn next(events: &mut Events) -> Event {
    within("an event", events.next()).await.unwrap()
}

/// The next event in a short form: entries as `SEQ DATA`.
pub async fn told(events: &mut Events) -> String {
    match next(events).await {
        Event::Connecting => "connecting".into(),
        Event::Welcomed(welcome) => format!("welcomed {}", welcome.head.0),
        Event::Live => "live".into(),
        Event::Entry(entry) => {
            let own = if entry.own { " own" } else { "" };
            format!("{} {}{own}", entry.seq.0, entry.data)
        }
        Event::Offline(closure) => format!("offline {} {}", closure.code, closure.reason),
        Event::Reset { code, .. } => format!("reset {code:?}"),
        Event::Presence(change) => format!("presence {}", change.present.len()),
        Event::PresenceLost => "presence lost".into(),
        Event::Error { code, .. } => format!("error {code:?}"),
        Event::Closed(closure) => format!("closed {} {}", closure.code, closure.reason),
    }
}

/// The next events must be these.
#[track_caller]
pub fn expect<'a>(events: &'a mut Events, expected: &'a [&'a str]) -> impl Future<Output = ()> + 'a {
    let caller = std::panic::Location::caller();
    async move {
        for &expected in expected {
            assert_eq!(told(events).await, expected, "at {caller}");
        }
    }
}
