//! One WebSocket. The only file that knows tungstenite's.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use futures_util::{SinkExt, StreamExt};
use patchcast_protocol::close::CloseCode;
use patchcast_protocol::limits::close_reason;
use patchcast_session::Closure;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::limits::{CLOSE_TIMEOUT, MAX_MESSAGE_BYTES, READ_BUFFER_BYTES, REFUSAL_CHARACTERS};
use crate::url::Target;

/// An open WebSocket that speaks sessions.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Bounded by what the session has pending.
    outgoing: VecDeque<Message>,
    flushed: bool,
}

/// What comes out of a socket.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    /// A binary frame, which sessions do not have.
    Binary,
    /// A ping or a pong: tungstenite answers the one, and nobody asked for the other, but the server lives.
    Control,
    /// The last.
    Closed(Closure),
}

impl Socket {
    pub(crate) async fn dial(target: Target) -> Result<Box<Socket>, Closure> {
        let stream = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        match client_async_with_config(target.request, stream, Some(config)).await {
            Ok((stream, _)) => Ok(Box::new(Socket {
                stream,
                outgoing: VecDeque::new(),
                flushed: true,
            })),
            Err(Error::Http(response)) => Err(refused(&response)),
            Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_))) => Err(Closure {
                code: CloseCode::ProtocolError.number(),
                reason: "the server does not speak patchcast.v1".into(),
            }),
            Err(error) => Err(broken(error)),
        }
    }

    /// Queues a message, which goes out while [`next`](Socket::next) is waited for.
    pub(crate) fn send(&mut self, text: String) {
        self.outgoing.push_back(Message::text(text));
        self.flushed = false;
    }

    /// Writes what is queued and waits for what comes. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Incoming {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Says goodbye and waits a little for the answer. What is queued is for the next connection.
    pub(crate) async fn close(mut self, code: u16, reason: &'static str) {
        let frame = Message::Close(Some(CloseFrame {
            code: code.into(),
            reason: close_reason(reason).into(),
        }));
        self.outgoing = VecDeque::from([frame]);
        self.flushed = false;
        let answer = async { while !matches!(self.next().await, Incoming::Closed(_)) {} };
        // Nobody is told how it ended.
        let _ = timeout(CLOSE_TIMEOUT, answer).await;
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Incoming> {
        if !self.flushed
            && let Poll::Ready(Err(error)) = self.poll_write(context)
        {
            return Poll::Ready(Incoming::Closed(broken(error)));
        }
        Poll::Ready(match ready!(self.stream.poll_next_unpin(context)) {
            Some(Ok(Message::Text(text))) => Incoming::Text(text),
            Some(Ok(Message::Binary(_))) => Incoming::Binary,
            Some(Ok(Message::Close(Some(frame)))) => Incoming::Closed(Closure {
                code: frame.code.into(),
                reason: frame.reason.as_str().to_owned().into(),
            }),
            Some(Ok(Message::Close(None))) => Incoming::Closed(Closure {
                code: NO_CODE,
                reason: "".into(),
            }),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Incoming::Control,
            Some(Err(error)) => Incoming::Closed(broken(error)),
            None => Incoming::Closed(broken("the connection has ended")),
        })
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.outgoing.is_empty() {
            ready!(self.stream.poll_ready_unpin(context))?;
            if let Some(message) = self.outgoing.pop_front() {
                self.stream.start_send_unpin(message)?;
            }
        }
        ready!(self.stream.poll_flush_unpin(context))?;
        self.flushed = true;
        Poll::Ready(Ok(()))
    }
}

/// Asking again would be answered the same, except where the server is only busy.
fn refused(response: &Response<Option<Vec<u8>>>) -> Closure {
    let status = response.status();
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default());
    let body: String = body.trim().chars().take(REFUSAL_CHARACTERS).collect();
    let again = !status.is_client_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
        );
    let code = if again { NO_CLOSE_FRAME } else { POLICY_VIOLATION };
    let reason = format!("the server answered {status}: {body}").into();
    Closure { code, reason }
}

fn broken(error: impl ToString) -> Closure {
    Closure {
        code: NO_CLOSE_FRAME,
        reason: error.to_string().into(),
    }
}

/// RFC 6455, section 7.4.1: a close frame that carried no code.
const NO_CODE: u16 = 1005;

/// RFC 6455, section 7.4.1: the connection broke, or there never was one.
const NO_CLOSE_FRAME: u16 = 1006;

/// RFC 6455, section 7.4.1: the request breaks the server's rules, so repeating it is no use.
const POLICY_VIOLATION: u16 = 1008;
