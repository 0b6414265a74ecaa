//! A host as what is spoken on sockets: it has connections of its own, where other protocols take what the system gives.

use super::host::Host;
use super::serve::serve;
use crate::transport::grpc::Unary;
use crate::transport::socket::dial::Dial;
use crate::transport::socket::link::Io;
use crate::transport::socket::serve::{Serving, Shared};
use crate::transport::socket::server::{Accepting, accept};
use crate::transport::socket::{
    self, Address, Limits, Listener, NoLink, PeerAddress, Traffic, TransportError, WireProtocol,
};
use std::future::{Future, ready};
use std::io;
use std::sync::Arc;
use tokio::time::Instant;

impl WireProtocol for Host {
    const NAME: &'static str = "libp2p";
    /// noise secures its connections.
    const ALPN: Option<&'static [u8]> = None;
    const CALL_S: f64 = 28e-6;
    type Link = Unary;

    fn new(limits: &Limits, traffic: &Arc<Traffic>) -> Self {
        Self::new(None, limits.clone(), Arc::clone(traffic))
    }

    fn message_with_answer(payload: f64) -> f64 {
        payload + 100.0
    }

    fn of_node(&self, secret: impl FnOnce() -> [u8; 32]) -> Self {
        self.known_by(secret())
    }

    /// A TCP port, or the place of a host, which has to be this one if it says whose it is.
    fn bind(&self, at: &Address) -> Result<Listener, TransportError> {
        let peer = self.peer();
        let port = match at {
            Address::Libp2p(place) if place.peer.is_some_and(|other| other != peer) => {
                let source = io::Error::new(io::ErrorKind::AddrNotAvailable, format!("this node is {peer}"));
                return Err(TransportError::Listen { address: at.clone(), source });
            }
            Address::Libp2p(place) => Address::Tcp(place.at),
            other => other.clone(),
        };
        let listener = Listener::bind(&port)?;
        Ok(match *listener.address() {
            Address::Tcp(at) => {
                listener.announced_as(Address::Libp2p(Box::new(PeerAddress { at, peer: Some(peer) })))
            }
            _ => listener,
        })
    }

    /// A stream to the host at the other end.
    async fn connect(&self, dial: &Dial<Self>) -> Result<Unary, NoLink> {
        match &dial.to {
            Address::Libp2p(place) => dial.greet(self.stream(**place).await?).await,
            _ => Err(NoLink::for_good("its address is none of a libp2p host".into())),
        }
    }

    async fn accept<H: socket::Host>(self, listener: Accepting, shared: Arc<Shared<H>>) {
        match listener {
            Accepting::Tcp(tcp) => serve(tcp, self, shared).await,
            // No host comes there, and nobody else is served.
            unix @ Accepting::Unix(_) => accept::<Self, H>(unix, shared).await,
        }
    }

    /// Nothing: its streams are served as they come in.
    fn serve<H: socket::Host, S: Io>(
        _: S,
        _: &Arc<Serving<H>>,
        _: Instant,
    ) -> impl Future<Output = ()> + Send {
        ready(())
    }
}
