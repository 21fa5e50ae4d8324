//! One WebSocket connection's reading side: frames in, deadlines, and the ways in which it ends.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use patchcast_protocol::close::CloseCode;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::frame::PING;
use crate::limits::{CLOSE_TIMEOUT, READ_BUFFER_BYTES};
use crate::outlet::{Outlet, Writer};
use crate::socket::Socket;
use crate::stream::SharedStream;

/// What an operator chooses for every connection.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Bytes of one message, after its fragments are put together.
    pub max_message: usize,
    /// How long nothing may be heard of a client. Half-way through it is sent a ping.
    pub idle_timeout: Duration,
    /// How long a socket may take nothing while there is something to write.
    pub write_timeout: Duration,
}

/// What is done with what a client sends.
pub trait Handler {
    /// Takes a text message. Until the future is done no more is read; an error closes the connection.
    fn text(&mut self, text: Utf8Bytes) -> impl Future<Output = Result<(), Close>>;

    /// Takes a binary message.
    fn binary(&mut self, data: Bytes) -> impl Future<Output = Result<(), Close>>;

    /// The socket did not take all of a control frame: a drainer has to be started.
    fn blocked(&mut self) -> impl Future<Output = ()>;
}

/// Why the server closes a connection, in the words that its client is told.
#[derive(Clone, Debug)]
pub struct Close {
    /// The number that tells the client what to do.
    pub code: CloseCode,
    /// What a person would want to know.
    pub reason: String,
}

impl Close {
    /// A close with a code and a reason.
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Close {
        Close {
            code,
            reason: reason.into(),
        }
    }
}

/// A WebSocket connection after its handshake.
pub struct Connection<O> {
    socket: WebSocketStream<SharedStream<O>>,
    owner: Rc<O>,
    limits: ConnectionLimits,
}

enum End {
    /// The peer closed, or is gone.
    Peer,
    /// Somebody here gave out a close frame.
    Here,
}

impl<O: AsRef<Outlet>> Connection<O> {
    /// Takes over a socket whose handshake is done; `leftover` are bytes that were read beyond it. `own` makes
    /// what holds the socket's writing side.
    pub async fn new(
        socket: Box<dyn Socket>,
        leftover: Vec<u8>,
        limits: ConnectionLimits,
        own: impl FnOnce(Outlet) -> O,
    ) -> Connection<O> {
        let owner = Rc::new(own(Outlet::new(socket, limits.write_timeout)));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(limits.max_message))
            .max_frame_size(Some(limits.max_message));
        let shared = SharedStream(owner.clone());
        let socket = WebSocketStream::from_partially_read(shared, leftover, Role::Server, Some(config)).await;
        Connection {
            socket,
            owner,
            limits,
        }
    }

    /// What holds the socket's writing side.
    pub fn owner(&self) -> &Rc<O> {
        &self.owner
    }

    fn outlet(&self) -> &Outlet {
        (*self.owner).as_ref()
    }

    /// Hands what comes in to `handler` until the connection ends, from whichever side.
    pub async fn run(mut self, handler: &mut impl Handler) {
        match self.read(handler).await {
            Ok(End::Peer) => self.outlet().end_data(),
            Ok(End::Here) => {}
            Err(close) => {
                tracing::debug!(code = %close.code, reason = close.reason, "closing a connection");
                self.outlet().close(close.code, &close.reason);
            }
        }
        // The peer is given a moment to take what is under way and to answer. A socket that is dropped with
        // unread bytes would be reset, and the close frame with its reason lost.
        let farewell = async {
            self.unblock(handler).await;
            while let Some(Ok(_)) = self.socket.next().await {}
            self.outlet().flushed().await;
            self.outlet().finish();
            self.discard().await;
        };
        if timeout(CLOSE_TIMEOUT, farewell).await.is_err() {
            self.outlet().abort();
        }
    }

    async fn read(&mut self, handler: &mut impl Handler) -> Result<End, Close> {
        let idle = self.limits.idle_timeout;
        let mut heard = Instant::now();
        let mut pinged = false;
        let owner = self.owner.clone();
        let outlet: &Outlet = (*owner).as_ref();
        let deadline = sleep_until(heard + idle / 2);
        tokio::pin!(deadline);
        loop {
            let message = tokio::select! {
                biased;
                message = self.socket.next() => message,
                () = outlet.closing() => return Ok(End::Here),
                () = &mut deadline => {
                    let due = heard + if pinged { idle } else { idle / 2 };
                    if Instant::now() >= due {
                        if pinged {
                            let reason = format!("nothing was heard for {} s", idle.as_secs_f32());
                            return Err(Close::new(CloseCode::IdleTimeout, reason));
                        }
                        pinged = true;
                        self.outlet().send_control(&PING);
                        self.unblock(handler).await;
                    }
                    deadline.as_mut().reset(heard + if pinged { idle } else { idle / 2 });
                    continue;
                }
            };
            heard = Instant::now();
            if std::mem::take(&mut pinged) {
                deadline.as_mut().reset(heard + idle / 2);
            }
            self.unblock(handler).await;
            match message {
                Some(Ok(Message::Text(text))) => handler.text(text).await?,
                Some(Ok(Message::Binary(data))) => handler.binary(data).await?,
                // Reading on sends the answer to a close; pings are answered already.
                Some(Ok(_)) => {}
                Some(Err(error)) => return refused(error),
                None => return Ok(End::Peer),
            }
        }
    }

    /// Has somebody wait for the socket when a control frame did not go out whole.
    async fn unblock(&self, handler: &mut impl Handler) {
        if self.outlet().writer() == Writer::Nobody {
            handler.blocked().await;
        }
    }

    /// Reads to the end of the stream what nobody will look at.
    async fn discard(&mut self) {
        // Not an array: it would take its place in the future for as long as the connection lives.
        let mut buffer = vec![0; 4096];
        while let Ok(1..) = tokio::io::AsyncReadExt::read(self.socket.get_mut(), &mut buffer).await {}
    }
}

/// Tungstenite ends the connection on an error but tells the peer nothing: the code is ours to find.
fn refused(error: Error) -> Result<End, Close> {
    let code = match &error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Ok(End::Peer),
        Error::Capacity(_) => CloseCode::TooLarge,
        Error::Utf8(_) => CloseCode::InvalidUtf8,
        _ => CloseCode::ProtocolError,
    };
    Err(Close::new(code, error.to_string()))
}
