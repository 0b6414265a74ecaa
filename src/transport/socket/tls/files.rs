//! The user's PEM files, under P2PFL's names. Everything that a handshake would find fault with is found here, before
//! anything runs, and said of the file that it comes from.

use super::{Fault, TlsError};
use crate::bounded;
use crate::format::settings::Ssl;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys, RootCertStore};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

/// What is in the files.
pub(super) struct Read {
    /// Whom both ends trust to sign.
    pub roots: RootCertStore,
    /// What those show that are called.
    pub server: CertifiedKey,
    /// What those show that call; only with mutual TLS.
    pub client: Option<CertifiedKey>,
}

/// Reads and checks all files that are needed.
pub(super) fn read(
    ssl: &Ssl,
    base_dir: &Path,
    mutual: bool,
    listen: &[IpAddr],
    provider: &Arc<CryptoProvider>,
) -> Result<Read, TlsError> {
    let now = UnixTime::now();
    let open = |field, named: &Option<PathBuf>| File::open(field, named.as_deref(), base_dir);
    let authority = open("settings.ssl.ca_crt", &ssl.ca_crt)?;
    let roots = authority.roots(now)?;

    let (certificate, key) = (
        open("settings.ssl.server_crt", &ssl.server_crt)?,
        open("settings.ssl.server_key", &ssl.server_key)?,
    );
    let server = certificate.with_key(&key, provider, now)?;
    let signed_for = |error: Error, purpose| certificate.refused(&error, &authority, purpose);
    let parsed = ParsedCertificate::try_from(&server.cert[0]).map_err(|it| signed_for(it, "servers"))?;
    let algorithms = provider.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &server.cert[1..], now, algorithms)
        .map_err(|error| signed_for(error, "servers"))?;
    for &ip in listen {
        verify_server_name(&parsed, &ServerName::IpAddress(ip.into()))
            .map_err(|_| certificate.fault(Fault::Name(ip)))?;
    }
    drop(parsed);

    let client = if mutual {
        let (certificate, key) = (
            open("settings.ssl.client_crt", &ssl.client_crt)?,
            open("settings.ssl.client_key", &ssl.client_key)?,
        );
        let client = certificate.with_key(&key, provider, now)?;
        let trusted = Arc::new(roots.clone());
        let verifier = WebPkiClientVerifier::builder_with_provider(trusted, Arc::clone(provider)).build();
        let verifier = verifier.expect("there is a root, and no list of revocations");
        verifier
            .verify_client_cert(&client.cert[0], &client.cert[1..], now)
            .map_err(|error| certificate.refused(&error, &authority, "clients"))?;
        Some(client)
    } else {
        None
    };
    Ok(Read { roots, server, client })
}

/// The largest file of certificates or keys that is read.
const MAX_BYTES: u64 = 16 << 20;

/// A file that was read.
struct File {
    field: &'static str,
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn open(field: &'static str, named: Option<&Path>, base_dir: &Path) -> Result<Self, TlsError> {
        let path = base_dir.join(named.ok_or(TlsError::Unnamed { field })?);
        match bounded::read(&path, MAX_BYTES) {
            Ok(bytes) => Ok(Self { field, path, bytes }),
            Err(error) => Err(TlsError::File { field, path, fault: Fault::Read(error) }),
        }
    }

    /// All certificates in it, at least one. All are in force.
    fn certificates(&self, now: UnixTime) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        let found = found.map_err(|error| self.fault(damaged(&error)))?;
        if found.is_empty() {
            return Err(self.fault(if self.is_pem() { Fault::NoCertificate } else { Fault::NotPem }));
        }
        for certificate in &found {
            in_force(certificate, now).map_err(|fault| self.fault(fault))?;
        }
        Ok(found)
    }

    /// Those who sign.
    fn roots(&self, now: UnixTime) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates(now)? {
            roots.add(certificate).map_err(|error| self.fault(Fault::Certificate(error.to_string())))?;
        }
        Ok(roots)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let has = |text: &str| self.bytes.windows(text.len()).any(|it| it == text.as_bytes());
        if has("ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED") {
            return Err(self.fault(Fault::Encrypted));
        }
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| {
            self.fault(match error {
                pem::Error::NoItemsFound if self.is_pem() => Fault::NoKey,
                pem::Error::NoItemsFound => Fault::NotPem,
                other => damaged(&other),
            })
        })
    }

    /// The first certificate in it, with those that lead to its authority, and the key for it.
    fn with_key(
        &self,
        key: &File,
        provider: &CryptoProvider,
        now: UnixTime,
    ) -> Result<CertifiedKey, TlsError> {
        let chain = self.certificates(now)?;
        // An authority may be of an older version, but nothing can be seen in such a certificate of who shows it.
        match parsed(&chain[0]).map_err(|fault| self.fault(fault))?.version() {
            X509Version::V3 => {}
            older => return Err(self.fault(Fault::Version(older.0 + 1))),
        }
        CertifiedKey::from_der(chain, key.key()?, provider).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                key.fault(Fault::KeyOfAnother(self.path.clone()))
            }
            Error::InvalidCertificate(error) => self.fault(Fault::Certificate(error.to_string())),
            Error::General(text) => key.fault(Fault::Key(text)),
            other => key.fault(Fault::Key(other.to_string())),
        })
    }

    /// What a handshake would have said.
    fn refused(&self, error: &Error, authority: &File, purpose: &'static str) -> TlsError {
        let Error::InvalidCertificate(why) = error else {
            return self.fault(Fault::Refused(error.to_string()));
        };
        self.fault(match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Fault::Signer(authority.path.clone())
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Fault::Purpose(purpose)
            }
            other => Fault::Refused(other.to_string()),
        })
    }

    fn is_pem(&self) -> bool {
        self.bytes.windows(11).any(|it| it == b"-----BEGIN ")
    }

    fn fault(&self, fault: Fault) -> TlsError {
        TlsError::File { field: self.field, path: self.path.clone(), fault }
    }
}

fn damaged(error: &pem::Error) -> Fault {
    Fault::Damaged(match error {
        pem::Error::MissingSectionEnd { .. } => "a block has no END line".into(),
        pem::Error::Base64Decode(why) => format!("what is in a block is no base64 ({why})"),
        other => other.to_string(),
    })
}

fn parsed<'a>(certificate: &'a CertificateDer) -> Result<X509Certificate<'a>, Fault> {
    match X509Certificate::from_der(certificate) {
        Ok((_, parsed)) => Ok(parsed),
        Err(error) => Err(Fault::Certificate(error.to_string())),
    }
}

fn in_force(certificate: &CertificateDer, now: UnixTime) -> Result<(), Fault> {
    let certificate = parsed(certificate)?;
    let (valid, now) = (certificate.validity(), now.as_secs() as i64);
    if valid.not_after.timestamp() < now {
        return Err(Fault::Expired(valid.not_after.to_string()));
    }
    if valid.not_before.timestamp() > now {
        return Err(Fault::Early(valid.not_before.to_string()));
    }
    Ok(())
}
