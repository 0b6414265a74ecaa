//! A node's part in a transport: where its server and its channels come from.

use super::{Address, Channel, Host, Limits, Listener, Protocol, Redial, Security, Server, Traffic};
use std::io;
use std::sync::Arc;

/// What a node's server and its channels have in common. Clones are the same endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) protocol: Protocol,
    pub(super) security: Security,
    pub(super) limits: Limits,
    pub(super) traffic: Arc<Traffic>,
}

impl Endpoint {
    /// Speaks a protocol within limits; what goes through its sockets is counted in `traffic`.
    pub fn new(protocol: Protocol, security: &Security, limits: Limits, traffic: Arc<Traffic>) -> Self {
        Self { protocol, security: security.speaking(protocol.alpn()), limits, traffic }
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
}
