//! A TCP connection over which a test sends whatever bytes it likes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{End, Server, within};

/// A connection whose every byte is the test's own.
pub struct Raw {
    stream: TcpStream,
}

/// A server's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// The opcodes of RFC 6455, section 5.2.
pub struct Opcode;

impl Opcode {
    pub const CONTINUATION: u8 = 0x0;
    pub const TEXT: u8 = 0x1;
    pub const BINARY: u8 = 0x2;
    pub const CLOSE: u8 = 0x8;
    pub const PING: u8 = 0x9;
    pub const PONG: u8 = 0xa;
    /// To be added to an opcode: the last frame of its message.
    pub const FIN: u8 = 0x80;
}

impl Raw {
    /// Connects and sends nothing.
    pub async fn connect(address: SocketAddr) -> Raw {
        let stream = within("connecting", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream }
    }

    /// Joins a room and has read nothing but the handshake's answer.
    pub async fn join(server: &Server, path: &str) -> Raw {
        let mut raw = Raw::connect(server.address()).await;
        raw.shake_hands(path, "").await;
        raw
    }

    /// Joins a chat and has read nothing but the handshake's answer.
    pub async fn join_chat(server: &Server, path: &str) -> Raw {
        let mut raw = Raw::connect(server.address()).await;
        raw.shake_hands(path, "Sec-WebSocket-Protocol: json\r\n").await;
        raw
    }

    /// Joins a room with a receive buffer so small that what is not read stays with the server.
    pub async fn join_narrow(server: &Server, path: &str) -> Raw {
        let mut raw = Raw::connect_narrow(server.address()).await;
        raw.shake_hands(path, "").await;
        raw
    }

    /// Joins a chat with such a receive buffer.
    pub async fn join_chat_narrow(server: &Server, path: &str) -> Raw {
        let mut raw = Raw::connect_narrow(server.address()).await;
        raw.shake_hands(path, "Sec-WebSocket-Protocol: json\r\n").await;
        raw
    }

    async fn connect_narrow(address: SocketAddr) -> Raw {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = within("connecting", socket.connect(address)).await.unwrap();
        Raw { stream }
    }

    async fn shake_hands(&mut self, path: &str, headers: &str) {
        self.send(handshake(path, headers).as_bytes()).await;
        let answer = self.head().await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        within("sending", self.stream.write_all(bytes)).await.unwrap();
    }

    /// Sends bytes to a peer that may have closed already.
    pub async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        within("sending", self.stream.write_all(bytes)).await
    }

    /// Says that nothing more is going to be sent.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The head of an HTTP answer.
    pub async fn head(&mut self) -> String {
        within("the head of an answer", async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                // Byte by byte, because what follows is somebody else's.
                head.push(self.stream.read_u8().await.unwrap());
            }
            String::from_utf8(head).unwrap()
        })
        .await
    }

    /// So many bytes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        within("the rest of an answer", self.stream.read_exact(&mut bytes))
            .await
            .unwrap();
        bytes
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset ends the stream too.
        let _ = within("the end of the stream", self.stream.read_to_end(&mut rest)).await;
        rest
    }

    /// The next frame; `None` when the stream has ended.
    #[track_caller]
    pub fn frame(&mut self) -> impl Future<Output = Option<Frame>> {
        within("the next frame", async move { self.read_frame().await.ok() })
    }

    /// The next text message, which the server never sends in fragments.
    pub async fn text(&mut self) -> String {
        let frame = self.frame().await.expect("the connection is open");
        assert_eq!(frame.opcode, Opcode::TEXT, "{frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    /// How the connection ends, after whatever frames still come.
    pub async fn end(&mut self) -> End {
        loop {
            match self.frame().await {
                Some(Frame { opcode, payload }) if opcode == Opcode::CLOSE => {
                    let (code, reason) = payload.split_at(2.min(payload.len()));
                    let code = code
                        .try_into()
                        .map_or(1005, |code: [u8; 2]| u16::from_be_bytes(code));
                    return End::Closed(code, String::from_utf8(reason.to_vec()).unwrap());
                }
                Some(_) => {}
                None => return End::Broken,
            }
        }
    }

    async fn read_frame(&mut self) -> std::io::Result<Frame> {
        let first = self.stream.read_u8().await?;
        assert_eq!(first & 0xf0, Opcode::FIN, "whole messages, no reserved bits");
        let second = self.stream.read_u8().await?;
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let len = match second {
            126 => u64::from(self.stream.read_u16().await?),
            127 => self.stream.read_u64().await?,
            len => u64::from(len),
        };
        let mut payload = vec![0; len as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame {
            opcode: first & 0x0f,
            payload,
        })
    }
}

/// A handshake as a client sends it, with `headers` added, each ended by CRLF.
pub fn handshake(path: &str, headers: &str) -> String {
    head(
        &format!("GET {path} HTTP/1.1"),
        &format!(
            "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}"
        ),
    )
}

/// A request's head.
pub fn head(line: &str, headers: &str) -> String {
    format!("{line}\r\n{headers}\r\n")
}

/// A client's frame, masked as it must be. `first` is the byte of opcode and flags.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    let mask = [0x11, 0x22, 0x33, 0x44];
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(index, byte)| byte ^ mask[index % 4]),
    );
    frame
}
