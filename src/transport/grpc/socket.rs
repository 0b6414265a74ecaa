//! A connected socket, TCP or Unix, plain or under TLS, that counts its bytes: those that really go over it, below TLS.

use super::Traffic;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A socket that counts.
pub struct Socket {
    stream: Stream,
    traffic: Arc<Traffic>,
    /// Bytes read on this connection.
    heard: Arc<AtomicU64>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub fn tcp(stream: TcpStream, traffic: &Arc<Traffic>) -> io::Result<Self> {
        // Small calls would wait for the answer to the one before.
        stream.set_nodelay(true)?;
        Ok(Self::new(Stream::Tcp(stream), traffic))
    }

    pub fn unix(stream: UnixStream, traffic: &Arc<Traffic>) -> Self {
        Self::new(Stream::Unix(stream), traffic)
    }

    fn new(stream: Stream, traffic: &Arc<Traffic>) -> Self {
        Self { stream, traffic: Arc::clone(traffic), heard: Arc::default() }
    }

    /// Counts the bytes read on this connection.
    pub fn heard(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.heard)
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let written = ready!(result)?;
        self.traffic.wrote(written);
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.stream {
            Stream::Tcp(it) => Pin::new(it).poll_read(cx, buf),
            Stream::Unix(it) => Pin::new(it).poll_read(cx, buf),
        })?;
        let read = buf.filled().len() - before;
        self.traffic.has_read(read);
        self.heard.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Tcp(it) => Pin::new(it).poll_write(cx, buf),
            Stream::Unix(it) => Pin::new(it).poll_write(cx, buf),
        };
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.stream {
            Stream::Tcp(it) => Pin::new(it).poll_write_vectored(cx, bufs),
            Stream::Unix(it) => Pin::new(it).poll_write_vectored(cx, bufs),
        };
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(it) => Pin::new(it).poll_flush(cx),
            Stream::Unix(it) => Pin::new(it).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(it) => Pin::new(it).poll_shutdown(cx),
            Stream::Unix(it) => Pin::new(it).poll_shutdown(cx),
        }
    }
}
