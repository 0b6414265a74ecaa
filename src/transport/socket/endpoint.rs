//! A node's part in a transport: where its server and its channels come from.

use super::{
    Address, ChannelOf, Host, Limits, Listener, Redial, Security, Server, Tap, Traffic, TransportError,
    WireProtocol,
};
use std::io;
use std::sync::Arc;

/// What a node's server and its channels have in common. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct EndpointOf<P> {
    pub(super) protocol: P,
    pub(super) security: Security,
    pub(super) limits: Limits,
    pub(super) traffic: Arc<Traffic>,
    pub(super) tap: Option<Arc<Tap>>,
}

impl<P: WireProtocol> EndpointOf<P> {
    /// Within limits; what goes through its sockets is counted in `traffic`. Where nodes have an identity of their own, it is
    /// one that is made for this endpoint, and that nobody knows beforehand.
    pub fn new(security: &Security, limits: Limits, traffic: Arc<Traffic>) -> Self {
        let security = P::ALPN.map_or(Security::Plain, |alpn| security.speaking(alpn));
        Self { protocol: P::new(&limits, &traffic), security, limits, traffic, tap: None }
    }

    /// The part of a node of its own, within the same limits and counts. Where nodes have an identity, it comes from
    /// `secret`; it makes no difference where they are known by their address alone.
    #[must_use]
    pub fn of_node(&self, secret: impl FnOnce() -> [u8; 32]) -> Self {
        Self { protocol: self.protocol.of_node(secret), ..self.clone() }
    }

    /// Takes a port or a path, as [`Listener::bind`] does. It is announced as the node is called by others.
    ///
    /// # Errors
    ///
    /// If the address is in use, not this machine's, a name that stands for none, or another node's.
    pub fn bind(&self, at: &Address) -> Result<Listener, TransportError> {
        self.protocol.bind(at)
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
    pub fn channel(&self, to: Address, redial: Redial) -> ChannelOf<P> {
        ChannelOf::new(to, self, redial)
    }
}
