//! A node's part in a transport: where its server and its channels come from.

use super::dial::Through;
use super::tls::server_name;
use super::{
    Address, Channel, Host, Limits, Listener, Protocol, Redial, Security, Server, Tap, Traffic,
    TransportError,
};
#[cfg(feature = "libp2p")]
use crate::transport::libp2p;
use std::io;
use std::sync::Arc;

/// What a node's server and its channels have in common. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) protocol: Protocol,
    pub(super) security: Security,
    pub(super) limits: Limits,
    pub(super) traffic: Arc<Traffic>,
    pub(super) tap: Option<Arc<Tap>>,
    /// Who the node is among libp2p's hosts, where that is spoken.
    #[cfg(feature = "libp2p")]
    pub(super) libp2p: Option<libp2p::Host>,
}

impl Endpoint {
    /// Speaks a protocol within limits; what goes through its sockets is counted in `traffic`. Where nodes have an identity
    /// of their own, it is one that is made for this endpoint, and that nobody knows beforehand.
    pub fn new(protocol: Protocol, security: &Security, limits: Limits, traffic: Arc<Traffic>) -> Self {
        #[cfg(feature = "libp2p")]
        let libp2p = (protocol == Protocol::Libp2p)
            .then(|| libp2p::Host::new(None, limits.clone(), Arc::clone(&traffic)));
        Self {
            protocol,
            security: security.speaking(protocol.alpn()),
            limits,
            traffic,
            tap: None,
            #[cfg(feature = "libp2p")]
            libp2p,
        }
    }

    /// The part of a node of its own, within the same limits and counts. Where nodes have an identity, it comes from
    /// `secret`; it makes no difference where they are known by their address alone.
    pub fn of_node(&self, secret: impl FnOnce() -> [u8; 32]) -> Self {
        #[cfg(feature = "libp2p")]
        if let Some(host) = &self.libp2p {
            return Self { libp2p: Some(host.known_by(secret())), ..self.clone() };
        }
        #[cfg(not(feature = "libp2p"))]
        drop(secret);
        self.clone()
    }

    /// Takes a port or a path, as [`Listener::bind`] does. It is announced as the node is called by others.
    ///
    /// # Errors
    ///
    /// If the address is in use, not this machine's, a name that stands for none, or another node's.
    pub fn bind(&self, at: &Address) -> Result<Listener, TransportError> {
        #[cfg(feature = "libp2p")]
        if let Some(host) = &self.libp2p {
            return Listener::of_host(at, host.peer());
        }
        Listener::bind(at)
    }

    /// The same, within other limits.
    #[must_use]
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same, with somebody who listens to what is said on its channels, in both directions.
    #[must_use]
    pub fn tapped(self, tap: Arc<Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }

    /// Begins to take calls. To be called within a tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// If the system does not let the runtime have the listener.
    pub fn serve<H: Host>(&self, listener: Listener, host: Arc<H>) -> io::Result<Server> {
        Server::start(listener, host, self)
    }

    /// A channel to `to`. Nothing happens until it is used.
    pub fn channel(&self, to: Address, redial: Redial) -> Channel {
        Channel::new(to, self, redial)
    }

    pub(super) fn through(&self, to: &Address) -> Through {
        #[cfg(feature = "libp2p")]
        if let Some(host) = &self.libp2p {
            return Through::Libp2p(host.clone());
        }
        match self.security.client() {
            Some(config) => Through::Tls(config.into(), server_name(to)),
            None => Through::Plain,
        }
    }
}
