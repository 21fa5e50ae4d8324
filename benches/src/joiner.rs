//! Joining a room and reading the one message with its whole history, blocking.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

use crate::frame::{Incoming, Reader, push_close};
use crate::handshake;
use crate::message::preview;

/// A connection that has received its room's history and, so far, nothing else.
pub(crate) struct Joiner {
    stream: TcpStream,
}

impl Joiner {
    /// Joins the room `path` and reads until its history is complete; `buffer` is what each read fills.
    ///
    /// Fails unless the history is `expected`, byte for byte.
    pub(crate) fn join(addr: SocketAddr, path: &str, expected: &[u8], buffer: &mut [u8]) -> Result<Joiner> {
        let mut stream = handshake::connect(addr)?;
        let early = handshake::upgrade(&mut stream, path, None)?;
        let mut reader = Reader::default();
        let mut joined = feed(&mut reader, &early, expected)?;
        while !joined {
            let n = stream.read(buffer).context("waiting for the history")?;
            ensure!(n > 0, "the server hung up before the history was complete");
            joined = feed(&mut reader, &buffer[..n], expected)?;
        }
        ensure!(
            reader.is_at_boundary(),
            "the server sent more than the history to a joiner"
        );
        Ok(Joiner { stream })
    }

    /// The open connection.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Closes as a browser does and waits until the server has hung up.
    pub(crate) fn leave(self) -> Result<()> {
        leave(self.stream)
    }
}

/// Closes a connection as a browser does and waits until the server has hung up.
pub(crate) fn leave(mut stream: TcpStream) -> Result<()> {
    let mut frame = Vec::new();
    push_close(&mut frame);
    stream.write_all(&frame)?;
    let mut rest = [0; 256];
    while stream
        .read(&mut rest)
        .context("waiting for the server to hang up")?
        > 0
    {}
    Ok(())
}

/// Whether `input` completed the history.
fn feed(reader: &mut Reader, input: &[u8], expected: &[u8]) -> Result<bool> {
    let mut joined = false;
    reader.feed(input, |incoming| match incoming {
        Incoming::Text(text) if joined => bail!("received {} after the history", preview(text)),
        Incoming::Text(text) => {
            ensure!(
                text == expected,
                "the history is {}, expected {}",
                preview(text),
                preview(expected)
            );
            joined = true;
            Ok(())
        }
        Incoming::Ping(_) => bail!("the server pinged before it sent the history"),
        Incoming::Close(code) => bail!("the server closed a joiner, code {code:?}"),
    })?;
    Ok(joined)
}
