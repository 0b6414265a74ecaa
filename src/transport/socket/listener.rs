//! A port or path that is taken, before anybody answers on it.

use super::{Address, TransportError};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::net::UnixListener;

/// Connections that may wait to be accepted; the system has a bound of its own. The 128 of the standard library are too
/// few for a hub that thousands of nodes connect to.
const BACKLOG: i32 = 4_096;

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
        let refused = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => TransportError::InUse { address: at.clone() },
            _ => TransportError::Listen { address: at.clone(), source },
        };
        match at {
            Address::Tcp(ip) => Self::tcp(*ip).map_err(refused),
            Address::Host(name, port) => {
                let unknown = |source| TransportError::Resolve { name: name.clone(), source };
                let mut found = (name.as_str(), *port).to_socket_addrs().map_err(unknown)?;
                let first = found.next().ok_or_else(|| unknown(io::ErrorKind::NotFound.into()))?;
                Self::tcp(first).map_err(refused)
            }
            #[cfg(feature = "libp2p")]
            Address::Libp2p(_) => Err(refused(io::Error::new(
                io::ErrorKind::Unsupported,
                "only a libp2p host can listen there",
            ))),
            Address::Unix(path) => {
                let bind = || {
                    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                    socket.bind(&SockAddr::unix(path)?)?;
                    listening(socket)
                };
                let socket = bind().map_err(refused)?;
                Ok(Self { socket: Bound::Unix(socket.into()), announced: at.clone() })
            }
        }
    }

    /// The same, under another name: by what peers call the node.
    #[must_use]
    pub fn announced_as(self, announced: Address) -> Self {
        Self { announced, ..self }
    }

    /// The address as it is announced to peers, with the port that was taken.
    pub fn address(&self) -> &Address {
        &self.announced
    }

    fn tcp(at: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
        // A port whose last user's connections are still fading is free.
        socket.set_reuse_address(true)?;
        if at.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&at.into())?;
        let listener = TcpListener::from(listening(socket)?);
        let announced = Address::Tcp(listener.local_addr()?);
        Ok(Self { socket: Bound::Tcp(listener), announced })
    }
}

fn listening(socket: Socket) -> io::Result<Socket> {
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_as_soon_as_it_is_known() {
        let any: Address = "127.0.0.1:0".parse().unwrap();
        let first = Listener::bind(&any).unwrap();
        let taken = first.address().clone();
        assert_ne!(taken, any);
        let error = Listener::bind(&taken).unwrap_err();
        assert!(matches!(error, TransportError::InUse { .. }), "{error}");
        drop(first);
        assert_eq!(*Listener::bind(&taken).unwrap().address(), taken);
    }

    #[test]
    fn an_address_of_another_machine_is_refused_by_name() {
        let error = Listener::bind(&"192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    }

    #[test]
    fn a_path_that_is_taken_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let at = Address::Unix(folder.path().join("a"));
        let _first = Listener::bind(&at).unwrap();
        assert!(matches!(Listener::bind(&at), Err(TransportError::InUse { .. })));
    }
}
