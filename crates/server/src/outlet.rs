//! The writing side of one socket: who may write to it now, and the control frames that wait their turn.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::time::Duration;

use patchcast_protocol::close::CloseCode;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::frame;
use crate::limits::MAX_CONTROL_BYTES;
use crate::socket::Socket;

/// Everything that is written to a socket goes through its outlet, on the thread that owns the socket.
///
/// While the [`Writer`] is the room, the last byte written ended a frame and nothing waits, so anyone on the thread may
/// write whole frames. When the socket would block, the outlet is parked: a drainer alone writes, and control frames wait.
pub struct Outlet {
    // What the room's walk over its members touches stands together, and nothing of it but the socket behind a pointer.
    socket: Box<dyn Socket>,
    writer: Cell<Writer>,
    stage: Cell<Stage>,
    control: RefCell<Vec<u8>>,
    /// Wakes the connection's own task when the stage changes or a drainer is done.
    changed: Notify,
    write_timeout: Duration,
}

/// Who writes to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The socket takes what it is given: the room writes to it directly.
    Room,
    /// The socket would block and nobody waits for it yet: a drainer has to be started.
    Nobody,
    /// A drainer waits for the socket.
    Drainer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// A close frame was given out; no data may follow it.
    Closing,
    /// Nothing is written any more.
    Dead,
}

/// The socket took nothing for the whole write timeout, or it broke. It is of no more use.
#[derive(Debug)]
pub struct Broken;

impl Outlet {
    /// The outlet of a socket to which nothing has been written.
    pub fn new(socket: Box<dyn Socket>, write_timeout: Duration) -> Outlet {
        Outlet {
            socket,
            writer: Cell::new(Writer::Room),
            stage: Cell::new(Stage::Open),
            control: RefCell::default(),
            changed: Notify::new(),
            write_timeout,
        }
    }

    /// The socket, for its reading side.
    pub fn socket(&self) -> &dyn Socket {
        &*self.socket
    }

    /// Who writes now.
    pub fn writer(&self) -> Writer {
        self.writer.get()
    }

    /// Whether data may still be written: no close frame was given out, and the socket is not broken.
    pub fn is_open(&self) -> bool {
        self.stage.get() == Stage::Open
    }

    /// Writes what the socket takes of `slices`, all whole frames, and returns how many bytes that was.
    /// Only the room calls it, and only while it is the writer; taking less than all parks the outlet.
    pub fn write_now(&self, slices: &[IoSlice<'_>], total: usize) -> usize {
        debug_assert_eq!(self.writer.get(), Writer::Room);
        match self.socket.send(slices) {
            Ok(written) if written == total => written,
            Ok(written) => {
                self.writer.set(Writer::Nobody);
                written
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.writer.set(Writer::Nobody);
                0
            }
            Err(_) => {
                self.abort();
                0
            }
        }
    }

    /// Sends a control frame, or another that is for this peer alone, as soon as the frame before it has ended. When too many
    /// wait, the peer does not read what it asks for, and is cut off.
    pub fn send_control(&self, frame: &[u8]) {
        if !self.is_open() {
            return;
        }
        if self.writer.get() == Writer::Room {
            let written = self.write_now(&[IoSlice::new(frame)], frame.len());
            self.control.borrow_mut().extend_from_slice(&frame[written..]);
        } else if self.control.borrow().len() + frame.len() <= MAX_CONTROL_BYTES {
            self.control.borrow_mut().extend_from_slice(frame);
        } else {
            self.abort();
        }
    }

    /// Sends a close frame after what has been begun; no data follows it.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.send_control(&frame::close(code, reason));
        self.end_data();
    }

    /// Notes that a close frame was given out, be it the answer to the peer's.
    pub fn end_data(&self) {
        if self.is_open() {
            self.set_stage(Stage::Closing);
        }
    }

    /// Resolves once no more data is written: a close frame was given out, or the socket broke.
    pub async fn closing(&self) {
        while self.is_open() {
            self.changed.notified().await;
        }
    }

    /// Takes over a socket that would block. `false` when another drainer has it or the room writes to it.
    pub fn begin_drain(&self) -> bool {
        self.writer.get() == Writer::Nobody && {
            self.writer.set(Writer::Drainer);
            true
        }
    }

    /// Parks an outlet to which more is to be written than the room should stay for.
    pub fn park(&self) {
        if self.writer.get() == Writer::Room {
            self.writer.set(Writer::Nobody);
        }
    }

    /// Hands the socket back: the last frame has ended and no control frame waits.
    pub fn end_drain(&self) {
        debug_assert!(self.control.borrow().is_empty());
        self.writer.set(Writer::Room);
        self.changed.notify_one();
    }

    /// Writes the control frames that wait. Only the drainer calls it, at the end of a frame.
    pub async fn flush_control(&self) -> Result<(), Broken> {
        while !self.control.borrow().is_empty() {
            // Taken out, because more may be added while this waits for the socket.
            let waiting = std::mem::take(&mut *self.control.borrow_mut());
            self.write_all(&waiting).await?;
        }
        Ok(())
    }

    /// Writes all of `bytes`, waiting for the socket as often as it takes. Only the drainer calls it.
    pub async fn write_all(&self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            if self.stage.get() == Stage::Dead {
                return Err(Broken);
            }
            // Tried before waiting: the wake-up may have come before anybody waited for it.
            match self.socket.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.becomes_writable().await {
                        bytes = &bytes[self.write_after_all(bytes)?..];
                    }
                }
                Err(_) => {
                    self.abort();
                    return Err(Broken);
                }
            }
        }
        Ok(())
    }

    /// The last try before a socket is given up. The kernel calls it writable only when a third of its buffer is
    /// free, so a peer that reads slowly may have taken something all the same. Tokio would not ask the kernel.
    fn write_after_all(&self, bytes: &[u8]) -> Result<usize, Broken> {
        self.socket.send(&[IoSlice::new(bytes)]).map_err(|_| {
            self.abort();
            Broken
        })
    }

    /// Ends the connection at once and throws away what was not delivered. The reading side
    /// then comes to its end by itself.
    pub fn abort(&self) {
        self.set_stage(Stage::Dead);
        self.socket.abort();
    }

    /// Resolves once everything that was given out, the close frame included, is in the hands of the socket.
    pub async fn flushed(&self) {
        while self.writer.get() != Writer::Room && self.stage.get() != Stage::Dead {
            self.changed.notified().await;
        }
    }

    /// Tells the peer that nothing more comes; what was written is still delivered.
    pub fn finish(&self) {
        self.set_stage(Stage::Dead);
        self.socket.finish();
    }

    fn set_stage(&self, stage: Stage) {
        self.stage.set(stage);
        self.changed.notify_one();
    }

    /// `false` when it did not within the write timeout.
    async fn becomes_writable(&self) -> bool {
        let writable = poll_fn(|cx| self.socket.poll_writable(cx));
        matches!(timeout(self.write_timeout, writable).await, Ok(Ok(())))
    }
}

impl AsRef<Outlet> for Outlet {
    fn as_ref(&self) -> &Outlet {
        self
    }
}
