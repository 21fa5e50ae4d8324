//! What a connection needs of the bytes below it, and the TCP stream that gives it.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{self, SendAncillaryBuffer, SendFlags};
use socket2::SockRef;
use tokio::io::{Interest, ReadBuf};
use tokio::net::TcpStream;

/// A stream of bytes in both directions, in order, whose two directions are used independently of each other.
///
/// It is called through a pointer: a call that is a system call of some microseconds does not notice. Whoever holds it uses it on one
/// thread; at most one task waits to read and one to write.
pub trait Socket {
    /// Hands over as much of `slices` as is taken now, and returns how many bytes that was;
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when it is none. The system itself is asked, each time.
    fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// The same, for who waits with [`poll_writable`](Self::poll_writable) afterwards: it need not ask the system while that last
    /// said that nothing is taken.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ready once [`try_write`](Self::try_write) is worth the attempt. What becomes writable between a try that would have blocked
    /// and this call is not missed.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Reads what has come; nothing means that the peer will send no more.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;

    /// Ends both directions at once and throws away what was not delivered. Reading then comes to its end by itself.
    fn abort(&self);

    /// Tells the peer that nothing more comes; what was written before is still delivered.
    fn finish(&self);
}

impl Socket for TcpStream {
    fn send(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // Straight to the system: Tokio would look up first whether the socket was writable when it last asked,
        // and the C library whether the thread was cancelled.
        let sent = match slices {
            [one] => net::send(self, one, SendFlags::NOSIGNAL),
            many => net::sendmsg(
                self,
                many,
                &mut SendAncillaryBuffer::default(),
                SendFlags::NOSIGNAL,
            ),
        };
        sent.map_err(Errno::into)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::try_write(self, bytes)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(cx))?;
            let room = buf.remaining();
            match self.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    if 0 < read && read < room {
                        // The socket is empty, so the next attempt is spared. What comes from now on is a
                        // new event, which cannot be lost: they are taken in on this thread, later.
                        let _ = self.try_io(Interest::READABLE, || {
                            Err::<(), _>(io::ErrorKind::WouldBlock.into())
                        });
                    }
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                // The readiness was of an earlier event; trying has cleared it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn abort(&self) {
        let socket = SockRef::from(self);
        // Both fail only for a socket that is gone already.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }

    fn finish(&self) {
        let _ = SockRef::from(self).shutdown(std::net::Shutdown::Write);
    }
}
