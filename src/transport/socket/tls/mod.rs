//! Whether connections are encrypted, and with whose certificates: those that a certificate authority of the run makes
//! (`generate`), or the user's own (`files`). Handshakes happen where the sockets are. Nothing here falls back to
//! plaintext.

mod error;
mod files;
mod generate;
#[cfg(test)]
mod tests;

pub use error::{Fault, TlsError};

use super::Address;
use crate::format::settings::Ssl;
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ConfigBuilder, ConfigSide, RootCertStore, WantsVerifier};
use std::net::IpAddr;
use std::path::Path;
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
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Security {
    /// A certificate authority of the run and certificates of it, for `127.0.0.1`, `::1`, `localhost` and every address
    /// in `listen`. With `mutual`, those who call have to show one as well.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn generate(mutual: bool, listen: &[IpAddr]) -> Result<Self, TlsError> {
        let made = generate::certificates(listen).map_err(|error| TlsError::Make(error.to_string()))?;
        let provider = Arc::new(default_provider());
        let own = |pair: generate::Pair| {
            let (chain, key) = pair.into_der();
            CertifiedKey::from_der(chain, key, &provider).map_err(|error| TlsError::Make(error.to_string()))
        };
        let mut roots = RootCertStore::empty();
        roots.add(made.authority).map_err(|error| TlsError::Make(error.to_string()))?;
        let client = if mutual { Some(own(made.client)?) } else { None };
        Ok(Self::of(&provider, roots, own(made.server)?, client))
    }

    /// The user's certificates, from the files in `ssl`, relative to `base_dir`. The server's has to name every address
    /// in `listen`. With `mutual`, those who call have to show one that `ca_crt` has signed, as in P2PFL.
    ///
    /// # Errors
    /// Files that are missing, do not hold what they should, or do not fit each other.
    pub fn load(ssl: &Ssl, base_dir: &Path, mutual: bool, listen: &[IpAddr]) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let read = files::read(ssl, base_dir, mutual, listen, &provider)?;
        Ok(Self::of(&provider, read.roots, read.server, read.client))
    }

    /// Callers trust whom `roots` have signed, and so do servers if there is a certificate for callers to show.
    fn of(
        provider: &Arc<CryptoProvider>,
        roots: RootCertStore,
        server: CertifiedKey,
        client: Option<CertifiedKey>,
    ) -> Self {
        let (roots, mutual) = (Arc::new(roots), client.is_some());
        let calls = versions(ClientConfig::builder_with_provider(Arc::clone(provider)))
            .with_root_certificates(Arc::clone(&roots));
        let mut calls = match client {
            Some(own) => calls.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
            None => calls.with_no_client_auth(),
        };
        calls.resumption = Resumption::disabled();

        let takes = versions(ServerConfig::builder_with_provider(Arc::clone(provider)));
        let takes = if mutual {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
            takes.with_client_cert_verifier(verifier.expect("there is a root, and no list of revocations"))
        } else {
            takes.with_no_client_auth()
        };
        let mut takes = takes.with_cert_resolver(Arc::new(SingleCertAndKey::from(server)));
        takes.session_storage = Arc::new(NoServerSessionStorage {});
        takes.send_tls13_tickets = 0;
        Self::Tls(Arc::new(Tls { server: Arc::new(takes), client: Arc::new(calls) }))
    }

    /// The same, where both ends agree on what is spoken (RFC 7301).
    pub(super) fn speaking(&self, alpn: &[u8]) -> Self {
        let Self::Tls(tls) = self else { return Self::Plain };
        let (mut server, mut client) = (ServerConfig::clone(&tls.server), ClientConfig::clone(&tls.client));
        server.alpn_protocols = vec![alpn.to_vec()];
        client.alpn_protocols = vec![alpn.to_vec()];
        Self::Tls(Arc::new(Tls { server: Arc::new(server), client: Arc::new(client) }))
    }

    /// What the accepting end needs; nothing in the clear.
    pub fn server(&self) -> Option<Arc<ServerConfig>> {
        match self {
            Self::Plain => None,
            Self::Tls(tls) => Some(Arc::clone(&tls.server)),
        }
    }

    /// What the calling end needs; nothing in the clear.
    pub fn client(&self) -> Option<Arc<ClientConfig>> {
        match self {
            Self::Plain => None,
            Self::Tls(tls) => Some(Arc::clone(&tls.client)),
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
        #[cfg(feature = "libp2p")]
        Address::Libp2p(_) => None,
    }
}

fn versions<S: ConfigSide>(
    builder: ConfigBuilder<S, rustls::WantsVersions>,
) -> ConfigBuilder<S, WantsVerifier> {
    builder.with_safe_default_protocol_versions().expect("ring has what TLS 1.2 and 1.3 need")
}
