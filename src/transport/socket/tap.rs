//! Listens to what is spoken on a channel's connections, above TLS: for measuring what protocols put on the wire. What the
//! bytes mean is not decided here, and without a tap nothing is done.

use super::link::Io;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Keeps every byte that a channel's protocol writes and reads, until it is taken: for a few messages at a time.
#[derive(Debug, Default)]
pub struct Tap {
    connections: Mutex<Vec<Heard>>,
}

/// What was spoken on a connection since the last time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// By the one that calls.
    pub caller: Vec<u8>,
    /// By the one that is called.
    pub called: Vec<u8>,
}

impl Tap {
    /// What was spoken since it was last taken, on each connection in the order in which they were made. None is left out
    /// later.
    pub fn take(&self) -> Vec<Heard> {
        self.connections().iter_mut().map(std::mem::take).collect()
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is listened to.
pub(super) struct Tapped {
    io: Box<dyn Io>,
    tap: Arc<Tap>,
    /// Which connection it is.
    number: usize,
}

impl Tapped {
    pub fn new(io: impl Io, tap: &Arc<Tap>) -> Self {
        let mut connections = tap.connections();
        connections.push(Heard::default());
        Self { io: Box::new(io), tap: Arc::clone(tap), number: connections.len() - 1 }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_ready() {
            self.tap.connections()[self.number].called.extend_from_slice(&buffer.filled()[before..]);
        }
        read
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.tap.connections()[self.number].caller.extend_from_slice(&bytes[..*count]);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        if let Poll::Ready(Ok(count)) = &written {
            let mut left = *count;
            let mut connections = self.tap.connections();
            for piece in pieces {
                let taken = left.min(piece.len());
                connections[self.number].caller.extend_from_slice(&piece[..taken]);
                left -= taken;
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
