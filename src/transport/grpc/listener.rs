//! A port or path that is taken, before anybody answers on it.

use super::{Address, TransportError};
use std::io;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::os::unix::net::UnixListener;

/// A bound listener: its port is known and taken, connections queue up, and nothing is accepted yet. It needs no
/// runtime.
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: Bound,
    announced: Address,
}

#[derive(Debug)]
pub(super) enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Takes `at`; port 0 is any port that is free. A Unix socket's path must be free.
    ///
    /// # Errors
    ///
    /// If the address is in use, not this machine's, or a name that stands for none.
    pub fn bind(at: &Address) -> Result<Self, TransportError> {
        todo!()
    }

    /// The address as it is announced to peers, with the port that was taken.
    pub fn address(&self) -> &Address {
        &self.announced
    }
}
