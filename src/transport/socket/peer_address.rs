//! Where a libp2p host is, and whose it is: a multiaddress of the one form that these hosts have.

use ::libp2p::multiaddr::Protocol;
use ::libp2p::{Multiaddr, PeerId};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Where a host is: `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…`. Without a peer anybody may answer there, which is for
/// listening only; port 0 is any that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// IP and port.
    pub at: SocketAddr,
    /// Who is there: the hash of a public key, which the host has to show that it has the other half of.
    pub peer: Option<PeerId>,
}

/// A text that is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerAddressError {
    /// No multiaddress at all.
    #[error("it is no multiaddress: {0}")]
    Unreadable(String),
    /// A multiaddress of another form: another transport, a name, a relay.
    #[error("only IP, TCP and peer are known")]
    Form,
}

impl PeerAddress {
    /// Where it is, as libp2p dials it.
    pub(in crate::transport) fn multiaddr(self) -> Multiaddr {
        multiaddr(self.at)
    }
}

/// IP and TCP port as a multiaddress.
pub(in crate::transport) fn multiaddr(at: SocketAddr) -> Multiaddr {
    Multiaddr::from(at.ip()).with(Protocol::Tcp(at.port()))
}

/// The beginning of a multiaddress, if it is IP and TCP.
pub(in crate::transport) fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address: Multiaddr = text
            .parse()
            .map_err(|error: ::libp2p::multiaddr::Error| PeerAddressError::Unreadable(error.to_string()))?;
        let at = socket_address(&address).ok_or(PeerAddressError::Form)?;
        let mut behind = address.iter().skip(2);
        let peer = match (behind.next(), behind.next()) {
            (None, _) => None,
            (Some(Protocol::P2p(peer)), None) => Some(peer),
            _ => return Err(PeerAddressError::Form),
        };
        Ok(Self { at, peer })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        multiaddr(self.at).fmt(f)?;
        match self.peer {
            Some(peer) => write!(f, "/p2p/{peer}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PEER: &str = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo";

    #[test]
    fn a_place_is_written_as_it_is_read() {
        for text in [
            format!("/ip4/127.0.0.1/tcp/4001/p2p/{PEER}"),
            format!("/ip6/::1/tcp/4001/p2p/{PEER}"),
            "/ip4/127.0.0.1/tcp/0".to_owned(),
        ] {
            assert_eq!(text.parse::<PeerAddress>().map(|it| it.to_string()), Ok(text));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_so_that_it_is_read_the_same(text in "/(ip4|ip6|tcp|p2p|[0-9a-f.:]{1,9}|/){0,8}") {
            if let Ok(place) = text.parse::<PeerAddress>() {
                prop_assert_eq!(place.to_string().parse::<PeerAddress>(), Ok(place));
            }
        }
    }

    #[test]
    fn what_these_hosts_have_not_is_refused() {
        for text in [
            "/ip4/127.0.0.1/udp/4001/quic-v1",
            "/dns4/example.org/tcp/4001",
            "/ip4/127.0.0.1/tcp/4001/ws",
            "/ip4/127.0.0.1",
            &format!("/ip4/127.0.0.1/tcp/1/p2p/{PEER}/p2p-circuit"),
        ] {
            assert_eq!(text.parse::<PeerAddress>(), Err(PeerAddressError::Form), "{text}");
        }
        for text in ["/ip4/127.0.0.1/tcp/4001/p2p/nobody", "/ip4/localhost/tcp/1", "/"] {
            assert!(text.parse::<PeerAddress>().is_err(), "{text}");
        }
    }
}
