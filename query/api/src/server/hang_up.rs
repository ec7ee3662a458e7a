//! Clients that hang up. hyper drops a handler when it reads the end of the connection, even before the handler's first
//! step. For a query that is right: nobody waits for it, so it is cancelled. A sender of records may well send, close and
//! be gone; its request must run to the end. So each request begins with a [`Hold`] on the connection's end, and whoever
//! wants to end with the client lets go of it.

use futures_util::task::AtomicWaker;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// In the extensions of every request. While any clone of it lives, the request runs on without its client.
#[derive(Debug, Clone)]
pub struct Hold(#[expect(dead_code, reason = "only its drop matters")] Arc<Guard>);

#[derive(Debug)]
struct Guard(Arc<State>);

/// One connection's requests and reader.
#[derive(Debug, Default)]
pub(super) struct State {
    holds: AtomicUsize,
    reader: AtomicWaker,
}

impl State {
    pub(super) fn hold(self: &Arc<State>) -> Hold {
        self.holds.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::new(Guard(Arc::clone(self))))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::SeqCst);
        self.0.reader.wake();
    }
}

/// A connection whose end of input is not told while a request holds it back.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    state: Arc<State>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, state: Arc<State>) -> Connection {
        Connection { stream, state }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let is_end = matches!(polled, Poll::Ready(Ok(()))) && buffer.filled().len() == before && buffer.remaining() > 0;
        if !is_end {
            return polled;
        }
        self.state.reader.register(context.waker());
        if self.state.holds.load(Ordering::SeqCst) > 0 { Poll::Pending } else { polled }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
