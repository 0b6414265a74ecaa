//! Where a peer is, as P2PFL writes it. Sockets are not touched here, and no name is looked up.

#[cfg(feature = "libp2p")]
use super::{PeerAddress, PeerAddressError};
use rustls::pki_types::DnsName;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The longest path of a Unix socket, in bytes: what the system keeps it in ends with a zero.
pub const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How P2PFL marks Unix sockets.
const UNIX: &str = "unix://";

/// Where a peer is. Its text is its identity: `127.0.0.1:4000`, `[::1]:4000` or `unix:///absolute/path`. Without a port
/// (`127.0.0.1`, `::1`, `localhost`) a listener takes any that is free, as P2PFL does, and nobody can be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// IP and port; port 0 is none.
    Tcp(SocketAddr),
    /// A name that stands for an IP, looked up when it is used, and a port; port 0 is none. P2PFL refuses names with
    /// ports, so that none is ever announced: this is for calling, and for listening without a port.
    Host(String, u16),
    /// A Unix socket's absolute path.
    Unix(PathBuf),
    /// A libp2p host, as a multiaddress: `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…`.
    #[cfg(feature = "libp2p")]
    Libp2p(Box<PeerAddress>),
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing at all.
    #[error("the address is empty: write one such as 127.0.0.1:4000, [::1]:4000 or unix:///tmp/peer.sock")]
    Empty,
    /// A path that does not begin at the root, or none.
    #[error("`{0}` has no absolute path: write unix:///path/to/socket, with three slashes")]
    NotAbsolute(String),
    /// A path that is no text, so that it cannot be told to anybody.
    #[error("the path {} is not in UTF-8, so that peers cannot be told: choose another", .0.display())]
    NotText(PathBuf),
    /// A path that no system takes.
    #[error("`{0}` has a zero byte in its path: leave it out")]
    ZeroByte(String),
    /// A path that does not fit into a socket's address.
    #[error(
        "the path of the Unix socket {} has {length} bytes, and the system takes {MAX_SOCKET_PATH} at most: choose a \
         shorter one, for example in /tmp",
        path.display()
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its bytes.
        length: usize,
    },
    /// A multiaddress that is none of a libp2p host.
    #[cfg(feature = "libp2p")]
    #[error(
        "`{text}` is no address of a libp2p host: {why}; they are written /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…"
    )]
    Multiaddress {
        /// The address.
        text: String,
        /// What is wrong with it.
        why: PeerAddressError,
    },
    /// A multiaddress, which a program without libp2p knows nothing of.
    #[cfg(not(feature = "libp2p"))]
    #[error(
        "`{0}` is an address of libp2p, which this program was built without: build it with `--features libp2p`, or write \
         an address such as 127.0.0.1:4000"
    )]
    NoLibp2p(String),
    /// Another kind of address.
    #[error("`{0}` begins with a scheme: write the address alone, such as 127.0.0.1:4000")]
    Scheme(String),
    /// What follows the last colon is no port.
    #[error("`{text}`: `{port}` is no port; ports are numbers from 0 to 65535")]
    Port {
        /// The address.
        text: String,
        /// What is no port.
        port: String,
    },
    /// Several colons, but no IPv6 address.
    #[error("`{0}` is no IPv6 address: with a port they are written [::1]:4000, without one ::1")]
    Ipv6(String),
    /// Neither an IP address nor a name that could stand for one.
    #[error("`{0}` is neither an IP address nor a name of a host: write one such as 127.0.0.1:4000")]
    Name(String),
}

impl Address {
    /// A Unix socket at this path.
    ///
    /// # Errors
    /// If it does not begin at the root, is no text, or a socket's address has no room for it.
    pub fn unix(path: &Path) -> Result<Self, AddressError> {
        let bytes = path.as_os_str().as_encoded_bytes();
        let text = || format!("{UNIX}{}", path.display());
        if !path.is_absolute() || bytes.ends_with(b"/") {
            return Err(AddressError::NotAbsolute(text()));
        }
        if path.to_str().is_none() {
            return Err(AddressError::NotText(path.into()));
        }
        if bytes.contains(&0) {
            return Err(AddressError::ZeroByte(text().replace('\0', "\\0")));
        }
        if bytes.len() > MAX_SOCKET_PATH {
            return Err(AddressError::PathTooLong { path: path.into(), length: bytes.len() });
        }
        Ok(Self::Unix(path.into()))
    }

    /// Whether somebody could be called there: without a port nobody can.
    pub fn is_callable(&self) -> bool {
        match self {
            Self::Tcp(at) => at.port() != 0,
            Self::Host(_, port) => *port != 0,
            Self::Unix(_) => true,
            #[cfg(feature = "libp2p")]
            Self::Libp2p(_) => true,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(path) = text.strip_prefix(UNIX) {
            return Self::unix(Path::new(path));
        }
        if text.starts_with('/') {
            return multiaddress(text);
        }
        if text.starts_with("unix:") {
            return Err(AddressError::NotAbsolute(text.into()));
        }
        if text.contains("://") {
            return Err(AddressError::Scheme(text.into()));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Tcp(SocketAddr::new(ip, 0)));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::Tcp(at));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port_of(text, port)?),
            None => (text, 0),
        };
        if name.contains([':', '[', ']']) {
            return Err(AddressError::Ipv6(text.into()));
        }
        match DnsName::try_from(name) {
            Ok(_) => Ok(Self::Host(name.into(), port)),
            Err(_) => Err(AddressError::Name(text.into())),
        }
    }
}

#[cfg(feature = "libp2p")]
fn multiaddress(text: &str) -> Result<Address, AddressError> {
    let place = text.parse::<PeerAddress>();
    place
        .map(|it| Address::Libp2p(Box::new(it)))
        .map_err(|why| AddressError::Multiaddress { text: text.into(), why })
}

#[cfg(not(feature = "libp2p"))]
fn multiaddress(text: &str) -> Result<Address, AddressError> {
    Err(AddressError::NoLibp2p(text.into()))
}

fn port_of(text: &str, port: &str) -> Result<u16, AddressError> {
    let digits = !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
    let number = port.parse().ok().filter(|_| digits);
    number.ok_or_else(|| AddressError::Port { text: text.into(), port: port.into() })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            // A zone is written in brackets only.
            Self::Tcp(SocketAddr::V6(at)) if at.scope_id() != 0 => at.fmt(f),
            Self::Tcp(at) if at.port() == 0 => at.ip().fmt(f),
            Self::Tcp(at) => at.fmt(f),
            Self::Host(name, 0) => f.write_str(name),
            Self::Host(name, port) => write!(f, "{name}:{port}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
            #[cfg(feature = "libp2p")]
            Self::Libp2p(place) => place.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV6};

    fn tcp(text: &str) -> Address {
        Address::Tcp(text.parse().unwrap())
    }

    #[test]
    fn addresses_are_read_as_p2pfl_writes_them() {
        let read = |text: &str| text.parse::<Address>().unwrap();
        assert_eq!(read("127.0.0.1:4000"), tcp("127.0.0.1:4000"));
        assert_eq!(read("[::1]:4000"), tcp("[::1]:4000"));
        assert_eq!(read("127.0.0.1"), tcp("127.0.0.1:0"));
        assert_eq!(read("::1"), tcp("[::1]:0"));
        assert_eq!(read("localhost"), Address::Host("localhost".into(), 0));
        assert_eq!(read("peer-3.lab.example:4000"), Address::Host("peer-3.lab.example".into(), 4000));
        assert_eq!(read("unix:///tmp/a b:c"), Address::Unix("/tmp/a b:c".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_would_be_right() {
        for (text, wrong, right) in [
            ("", "empty", "127.0.0.1:4000"),
            ("unix://tmp/x", "no absolute path", "unix:///path"),
            ("unix:/tmp/x", "no absolute path", "unix:///path"),
            ("unix://", "no absolute path", "unix:///path"),
            ("unix:///tmp/", "no absolute path", "unix:///path"),
            ("unix:///a\0b", "zero byte", "leave it out"),
            ("http://127.0.0.1:4000", "scheme", "127.0.0.1:4000"),
            ("127.0.0.1:70000", "`70000` is no port", "65535"),
            ("127.0.0.1:+80", "`+80` is no port", "65535"),
            ("localhost:", "`` is no port", "65535"),
            ("::1:4000:x", "`x` is no port", "65535"),
            ("1:2:3:4:5:6:7:8:4000", "no IPv6", "[::1]:4000"),
            ("[::1]", "`1]` is no port", "65535"),
            ("[127.0.0.1]:4000", "no IPv6", "[::1]:4000"),
            ("256.0.0.1:4000", "neither an IP", "127.0.0.1:4000"),
            ("127.0.0.1 :4000", "neither an IP", "127.0.0.1:4000"),
            ("-", "neither an IP", "127.0.0.1:4000"),
        ] {
            let error = text.parse::<Address>().map_err(|it| it.to_string()).unwrap_err();
            assert!(error.contains(wrong) && error.contains(right), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused_with_its_length() {
        let path = |bytes: usize| format!("unix:///{}", "x".repeat(bytes - 1));
        let longest = path(MAX_SOCKET_PATH).parse::<Address>().unwrap();
        let Address::Unix(at) = longest else { panic!("{longest:?}") };
        std::os::unix::net::SocketAddr::from_pathname(at).expect("the system takes it");
        let error = path(MAX_SOCKET_PATH + 1).parse::<Address>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("{} bytes", MAX_SOCKET_PATH + 1)) && error.contains("/tmp"),
            "{error}"
        );
    }

    fn any_address() -> impl Strategy<Value = Address> {
        let v6 = (any::<[u16; 8]>(), any::<u16>(), prop_oneof![Just(0), any::<u32>()])
            .prop_map(|(ip, port, zone)| SocketAddrV6::new(Ipv6Addr::from_segments(ip), port, 0, zone));
        prop_oneof![
            (any::<[u8; 4]>(), any::<u16>())
                .prop_map(|(ip, port)| Address::Tcp((Ipv4Addr::from_octets(ip), port).into())),
            v6.prop_map(|at| Address::Tcp(at.into())),
            ("[a-z]([a-z0-9-]{0,10}[a-z0-9])?(\\.[a-z][a-z0-9]{0,5}){0,3}", any::<u16>())
                .prop_map(|(name, port)| Address::Host(name, port)),
            "(/[^/\0]{1,10}){1,3}"
                .prop_filter_map("a socket's path", |path| Address::unix(path.as_ref()).ok()),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(address in any_address()) {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        #[test]
        fn whatever_is_read_is_written_so_that_it_is_read_the_same(text in "[0-9a-z:.\\[\\]/%-]{0,24}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
