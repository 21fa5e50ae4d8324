//! A WebSocket client that follows the rules.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Server, within};

/// One connection to a room.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With a close frame: its code and reason.
    Closed(u16, String),
    /// Without one.
    Broken,
}

impl Client {
    /// Joins a room of patches and returns the history it was sent.
    pub async fn join(server: &Server, path: &str) -> (Client, String) {
        let mut client = Client::connect(server, path).await;
        let history = client.text().await;
        (client, history)
    }

    /// Joins a chat and returns the messages it was sent, newest first.
    pub async fn chat(server: &Server, path: &str) -> (Client, Vec<Value>) {
        let mut client = Client::connect_chat(server, path).await;
        let window = client.window().await;
        (client, window)
    }

    /// Connects to a room of patches without reading anything.
    pub async fn connect(server: &Server, path: &str) -> Client {
        client_of(server.address(), path, None).await
    }

    /// Connects to a chat without reading anything.
    pub async fn connect_chat(server: &Server, path: &str) -> Client {
        client_of(server.address(), path, Some("json")).await
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.send_message(Message::text(text.into())).await;
    }

    /// Sends a text message to a server that may be gone.
    pub async fn try_send(&mut self, text: impl Into<String>) -> Result<(), Error> {
        within("sending", self.socket.send(Message::text(text.into()))).await
    }

    /// Sends any message.
    pub async fn send_message(&mut self, message: Message) {
        within("sending", self.socket.send(message)).await.unwrap();
    }

    /// Posts a chat message.
    pub async fn post(&mut self, user: &str, text: &str) {
        self.send(serde_json::json!({"user": user, "text": text}).to_string())
            .await;
    }

    /// The next text message. Any other thing is a failure.
    #[track_caller]
    pub fn text(&mut self) -> impl Future<Output = String> {
        let next = within("the next message", self.next());
        async move {
            match next.await {
                Ok(Message::Text(text)) => text.to_string(),
                other => panic!("expected a text message, not {other:?}"),
            }
        }
    }

    /// The next chat window, newest first.
    pub async fn window(&mut self) -> Vec<Value> {
        let mut message: Value = serde_json::from_str(&self.text().await).unwrap();
        match message["msg"].take() {
            Value::Array(window) => window,
            _ => panic!("not a chat window: {message}"),
        }
    }

    /// The next message but pings and pongs, or how the connection ended.
    pub async fn next(&mut self) -> Result<Message, End> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    // Its answer lies ready and goes out with the next thing that is done.
                    let _ = self.socket.flush().await;
                    let closed = |frame: CloseFrame| End::Closed(frame.code.into(), frame.reason.to_string());
                    return Err(frame.map_or(End::Closed(1005, String::new()), closed));
                }
                Some(Ok(message)) => return Ok(message),
                Some(Err(_)) | None => return Err(End::Broken),
            }
        }
    }

    /// How the connection ends, after whatever messages still come. The client then hangs up as browsers do:
    /// after the server has.
    #[track_caller]
    pub fn end(&mut self) -> impl Future<Output = End> {
        within("the end of the connection", async move {
            let end = loop {
                if let Err(end) = self.next().await {
                    break end;
                }
            };
            while let Some(Ok(_)) = self.socket.next().await {}
            let _ = self.socket.get_mut().shutdown().await;
            end
        })
    }

    /// Closes the connection and waits for the answer.
    pub async fn close(mut self) {
        match self.socket.close(None).await {
            Ok(()) | Err(Error::ConnectionClosed) => {}
            Err(error) => panic!("{error}"),
        }
        self.end().await;
    }
}

/// Connects to an address, offering a subprotocol or none.
pub async fn client_of(address: SocketAddr, path: &str, subprotocol: Option<&'static str>) -> Client {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some(subprotocol) = subprotocol {
        let header = HeaderValue::from_static(subprotocol);
        request.headers_mut().insert("sec-websocket-protocol", header);
    }
    let stream = within("connecting", TcpStream::connect(address)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let config = WebSocketConfig::default()
        .max_message_size(None)
        .max_frame_size(None);
    let connecting = client_async_with_config(request, stream, Some(config));
    let (socket, _) = within("the handshake", connecting).await.unwrap();
    Client { socket }
}
