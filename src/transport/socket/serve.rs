//! One connection to a server: TLS, and then whatever is spoken on it.

use super::caller::{Caller, Place};
use super::io::Socket;
use super::link::Io;
use super::server::Gate;
use super::{Host, Limits, Protocol, Refusal, Traffic};
use crate::transport::{grpc, http, websocket};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
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
}

/// One connection: what it shares with the others of its server, and who is at its other end.
pub struct Serving<H> {
    server: Arc<Shared<H>>,
    pub caller: Caller,
}

impl<H> Serving<H> {
    pub fn new(server: Arc<Shared<H>>, caller: Caller) -> Arc<Self> {
        Arc::new(Self { server, caller })
    }
}

impl<H> Deref for Serving<H> {
    type Target = Shared<H>;

    fn deref(&self) -> &Shared<H> {
        &self.server
    }
}

/// Serves one connection to its end, whatever end that is.
pub(super) async fn serve<H: Host>(socket: Socket, shared: Arc<Shared<H>>, place: Place) {
    let caller = Caller::at(place);
    match &shared.tls {
        None => speak(socket, Serving::new(shared, caller), Instant::now()).await,
        // In a box, so that who has no TLS needs no room for it.
        Some(acceptor) => Box::pin(decrypt(acceptor.clone(), socket, shared, caller)).await,
    }
}

async fn decrypt<H: Host>(acceptor: TlsAcceptor, socket: Socket, shared: Arc<Shared<H>>, caller: Caller) {
    let began = Instant::now();
    match timeout(shared.limits.greeting, acceptor.accept(socket)).await {
        Ok(Ok(encrypted)) => {
            // Where nobody else comes, nobody asks who it is.
            let shown = encrypted.get_ref().1.peer_certificates().filter(|_| shared.limits.own.is_none());
            let caller = match shown.and_then(<[_]>::first) {
                Some(certificate) => caller.showing(certificate),
                None => caller,
            };
            speak(encrypted, Serving::new(shared, caller), began).await;
        }
        Ok(Err(error)) if hung_up(&error) => {}
        Ok(Err(_)) => shared.traffic.refused(Refusal::Tls),
        Err(_) => shared.traffic.refused(Refusal::Silent),
    }
}

/// What is spoken has until `limits.greeting` after `began` to be agreed on.
async fn speak<H: Host, S: Io>(io: S, serving: Arc<Serving<H>>, began: Instant) {
    match serving.protocol {
        Protocol::Grpc | Protocol::GrpcStream => grpc::serve(io, &serving, began).await,
        Protocol::WebSocket => websocket::serve(io, &serving, began).await,
        // Its sockets are the host's.
        #[cfg(feature = "libp2p")]
        Protocol::Libp2p => {}
        Protocol::Http => http::serve_http1(io, &serving, began).await,
        Protocol::Http2 => http::serve_http2(io, &serving, began).await,
    }
}

/// Whether the other end only went away, which is no fault.
pub fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
