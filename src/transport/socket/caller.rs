//! Who is at the other end of a connection, as far as its socket and TLS tell. What a caller says of itself is in its messages.

use super::Address;
use super::io::Stream;
use super::tls::server_name;
use rustls::client::verify_server_name;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use std::net::{IpAddr, SocketAddr};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Who is at the other end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Where the connection comes from.
    pub place: Place,
    /// What was shown with mutual TLS, if it names anybody.
    certificate: Option<Box<CertificateDer<'static>>>,
}

/// Where a connection comes from, in what cannot be chosen freely: its port can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Nobody knows, or nobody needs to.
    #[default]
    Unknown,
    /// A machine, by its IP address. An IPv4 address is the same over IPv6.
    Machine(IpAddr),
    /// A process of this machine, at the other end of a Unix socket.
    Process(u32),
    /// A libp2p host, which has shown that it has the key that it is called by.
    #[cfg(feature = "libp2p")]
    Libp2p(::libp2p::PeerId),
}

impl Caller {
    /// Somebody of whom no more is known than the place.
    pub fn at(place: Place) -> Self {
        Self { place, certificate: None }
    }

    /// The same, who has shown a certificate. One that names no host says only that its authority knows the caller.
    pub(super) fn showing(self, certificate: &CertificateDer<'_>) -> Self {
        let names = X509Certificate::from_der(certificate).is_ok_and(|(_, it)| {
            it.subject_alternative_name()
                .is_ok_and(|it| it.is_some_and(|it| !it.value.general_names.is_empty()))
        });
        Self { certificate: names.then(|| Box::new(certificate.clone().into_owned())), ..self }
    }

    /// Whether the caller may say that it is the peer at `address`: its certificate, if it has shown one that names anybody,
    /// has to name that host. A libp2p host is the one whose key it has, and no other.
    pub fn may_be(&self, address: &Address) -> bool {
        #[cfg(feature = "libp2p")]
        if let Place::Libp2p(peer) = self.place {
            return matches!(address, Address::Libp2p(it) if it.peer == Some(peer));
        }
        let Some(shown) = &self.certificate else { return true };
        let Some(name) = server_name(address) else { return false };
        ParsedCertificate::try_from(&**shown).is_ok_and(|it| verify_server_name(&it, &name).is_ok())
    }
}

impl Place {
    /// That of a connection which was accepted from `from`; a Unix socket has no such address.
    pub(super) fn of(stream: &Stream, from: Option<SocketAddr>) -> Self {
        match (stream, from) {
            (Stream::Tcp(_), Some(from)) => from.ip().into(),
            (Stream::Tcp(_), None) => Self::Unknown,
            (Stream::Unix(unix), _) => {
                let process = unix.peer_cred().ok().and_then(|it| u32::try_from(it.pid()?).ok());
                process.map_or(Self::Unknown, Self::Process)
            }
        }
    }
}

#[cfg(feature = "libp2p")]
impl From<::libp2p::PeerId> for Place {
    fn from(peer: ::libp2p::PeerId) -> Self {
        Self::Libp2p(peer)
    }
}

impl From<IpAddr> for Place {
    fn from(ip: IpAddr) -> Self {
        Self::Machine(ip.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn showing(names: &[&str]) -> Caller {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Caller::default().showing(made.der())
    }

    #[test]
    fn who_shows_a_certificate_is_whom_it_names_whatever_the_port() {
        let caller = showing(&["10.0.0.1", "peer.example"]);
        let may_be = |address: &str| caller.may_be(&address.parse().unwrap());
        assert!(may_be("10.0.0.1:4000") && may_be("10.0.0.1:4001") && may_be("peer.example"));
        assert!(!may_be("10.0.0.2:4000") && !may_be("other.example") && !may_be("unix:///tmp/peer.sock"));
    }

    #[test]
    fn who_shows_none_or_one_without_a_name_may_be_anybody() {
        let anybody = "10.0.0.1:4000".parse().unwrap();
        assert!(Caller::default().may_be(&anybody));
        assert!(showing(&[]).may_be(&anybody));
    }

    #[cfg(feature = "libp2p")]
    #[test]
    fn a_libp2p_host_is_whose_key_it_has_and_nobody_else() {
        let (one, other) = (::libp2p::PeerId::random(), ::libp2p::PeerId::random());
        let may_be = |peer: &str| {
            Caller::at(one.into()).may_be(&format!("/ip4/10.0.0.1/tcp/1{peer}").parse().unwrap())
        };
        assert!(may_be(&format!("/p2p/{one}")));
        assert!(!may_be(&format!("/p2p/{other}")) && !may_be(""));
        assert!(!Caller::at(one.into()).may_be(&"10.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_the_same_place_over_both_versions_of_ip_and_from_every_port() {
        let places = ["127.0.0.1", "::ffff:127.0.0.1"].map(|it| Place::from(it.parse::<IpAddr>().unwrap()));
        assert_eq!(places[0], places[1]);
    }
}
