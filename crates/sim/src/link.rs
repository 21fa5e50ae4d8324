//! A TCP connection in memory: latency, buffers that fill up, and the ways in which connections end.
//!
//! A direction is what its writer has handed over and its reader has not taken yet, each piece with the time at which it
//! arrives. Everything that is drawn comes from the link's own random numbers, so what happens on one link moves no other.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use patchcast_server::socket::Socket;
use rand::Rng;
use rand::rngs::SmallRng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How a link behaves until something happens to it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How long bytes are under way, at most; the least is half of it.
    pub latency: Duration,
    /// Bytes that a direction holds between its writer and its reader.
    pub capacity: usize,
}

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who connected.
    Client,
    /// Who accepted.
    Server,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// What the other end learns when an end is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// That nothing more comes, after all that was written.
    Finish,
    /// That the connection is gone; what it has not read is lost.
    Reset,
    /// Nothing: the machine or the network is gone.
    Silence,
}

/// A link, from outside: for whoever lets things happen to it.
#[derive(Clone)]
pub struct Link(Rc<RefCell<State>>);

struct State {
    to_client: Direction,
    to_server: Direction,
    shape: Shape,
    farewell: Option<Farewell>,
    ends: usize,
    random: SmallRng,
}

struct Direction {
    /// Pieces under way or waiting to be read, in the order of their arrival.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// Bytes of the first piece that were read already.
    read: usize,
    /// Bytes between writer and reader; those that vanish count too, because nobody acknowledges them.
    held: usize,
    end: Option<(Instant, End)>,
    /// The connection breaks when the reader has taken so many bytes more.
    cut_after: Option<(usize, Farewell)>,
    vanishing: bool,
    arrival: Option<Pin<Box<Sleep>>>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Reset,
}

/// One end of a link. Dropping it ends the connection.
pub struct LinkEnd {
    link: Link,
    side: Side,
    stopped: Cell<bool>,
}

impl Link {
    /// A new connection: from outside, the client's end, and the server's.
    pub fn new(shape: Shape, random: SmallRng) -> (Link, LinkEnd, LinkEnd) {
        let link = Link(Rc::new(RefCell::new(State {
            to_client: Direction::new(),
            to_server: Direction::new(),
            shape,
            farewell: None,
            ends: 2,
            random,
        })));
        let end = |side| LinkEnd {
            link: link.clone(),
            side,
            stopped: Cell::new(false),
        };
        let (client, server) = (end(Side::Client), end(Side::Server));
        (link, client, server)
    }

    /// Breaks the connection when `reader` has taken `bytes` more; the other end learns of it as `farewell` says.
    pub fn cut_after(&self, reader: Side, bytes: usize, farewell: Farewell) {
        let mut state = self.0.borrow_mut();
        if bytes == 0 {
            state.cut(reader, farewell);
        } else {
            state.towards(reader).cut_after = Some((bytes, farewell));
        }
    }

    /// From now on nothing arrives at either end, and neither learns of it.
    pub fn go_silent(&self) {
        let mut state = self.0.borrow_mut();
        for side in [Side::Client, Side::Server] {
            let direction = state.towards(side);
            direction.vanishing = true;
            direction.pieces.clear();
            direction.read = 0;
            direction.end = None;
        }
    }

    /// Changes how long bytes are under way.
    pub fn set_latency(&self, latency: Duration) {
        self.0.borrow_mut().shape.latency = latency;
    }

    /// Calls off what was to happen, and has bytes travel as `shape` says. What has happened is not undone.
    pub fn heal(&self, shape: Shape) {
        let mut state = self.0.borrow_mut();
        state.shape = shape;
        state.to_client.cut_after = None;
        state.to_server.cut_after = None;
        state.to_client.wake_writer();
        state.to_server.wake_writer();
    }

    /// Decides what the other end learns when one is dropped; without it that is drawn.
    pub fn set_farewell(&self, farewell: Farewell) {
        self.0.borrow_mut().farewell = Some(farewell);
    }

    /// How many ends somebody holds.
    pub fn ends(&self) -> usize {
        self.0.borrow().ends
    }
}

impl State {
    fn towards(&mut self, reader: Side) -> &mut Direction {
        match reader {
            Side::Client => &mut self.to_client,
            Side::Server => &mut self.to_server,
        }
    }

    fn arrival(&mut self, reader: Side) -> Instant {
        let latency = self.shape.latency.as_micros() as u64;
        let drawn = Duration::from_micros(self.random.random_range(latency / 2..=latency));
        let arrival = Instant::now() + drawn;
        let direction = self.towards(reader);
        direction
            .pieces
            .back()
            .map_or(arrival, |(last, _)| arrival.max(*last))
    }

    fn cut(&mut self, reader: Side, farewell: Farewell) {
        let now = Instant::now();
        self.towards(reader).finish(now, End::Reset);
        let other = reader.other();
        match farewell {
            Farewell::Finish | Farewell::Reset => {
                let at = self.arrival(other);
                self.towards(other).finish(at, End::Reset);
            }
            Farewell::Silence => self.towards(other).vanishing = true,
        }
    }

    fn write(&mut self, writer: Side, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let now = Instant::now();
        // Who has been told of the end by the other side can write no more.
        if let Some((at, End::Reset)) = self.towards(writer).end
            && at <= now
        {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let (reader, capacity) = (writer.other(), self.shape.capacity);
        let free = capacity.saturating_sub(self.towards(reader).held);
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let mut take = free.min(total);
        if take == 0 && total > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        if take > 1 && self.random.random_ratio(1, 8) {
            take = self.random.random_range(1..=take);
        } else if slices.len() > 1 && self.random.random_ratio(1, 4) {
            // Where one piece of memory ends and the next begins, mistakes are at home.
            let first = self.random.random_range(1..slices.len());
            let whole: usize = slices[..first].iter().map(|slice| slice.len()).sum();
            take = take.min(whole);
        }
        let mut piece = Vec::with_capacity(take);
        for slice in slices {
            let part = slice.len().min(take - piece.len());
            piece.extend_from_slice(&slice[..part]);
        }
        let arrival = self.arrival(reader);
        let direction = self.towards(reader);
        direction.held += take;
        if !direction.vanishing && direction.end.is_none() {
            direction.pieces.push_back((arrival, piece));
            direction.wake_reader();
        }
        Ok(take)
    }

    fn poll_writable(&mut self, writer: Side, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let capacity = self.shape.capacity;
        let told = matches!(self.towards(writer).end, Some((at, End::Reset)) if at <= Instant::now());
        let direction = self.towards(writer.other());
        if told || direction.held < capacity {
            return Poll::Ready(Ok(()));
        }
        direction.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        reader: Side,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let few = self
                .random
                .random_ratio(1, 16)
                .then(|| self.random.random_range(1..=16));
            let direction = self.towards(reader);
            if let Some((at, End::Reset)) = direction.end
                && at <= now
            {
                direction.pieces.clear();
                // Who waits to write finds out as well.
                self.towards(reader.other()).wake_writer();
                return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
            }
            let next = match (direction.pieces.front(), direction.end) {
                (Some((at, _)), _) => *at,
                (None, Some((at, _))) => at,
                (None, None) => {
                    direction.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            };
            if next > now {
                direction.reader = Some(cx.waker().clone());
                let arrival = direction.arrival.insert(Box::pin(sleep_until(next)));
                match arrival.as_mut().poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) => continue,
                }
            }
            if direction.pieces.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let taken = direction.take(buf, few.unwrap_or(usize::MAX));
            if let Some((0, farewell)) = direction.cut_after {
                direction.cut_after = None;
                self.cut(reader, farewell);
            }
            debug_assert!(taken > 0 || buf.remaining() == 0);
            return Poll::Ready(Ok(()));
        }
    }

    /// An end is dropped, or ends its connection at once.
    fn leave(&mut self, side: Side, farewell: Farewell) {
        let other = side.other();
        let at = self.arrival(other);
        let direction = self.towards(other);
        if direction.vanishing {
            return;
        }
        match farewell {
            Farewell::Finish => direction.finish(at, End::Finished),
            Farewell::Reset => direction.finish(at, End::Reset),
            Farewell::Silence => direction.vanishing = true,
        }
    }
}

impl Direction {
    fn new() -> Direction {
        Direction {
            pieces: VecDeque::new(),
            read: 0,
            held: 0,
            end: None,
            cut_after: None,
            vanishing: false,
            arrival: None,
            reader: None,
            writer: None,
        }
    }

    fn finish(&mut self, at: Instant, end: End) {
        // Nothing comes after a reset but one that arrives earlier.
        match self.end {
            Some((known, End::Reset)) if end == End::Finished || known <= at => {}
            _ => self.end = Some((at, end)),
        }
        self.wake_reader();
        self.wake_writer();
    }

    fn take(&mut self, buf: &mut ReadBuf<'_>, most: usize) -> usize {
        let Some((_, piece)) = self.pieces.front() else {
            return 0;
        };
        let rest = &piece[self.read..];
        let mut len = rest.len().min(buf.remaining()).min(most);
        if let Some((bytes, _)) = &mut self.cut_after {
            len = len.min(*bytes);
            *bytes -= len;
        }
        buf.put_slice(&rest[..len]);
        self.read += len;
        self.held -= len;
        if self.read == piece.len() {
            self.pieces.pop_front();
            self.read = 0;
        }
        self.wake_writer();
        len
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

impl LinkEnd {
    fn state(&self) -> RefMut<'_, State> {
        self.link.0.borrow_mut()
    }

    fn stop(&self, farewell: Farewell) {
        if !self.stopped.replace(true) {
            self.state().leave(self.side, farewell);
        }
    }
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        let farewell = {
            let mut state = self.state();
            state.ends -= 1;
            let drawn = if state.random.random() {
                Farewell::Finish
            } else {
                Farewell::Reset
            };
            state.farewell.unwrap_or(drawn)
        };
        self.stop(farewell);
    }
}

impl Socket for LinkEnd {
    fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.stopped.get() {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.state().write(self.side, slices)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send(&[IoSlice::new(bytes)])
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_writable(self.side, cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.state().poll_read(self.side, cx, buf)
    }

    fn abort(&self) {
        self.stop(Farewell::Reset);
        let now = Instant::now();
        let mut state = self.state();
        // Reading comes to its end, and who waits to write finds out.
        state.towards(self.side).finish(now, End::Reset);
        state.towards(self.side.other()).wake_writer();
    }

    fn finish(&self) {
        self.stop(Farewell::Finish);
    }
}

impl AsyncRead for LinkEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Socket::poll_read(&*self, cx, buf)
    }
}

impl AsyncWrite for LinkEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.try_write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => match self.poll_writable(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(_) => Poll::Ready(self.try_write(bytes)),
            },
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}
