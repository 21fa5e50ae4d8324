//! The generator: many connections to one room on one thread and one epoll.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::frame::{Incoming, Reader, push_masked_text, push_pong, push_server_text};
use crate::handshake;
use crate::joiner::Joiner;

/// One read takes this much at most; a slice of a whole burst fits.
const READ_BUFFER: usize = 256 << 10;

/// What the connections speak.
#[derive(Clone, Copy)]
pub(crate) enum Wire<'a> {
    /// WebSocket, joined to an empty room of this path.
    WebSocket { path: &'a str },
    /// Nothing but frames on TCP, as a server sends them: what the floor process passes on as it is.
    Bare,
}

/// All connections of one room.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    buffer: Vec<u8>,
    bare: bool,
    /// The number of the next message, so that no number is ever used twice in a room.
    pub(crate) next_id: usize,
}

impl Crowd {
    /// Opens `count` connections one after the other; each has joined before the next begins.
    pub(crate) fn join(addr: SocketAddr, wire: Wire<'_>, count: usize) -> Result<Crowd> {
        let poll = Poll::new()?;
        let mut members = Vec::with_capacity(count);
        let mut buffer = vec![0; READ_BUFFER];
        for at in 0..count {
            let stream = match wire {
                Wire::Bare => handshake::connect(addr),
                Wire::WebSocket { path } => {
                    Joiner::join(addr, path, b"[]", &mut buffer).map(Joiner::into_stream)
                }
            };
            let stream = stream.with_context(|| format!("connection {at} of {count}"))?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            // Edge-triggered: the interest in writing costs an event only after a write has blocked.
            poll.registry()
                .register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            members.push(Member {
                stream,
                reader: Reader::default(),
                unsent: Vec::new(),
            });
        }
        Ok(Crowd {
            poll,
            events: Events::with_capacity(4096),
            members,
            buffer,
            bare: matches!(wire, Wire::Bare),
            next_id: 0,
        })
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Sends `text` from one connection with a write of its own.
    pub(crate) fn send(&mut self, member: usize, text: &[u8]) -> Result<()> {
        let from = &mut self.members[member];
        if self.bare {
            push_server_text(&mut from.unsent, text);
        } else {
            push_masked_text(&mut from.unsent, text);
        }
        from.flush()
            .with_context(|| format!("connection {member} could not send"))
    }

    /// Waits for anything to arrive, at most `timeout`, and hands on what did: the connection and the text.
    ///
    /// Fails when the server closed a connection.
    pub(crate) fn pump(
        &mut self,
        timeout: Duration,
        mut on_text: impl FnMut(usize, &[u8]) -> Result<()>,
    ) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let at = event.token().0;
            let member = &mut self.members[at];
            let outcome = if event.is_readable() {
                member.receive(&mut self.buffer, event.is_read_closed(), |text| on_text(at, text))
            } else {
                Ok(())
            };
            outcome
                .and_then(|()| member.flush())
                .with_context(|| format!("connection {at}"))?;
        }
        Ok(())
    }
}

struct Member {
    stream: TcpStream,
    reader: Reader,
    /// Frames for which the socket had no room yet.
    unsent: Vec<u8>,
}

impl Member {
    fn receive(
        &mut self,
        buffer: &mut [u8],
        read_closed: bool,
        mut on_text: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => bail!("the server hung up"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let unsent = &mut self.unsent;
            self.reader.feed(&buffer[..n], |incoming| match incoming {
                Incoming::Text(text) => on_text(text),
                Incoming::Ping(payload) => {
                    push_pong(unsent, payload);
                    Ok(())
                }
                Incoming::Close(code) => bail!("the server closed it, code {code:?}"),
            })?;
            // A short read has emptied the socket, and what comes later is a new edge; only the end of the
            // stream may already have been told with this event.
            if n < buffer.len() && !read_closed {
                return Ok(());
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
