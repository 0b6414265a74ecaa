//! One connection to a server: TLS, and then whatever is spoken on it.

use super::caller::{Caller, Place};
use super::io::Socket;
use super::server::Gate;
use super::{Host, Limits, Refusal, Traffic, WireProtocol};
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

/// What all connections of a server share.
pub struct Shared<H> {
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
pub(super) async fn serve<P: WireProtocol, H: Host>(socket: Socket, shared: Arc<Shared<H>>, place: Place) {
    let caller = Caller::at(place);
    match &shared.tls {
        None => P::serve(socket, &Serving::new(shared, caller), Instant::now()).await,
        // In a box, so that who has no TLS needs no room for it.
        Some(acceptor) => Box::pin(decrypt::<P, H>(acceptor.clone(), socket, shared, caller)).await,
    }
}

async fn decrypt<P: WireProtocol, H: Host>(
    acceptor: TlsAcceptor,
    socket: Socket,
    shared: Arc<Shared<H>>,
    caller: Caller,
) {
    let began = Instant::now();
    match timeout(shared.limits.greeting, acceptor.accept(socket)).await {
        Ok(Ok(encrypted)) => {
            // Where nobody else comes, nobody asks who it is.
            let shown = encrypted.get_ref().1.peer_certificates().filter(|_| shared.limits.own.is_none());
            let caller = match shown.and_then(<[_]>::first) {
                Some(certificate) => caller.showing(certificate),
                None => caller,
            };
            P::serve(encrypted, &Serving::new(shared, caller), began).await;
        }
        Ok(Err(error)) if hung_up(&error) => {}
        Ok(Err(_)) => shared.traffic.refused(Refusal::Tls),
        Err(_) => shared.traffic.refused(Refusal::Silent),
    }
}

/// Whether the other end only went away, which is no fault.
pub fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}
