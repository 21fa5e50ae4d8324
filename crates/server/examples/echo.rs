//! Sends every message back to its sender: the server's connection code without rooms, for protocol test suites.
//!
//! `cargo run --example echo -- 127.0.0.1:0` prints the address on which it listens.

use std::rc::Rc;
use std::time::Duration;

use patchcast_server::connection::{Close, Connection, ConnectionLimits, Handler};
use patchcast_server::frame::{push_binary, push_text};
use patchcast_server::outlet::Outlet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::{Bytes, Utf8Bytes};

const LIMITS: ConnectionLimits = ConnectionLimits {
    // The largest message of the Autobahn suite.
    max_message: 16 << 20,
    idle_timeout: Duration::from_secs(60),
    write_timeout: Duration::from_secs(30),
};

#[expect(clippy::print_stdout, reason = "programs that start this read the address")]
fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(address).await?;
        println!("listening on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(async move {
                if let Err(error) = serve(stream).await {
                    eprintln!("a connection failed: {error}");
                }
            });
        }
    })
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let leftover = shake_hands(&mut stream).await?;
    stream.set_nodelay(true)?;
    let connection = Connection::new(Box::new(stream), leftover, LIMITS, |outlet| outlet).await;
    let mut echo = Echo(connection.owner().clone());
    connection.run(&mut echo).await;
    Ok(())
}

/// Answers the handshake of a well-behaved client; the real server leaves this to hyper.
async fn shake_hands(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let end = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(at) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let leftover = head.split_off(end);
    let head = String::from_utf8_lossy(&head);
    let header = |line: &'_ str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim().to_owned())
    };
    let key = head
        .lines()
        .find_map(header)
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(leftover)
}

struct Echo(Rc<Outlet>);

impl Echo {
    async fn send(&self, frame: &[u8]) {
        self.0.park();
        if self.0.begin_drain() {
            let sent = self.0.write_all(frame).await.is_ok() && self.0.flush_control().await.is_ok();
            if sent {
                self.0.end_drain();
            }
        }
    }
}

impl Handler for Echo {
    async fn text(&mut self, text: Utf8Bytes) -> Result<(), Close> {
        let mut frame = Vec::new();
        push_text(&mut frame, text.as_bytes());
        self.send(&frame).await;
        Ok(())
    }

    async fn binary(&mut self, data: Bytes) -> Result<(), Close> {
        let mut frame = Vec::new();
        push_binary(&mut frame, &data);
        self.send(&frame).await;
        Ok(())
    }

    async fn blocked(&mut self) {
        self.send(&[]).await;
    }
}
