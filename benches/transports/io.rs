//! Sockets for bare tonic: TCP or Unix, in the clear or with TLS.

use anyhow::Result;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use p2pfl_sim::transport::socket::{Address, Security};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tonic::transport::server::Connected;

pub trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// Any of them.
pub struct Io(pub Pin<Box<dyn Duplex>>);

/// Connections to `at`, and where that is.
pub fn listen(at: &Address, security: &Security) -> Result<(BoxStream<'static, io::Result<Io>>, Address)> {
    let tls = security.server();
    Ok(match at {
        Address::Unix(path) => {
            let listener = UnixListener::bind(path)?;
            let incoming = unfold(listener, |listener| async {
                let io = listener.accept().await.map(|(unix, _)| Io(Box::pin(unix)));
                Some((io, listener))
            });
            (incoming.boxed(), at.clone())
        }
        _ => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let at = Address::Tcp(listener.local_addr()?);
            let incoming = unfold(TcpListener::from_std(listener)?, move |listener| {
                let tls = tls.clone();
                async move { Some((accept(&listener, tls).await, listener)) }
            });
            (incoming.boxed(), at)
        }
    })
}

async fn accept(listener: &TcpListener, tls: Option<Arc<rustls::ServerConfig>>) -> io::Result<Io> {
    let (tcp, _) = listener.accept().await?;
    tcp.set_nodelay(true)?;
    Ok(Io(match tls {
        None => Box::pin(tcp),
        Some(config) => Box::pin(tokio_rustls::TlsAcceptor::from(config).accept(tcp).await?),
    }))
}

/// A connection to `at`.
pub async fn dial(at: &Address, tls: Option<Arc<rustls::ClientConfig>>) -> io::Result<Io> {
    if let Address::Unix(path) = at {
        return Ok(Io(Box::pin(UnixStream::connect(path).await?)));
    }
    let tcp = TcpStream::connect(at.to_string()).await?;
    tcp.set_nodelay(true)?;
    Ok(Io(match tls {
        None => Box::pin(tcp),
        Some(config) => {
            let name = rustls::pki_types::ServerName::IpAddress(tcp.peer_addr()?.ip().into());
            Box::pin(tokio_rustls::TlsConnector::from(config).connect(name, tcp).await?)
        }
    }))
}

impl Connected for Io {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}
