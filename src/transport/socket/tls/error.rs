//! What can be wrong with certificates, and what to do about it.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

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
    #[error("{} {fault}", path.display())]
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

/// What is wrong with a PEM file. Each is said of the file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// It has no PEM block.
    #[error("is no PEM file")]
    NotPem,
    /// A PEM block is damaged.
    #[error("is a damaged PEM file: {0}")]
    Damaged(String),
    /// It holds other things.
    #[error("has no certificate in it")]
    NoCertificate,
    /// It holds other things.
    #[error("has no private key in it")]
    NoKey,
    /// The key cannot be read without a password.
    #[error("is encrypted")]
    Encrypted,
    /// The key is of no kind that TLS has a use for.
    #[error("has a key that cannot be used: {0}")]
    Key(String),
    /// The key belongs to another certificate.
    #[error("has a key that does not fit the certificate in {}", .0.display())]
    KeyOfAnother(PathBuf),
    /// The certificate cannot be understood.
    #[error("has a certificate that cannot be understood: {0}")]
    Certificate(String),
    /// The certificate is of a kind that nobody checks any more.
    #[error("has a certificate of X.509 version {0}, which says neither whom nor what it is for")]
    Version(u32),
    /// Its time is over.
    #[error("has a certificate that was valid until {0}")]
    Expired(String),
    /// Its time has not come.
    #[error("has a certificate that will be valid from {0} on")]
    Early(String),
    /// Somebody else has signed it.
    #[error("has a certificate that the authority in {} has not signed", .0.display())]
    Signer(PathBuf),
    /// It is for something else.
    #[error("has a certificate that is not for {0}")]
    Purpose(&'static str),
    /// It is for somebody else.
    #[error("has a certificate that does not name {0}, where nodes listen")]
    Name(IpAddr),
    /// There is something else wrong with it.
    #[error("has a certificate that TLS refuses: {0}")]
    Refused(String),
}

impl TlsError {
    /// The field of the scenario that it comes from.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Unnamed { field } | Self::File { field, .. } => field,
            Self::Make(_) => "transport",
        }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::Unnamed { .. } => {
                "name it, or leave `settings.ssl` out: a certificate authority of the run then \
                                     makes all"
                    .into()
            }
            Self::File { field, path, fault } => fault.help(field, &path.display().to_string()),
            Self::Make(_) => "name files in `settings.ssl`, or use \"grpc\"".into(),
        }
    }
}

impl Fault {
    fn help(&self, field: &str, path: &str) -> String {
        match self {
            Self::Read(error) if error.kind() == io::ErrorKind::NotFound => {
                "paths are relative to the scenario; without `settings.ssl` a certificate authority of the run makes \
                 all files"
                    .into()
            }
            Self::Read(_) => "make it a file that this user may read".into(),
            Self::NotPem if field.ends_with("_key") => {
                format!("if it is DER, `openssl pkey -inform der -in {path} -out key.pem` converts it")
            }
            Self::NotPem => {
                format!("if it is DER, `openssl x509 -inform der -in {path} -out crt.pem` converts it")
            }
            Self::Damaged(_) => "copy it again, whole: every block from its BEGIN to its END line".into(),
            Self::NoCertificate => "it must have a block BEGIN CERTIFICATE; is this the key?".into(),
            Self::NoKey => "it must have a block BEGIN PRIVATE KEY; is this the certificate?".into(),
            Self::Encrypted => {
                format!("nobody is asked for a password: `openssl pkey -in {path} -out plain.key` takes it off")
            }
            Self::Key(_) => {
                "make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`".into()
            }
            Self::KeyOfAnother(_) => "name the key that the certificate was made with".into(),
            Self::Certificate(_) => {
                format!("see what `openssl x509 -in {path} -noout -text` makes of it")
            }
            Self::Version(_) => "sign it again with extensions, the addresses in subjectAltName among them".into(),
            Self::Expired(_) => "have a new one signed".into(),
            Self::Early(_) => "wait until then, or set this machine's clock".into(),
            Self::Signer(_) => "name the authority that has signed it in `settings.ssl.ca_crt`, with all of its chain \
                                here"
                .into(),
            Self::Purpose(_) => "sign it again without extendedKeyUsage, or with the right one".into(),
            Self::Name(ip) => format!("sign it again with IP:{ip} in its subjectAltName"),
            Self::Refused(_) => {
                "sign another with the authority in `settings.ssl.ca_crt`, with basicConstraints CA:FALSE".into()
            }
        }
    }
}
