//! The socket as tungstenite sees it: it reads the TCP stream, and what it wants to write goes to the outlet.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use crate::outlet::Outlet;

/// Tungstenite itself writes nothing but pongs and answers to close frames, a whole frame at a time.
///
/// `O` is what holds the outlet: a member of a room, for example.
pub struct SharedStream<O>(pub(crate) Rc<O>);

impl<O: AsRef<Outlet>> AsyncRead for SharedStream<O> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = (*self.0).as_ref().stream();
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let room = buf.remaining();
            match stream.try_read(buf.initialize_unfilled()) {
                Ok(read) => {
                    if 0 < read && read < room {
                        // The socket is empty, so the next attempt is spared. What comes from now on is a
                        // new event, which cannot be lost: they are taken in on this thread, later.
                        let _ = stream.try_io(Interest::READABLE, || {
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
}

impl<O: AsRef<Outlet>> AsyncWrite for SharedStream<O> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, frame: &[u8]) -> Poll<io::Result<usize>> {
        (*self.0).as_ref().send_control(frame);
        Poll::Ready(Ok(frame.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
