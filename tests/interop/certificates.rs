//! The five files that mutual TLS needs, under the names that P2PFL uses.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::path::{Path, PathBuf};

/// Options of both programs, and the settings of P2PFL that they stand for.
pub const FILES: [(&str, &str); 5] = [
    ("--ca-crt", "ca.crt"),
    ("--server-crt", "server.crt"),
    ("--server-key", "server.key"),
    ("--client-crt", "client.crt"),
    ("--client-key", "client.key"),
];

/// An authority, and a server's and a client's certificate that it has signed, for all who take part on this machine.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them in a folder.
    pub fn make(folder: &Path) -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "interop");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("a certificate");
        fs::write(folder.join("ca.crt"), certificate.pem()).expect("the folder is there");
        let issuer = Issuer::new(authority, key);

        for (name, purpose) in
            [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
        {
            let names = ["127.0.0.1", "::1", "localhost"].map(str::to_owned);
            let mut params = CertificateParams::new(names).expect("they are names");
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![purpose];
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            fs::write(folder.join(format!("{name}.crt")), certificate.pem()).expect("the folder is there");
            fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).expect("the folder is there");
        }
        Self { folder: folder.to_owned() }
    }

    /// As options of `peer.py` and of `p2pfl-sim node`.
    pub fn options(&self) -> Vec<String> {
        FILES.iter().flat_map(|(option, file)| [(*option).to_owned(), self.path(file)]).collect()
    }

    /// As changes of a scenario.
    pub fn settings(&self) -> Vec<String> {
        let set = |(option, file): &(&str, &str)| {
            let name = option.trim_start_matches('-').replace('-', "_");
            ["--set".to_owned(), format!("settings.ssl.{name}={}", self.path(file))]
        };
        FILES.iter().flat_map(set).collect()
    }

    fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}
