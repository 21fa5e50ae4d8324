//! The socket as tungstenite sees it: it reads from it, and what it wants to write goes to the outlet.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::outlet::Outlet;

/// Tungstenite itself writes nothing but pongs and answers to close frames, a whole frame at a time.
///
/// `O` is what holds the outlet: a member of a room, for example.
pub struct SharedStream<O>(pub(crate) Rc<O>);

impl<O: AsRef<Outlet>> AsyncRead for SharedStream<O> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        (*self.0).as_ref().socket().poll_read(cx, buf)
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
