//! One connection to a server: TLS, and then whatever is spoken on it.

use super::io::Socket;
use super::link::Io;
use super::server::Gate;
use super::{Host, Limits, Protocol, Refusal, Traffic};
use crate::transport::{grpc, http, websocket};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// What all connections of a server share.
pub struct Shared<H> {
    pub protocol: Protocol,
    pub host: Arc<H>,
    pub gate: Arc<Gate>,
    pub tls: Option<TlsAcceptor>,
    pub limits: Limits,
    pub traffic: Arc<Traffic>,
    /// Bytes of unfinished requests.
    pub held: AtomicUsize,
}

/// Serves one connection to its end, whatever end that is.
pub(super) async fn serve<H: Host>(socket: Socket, shared: Arc<Shared<H>>) {
    match &shared.tls {
        None => speak(socket, &shared, Instant::now()).await,
        // In a box, so that who has no TLS needs no room for it.
        Some(acceptor) => Box::pin(decrypt(acceptor, socket, &shared)).await,
    }
}

async fn decrypt<H: Host>(acceptor: &TlsAcceptor, socket: Socket, shared: &Arc<Shared<H>>) {
    let began = Instant::now();
    match timeout(shared.limits.greeting, acceptor.accept(socket)).await {
        Ok(Ok(encrypted)) => speak(encrypted, shared, began).await,
        Ok(Err(error)) if hung_up(&error) => {}
        Ok(Err(_)) => shared.traffic.refused(Refusal::Tls),
        Err(_) => shared.traffic.refused(Refusal::Silent),
    }
}

/// What is spoken has until `limits.greeting` after `began` to be agreed on.
async fn speak<H: Host, S: Io>(io: S, shared: &Arc<Shared<H>>, began: Instant) {
    match shared.protocol {
        Protocol::Grpc | Protocol::GrpcStream => grpc::serve(io, shared, began).await,
        Protocol::WebSocket => websocket::serve(io, shared, began).await,
        // Its sockets are the host's.
        #[cfg(feature = "libp2p")]
        Protocol::Libp2p => {}
        Protocol::Http => http::serve_http1(io, shared, began).await,
        Protocol::Http2 => http::serve_http2(io, shared, began).await,
    }
}

/// Whether the other end only went away, which is no fault.
pub fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
