//! A port or path that is taken, before anybody answers on it.

use super::{Address, TransportError};
use std::io;
use std::net::TcpListener;
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
        let fault = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => TransportError::InUse { address: at.clone() },
            _ => TransportError::Listen { address: at.clone(), source },
        };
        let tcp = |socket: io::Result<TcpListener>| {
            let socket = socket?;
            socket.set_nonblocking(true)?;
            let address = Address::Tcp(socket.local_addr()?);
            Ok((Bound::Tcp(socket), address))
        };
        let unix = |path| {
            let socket = UnixListener::bind(path)?;
            socket.set_nonblocking(true)?;
            Ok((Bound::Unix(socket), at.clone()))
        };
        let bound: io::Result<(Bound, Address)> = match at {
            Address::Tcp(at) => tcp(TcpListener::bind(at)),
            Address::Host(name, port) => tcp(TcpListener::bind((name.as_str(), *port))),
            Address::Unix(path) => unix(path),
        };
        let (socket, announced) = bound.map_err(fault)?;
        Ok(Self { socket, announced })
    }

    /// The address as it is announced to peers, with the port that was taken.
    pub fn address(&self) -> &Address {
        &self.announced
    }
}
