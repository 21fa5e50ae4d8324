//! A client's WebSocket, as a page has one: it is dialled, it brings messages, and it ends.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{Sink, Stream, StreamExt};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::link::LinkEnd;

type Socket = WebSocketStream<LinkEnd>;

/// A connection, from the first attempt on.
pub(crate) enum Connection {
    None,
    Dialling(Pin<Box<dyn Future<Output = Option<Socket>>>>),
    Open(Box<Socket>),
}

/// What a connection brings.
pub(crate) enum Brought {
    Opened,
    Text(String),
    Closed(u16, String),
}

impl Connection {
    /// Begins an attempt.
    pub(crate) fn dial(&mut self, dialling: impl Future<Output = Option<Socket>> + 'static) {
        *self = Connection::Dialling(Box::pin(dialling));
    }

    /// Whether messages can be sent.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Connection::Open(_))
    }

    /// Sends a message, as pages do: it waits for nothing, and what goes wrong shows when the socket is read.
    pub(crate) fn send(&mut self, text: String) {
        if let Connection::Open(socket) = self {
            let _ = Pin::new(&mut **socket).start_send(Message::text(text));
        }
    }

    /// Closes it, and tells nothing more of it.
    pub(crate) fn let_go(&mut self, code: u16, reason: &'static str) {
        if let Connection::Open(socket) = std::mem::replace(self, Connection::None) {
            spawn_local(say_goodbye(*socket, Some((code, reason))));
        }
    }

    /// What comes next. Can be dropped at any time and asked again.
    pub(crate) async fn next(&mut self) -> Brought {
        match self {
            Connection::None => pending().await,
            Connection::Dialling(dialling) => match dialling.await {
                Some(socket) => {
                    *self = Connection::Open(Box::new(socket));
                    Brought::Opened
                }
                None => {
                    *self = Connection::None;
                    Brought::Closed(1006, "no connection".into())
                }
            },
            Connection::Open(socket) => {
                let message = poll_fn(|cx| {
                    // Reading first, because it may leave something to write.
                    let message = Pin::new(&mut **socket).poll_next(cx);
                    match Pin::new(&mut **socket).poll_flush(cx) {
                        Poll::Ready(Err(error)) if message.is_pending() => Poll::Ready(Some(Err(error))),
                        _ => message,
                    }
                })
                .await;
                self.brought(message)
            }
        }
    }

    fn brought(&mut self, message: Option<Result<Message, Error>>) -> Brought {
        match message {
            Some(Ok(Message::Text(text))) => Brought::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => {
                if let Connection::Open(socket) = std::mem::replace(self, Connection::None) {
                    spawn_local(say_goodbye(*socket, None));
                }
                match frame {
                    Some(CloseFrame { code, reason }) => {
                        Brought::Closed(code.into(), reason.as_str().to_owned())
                    }
                    None => Brought::Closed(1005, String::new()),
                }
            }
            // Control frames, which the library has answered.
            Some(Ok(_)) => Brought::Text(r#"{"type":"pong"}"#.into()),
            Some(Err(error)) => {
                *self = Connection::None;
                Brought::Closed(1006, error.to_string())
            }
            None => {
                *self = Connection::None;
                Brought::Closed(1006, "the stream ended".into())
            }
        }
    }
}

/// Closes a connection as browsers do: for a moment, and whether the other side answers or not.
async fn say_goodbye(mut socket: Socket, close: Option<(u16, &'static str)>) {
    let goodbye = async {
        if let Some((code, reason)) = close {
            let frame = CloseFrame {
                code: CloseCode::from(code),
                reason: reason.into(),
            };
            let _ = socket.close(Some(frame)).await;
        }
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = timeout(Duration::from_secs(1), goodbye).await;
}
