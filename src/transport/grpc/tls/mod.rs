//! Whether connections are encrypted, and with whose certificates: those that a certificate authority of the run makes,
//! or the user's own. Handshakes happen where the sockets are. Nothing here falls back to plaintext.

use super::Address;
use crate::scenario::settings::Ssl;
use rustls::pki_types::ServerName;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whether connections are encrypted, and with what.
#[derive(Clone, Debug, Default)]
pub enum Security {
    /// In the clear.
    #[default]
    Plain,
    /// TLS 1.2 or 1.3, over TCP only.
    Tls(Arc<Tls>),
}

/// What both ends of a connection need for TLS. Every connection pays for a whole handshake, as those between processes
/// do: no session is resumed.
#[derive(Debug)]
pub struct Tls {
    server: Arc<rustls::ServerConfig>,
    client: Arc<rustls::ClientConfig>,
}

/// Certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is needed is not named.
    #[error("`{field}` is not named, but this transport needs it")]
    Unnamed {
        /// Its place in the scenario.
        field: &'static str,
    },
    /// A file that is not what it should be.
    #[error("{}: {fault}", path.display())]
    File {
        /// Its place in the scenario.
        field: &'static str,
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// No certificates could be made.
    #[error("cannot make certificates: {0}")]
    Make(String),
}

/// What is wrong with a PEM file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {}

impl Security {
    /// A certificate authority of the run and certificates of it, for `127.0.0.1`, `::1`, `localhost` and every address
    /// in `listen`. With `mutual`, those who call have to show one as well.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn generate(mutual: bool, listen: &[IpAddr]) -> Result<Self, TlsError> {
        todo!("{mutual} {listen:?}")
    }

    /// The user's certificates, from the files in `ssl`, relative to `base_dir`. With `mutual`, those who call have to
    /// show one that `ca_crt` has signed, as in P2PFL.
    ///
    /// # Errors
    /// Files that are missing, do not hold what they should, or do not fit each other.
    pub fn load(ssl: &Ssl, base_dir: &Path, mutual: bool) -> Result<Self, TlsError> {
        todo!("{ssl:?} {base_dir:?} {mutual}")
    }

    /// What the accepting end needs; nothing in the clear.
    pub fn server(&self) -> Option<Arc<rustls::ServerConfig>> {
        match self {
            Self::Plain => None,
            Self::Tls(tls) => Some(Arc::clone(&tls.server)),
        }
    }

    /// What the calling end needs; nothing in the clear.
    pub fn client(&self) -> Option<Arc<rustls::ClientConfig>> {
        match self {
            Self::Plain => None,
            Self::Tls(tls) => Some(Arc::clone(&tls.client)),
        }
    }
}

impl TlsError {
    /// The field of the scenario that it comes from.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Unnamed { field } | Self::File { field, .. } => field,
            Self::Make(_) => "transport",
        }
    }
}

/// The name that the certificate of whoever answers at `address` has to carry. Nothing for a Unix socket, over which
/// there is no TLS.
pub fn server_name(address: &Address) -> Option<ServerName<'static>> {
    match address {
        Address::Tcp(at) => Some(ServerName::IpAddress(at.ip().into())),
        Address::Host(name, _) => ServerName::try_from(name.clone()).ok(),
        Address::Unix(_) => None,
    }
}
