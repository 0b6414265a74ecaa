//! Whole handshakes, in memory; and the user's files, each mistake in them.

use super::generate::{Authority, Pair, Period};
use super::*;
use proptest::prelude::*;
use rcgen::ExtendedKeyUsagePurpose as Purpose;
use rustls::pki_types::UnixTime;
use rustls::{ClientConnection, ServerConnection};
use std::io;
use std::time::Duration;
use tempfile::TempDir;

const H2: &[u8] = b"h2";

/// What became of both ends.
struct Shaken {
    client: Result<Option<Vec<u8>>, rustls::Error>,
    server: Result<Option<Vec<u8>>, rustls::Error>,
    again: bool,
}

impl Shaken {
    fn agreed(&self) -> bool {
        let h2 = Some(H2.to_vec());
        self.client.as_ref() == Ok(&h2) && self.server.as_ref() == Ok(&h2)
    }

    /// What the two ends say, one after the other.
    fn said(&self) -> String {
        format!("{:?} / {:?}", self.client, self.server)
    }
}

/// Calls `to`; bytes go back and forth until neither end has any more.
fn shake(caller: &Security, callee: &Security, to: &str) -> Shaken {
    let to = server_name(&to.parse().unwrap()).unwrap();
    let (caller, callee) = (caller.speaking(H2), callee.speaking(H2));
    let mut client = ClientConnection::new(caller.client().unwrap(), to).unwrap();
    let mut server = ServerConnection::new(callee.server().unwrap()).unwrap();
    let (mut client_failed, mut server_failed) = (None, None);
    loop {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut there).unwrap();
        }
        take(&mut server, &there, &mut server_failed);
        while server.wants_write() {
            server.write_tls(&mut back).unwrap();
        }
        take(&mut client, &back, &mut client_failed);
        if there.is_empty() && back.is_empty() {
            break;
        }
    }
    let again = client.tls13_tickets_received() > 0;
    let protocol = |it: Option<&[u8]>| it.map(<[u8]>::to_vec);
    Shaken {
        client: client_failed.map_or_else(|| Ok(protocol(client.alpn_protocol())), Err),
        server: server_failed.map_or_else(|| Ok(protocol(server.alpn_protocol())), Err),
        again,
    }
}

fn take<D>(
    end: &mut impl std::ops::DerefMut<Target = rustls::ConnectionCommon<D>>,
    mut bytes: &[u8],
    failed: &mut Option<rustls::Error>,
) {
    while !bytes.is_empty() && failed.is_none() {
        match end.read_tls(&mut bytes) {
            Ok(_) => *failed = end.process_new_packets().err(),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Other, "{error}"),
        }
    }
}

#[test]
fn both_ends_of_a_run_agree_on_http2() {
    for mutual in [false, true] {
        let run = Security::generate(mutual, &["127.0.0.7".parse().unwrap()]).unwrap();
        for to in ["127.0.0.1:1", "[::1]:1", "localhost:1", "127.0.0.7:1"] {
            let shaken = shake(&run, &run, to);
            assert!(shaken.agreed(), "{mutual} {to}: {}", shaken.said());
            assert!(!shaken.again, "no session is resumed, so no ticket is given");
        }
    }
}

#[test]
fn a_server_is_not_believed_to_be_somebody_that_its_certificate_does_not_name() {
    let run = Security::generate(false, &[]).unwrap();
    for to in ["127.0.0.2:1", "[::2]:1", "elsewhere:1"] {
        let said = shake(&run, &run, to).said();
        assert!(said.contains("NotValidForName"), "{to}: {said}");
    }
}

#[test]
fn those_of_another_authority_are_refused_on_either_side() {
    let (ours, theirs) = (Security::generate(true, &[]).unwrap(), Security::generate(true, &[]).unwrap());
    let said = shake(&ours, &theirs, "127.0.0.1:1").said();
    assert!(said.contains("UnknownIssuer") || said.contains("BadSignature"), "{said}");
    // Somebody who trusts us, but has their certificate from elsewhere.
    let (Security::Tls(ours), Security::Tls(theirs)) = (&ours, &theirs) else { unreachable!() };
    let mut stranger = ClientConfig::clone(&ours.client);
    stranger.client_auth_cert_resolver = Arc::clone(&theirs.client.client_auth_cert_resolver);
    let stranger =
        Security::Tls(Arc::new(Tls { server: Arc::clone(&ours.server), client: Arc::new(stranger) }));
    let shaken = shake(&stranger, &Security::Tls(Arc::clone(ours)), "127.0.0.1:1");
    let said = format!("{:?}", shaken.server);
    assert!(said.contains("UnknownIssuer") || said.contains("BadSignature"), "{said}");
}

#[test]
fn a_caller_without_a_certificate_is_refused_where_both_have_to_show_one() {
    let files = Files::new(Period::around(UnixTime::now()));
    let (caller, callee) = (files.load(false).unwrap(), files.load(true).unwrap());
    let shaken = shake(&caller, &callee, "127.0.0.1:1");
    assert_eq!(shaken.server, Err(rustls::Error::NoCertificatesPresented));
    assert!(shake(&callee, &caller, "127.0.0.1:1").agreed(), "one to spare does no harm");
}

#[test]
fn a_certificate_that_has_expired_meanwhile_is_refused_on_either_side() {
    let now = UnixTime::now();
    let run = Authority::new(Period::around(now)).unwrap();
    let old = Period { from: Duration::ZERO, until: Duration::from_secs(now.as_secs() - 60) };
    let good = Period::around(now);
    let security = |server: Period, client: Period| {
        let provider = Arc::new(default_provider());
        let own = |pair: Pair| {
            let (chain, key) = pair.into_der();
            CertifiedKey::from_der(chain, key, &provider).unwrap()
        };
        let mut roots = RootCertStore::empty();
        roots.add(run.certificate()).unwrap();
        let client = run.sign("c", [], Purpose::ClientAuth, client).unwrap();
        Security::of(&provider, roots, own(server_pair(&run, server)), Some(own(client)))
    };
    let said = shake(&security(good, good), &security(old, good), "127.0.0.1:1").said();
    assert!(said.contains("Expired"), "{said}");
    let shaken = shake(&security(good, old), &security(good, good), "127.0.0.1:1");
    assert!(format!("{:?}", shaken.server).contains("Expired"), "{}", shaken.said());
}

fn server_pair(authority: &Authority, period: Period) -> Pair {
    authority.sign("s", ["127.0.0.1".into(), "::1".into()], Purpose::ServerAuth, period).unwrap()
}

/// A user's five files.
struct Files {
    folder: TempDir,
    authority: Authority,
    ssl: Ssl,
}

impl Files {
    fn new(period: Period) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(period).unwrap();
        let ssl = Ssl {
            ca_crt: Some("ca.crt".into()),
            server_crt: Some("server.crt".into()),
            server_key: Some("server.key".into()),
            client_crt: Some("client.crt".into()),
            client_key: Some("client.key".into()),
        };
        let files = Self { folder, authority, ssl };
        files.write("ca.crt", &files.authority.pem());
        files.pair("server", &server_pair(&files.authority, period));
        files.pair("client", &files.authority.sign("c", [], Purpose::ClientAuth, period).unwrap());
        files
    }

    fn good() -> Self {
        Self::new(Period::around(UnixTime::now()))
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn pair(&self, name: &str, pair: &Pair) {
        let (certificate, key) = pair.pem();
        self.write(&format!("{name}.crt"), &certificate);
        self.write(&format!("{name}.key"), &key);
    }

    fn load(&self, mutual: bool) -> Result<Security, TlsError> {
        Security::load(&self.ssl, self.folder.path(), mutual, &["127.0.0.1".parse().unwrap()])
    }

    /// The error names this field and its file, and says this about it and about what to do.
    #[track_caller]
    fn refused(&self, field: &str, file: &str, said: &str, help: &str) {
        let error = self.load(true).expect_err("it is refused");
        let text = error.to_string();
        assert_eq!(error.field(), format!("settings.ssl.{field}"), "{text}");
        assert!(text.contains(file) && text.contains(said), "{text}");
        assert!(error.help().contains(help), "{text}: {}", error.help());
    }
}

#[test]
fn the_files_of_a_user_are_as_good_as_those_of_a_run() {
    let files = Files::good();
    for mutual in [false, true] {
        let security = files.load(mutual).unwrap();
        for to in ["127.0.0.1:1", "[::1]:1"] {
            assert!(shake(&security, &security, to).agreed(), "{mutual} {to}");
        }
    }
}

#[test]
fn only_mutual_tls_needs_files_for_those_who_call() {
    let mut files = Files::good();
    files.ssl.client_key = None;
    assert!(files.load(false).is_ok());
    let error = files.load(true).expect_err("it is needed");
    assert!(matches!(error, TlsError::Unnamed { field: "settings.ssl.client_key" }), "{error}");
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named_with_what_to_do() {
    for (name, field) in [
        ("ca.crt", "ca_crt"),
        ("server.crt", "server_crt"),
        ("server.key", "server_key"),
        ("client.crt", "client_crt"),
        ("client.key", "client_key"),
    ] {
        let files = Files::good();
        std::fs::remove_file(files.folder.path().join(name)).unwrap();
        files.refused(field, name, "cannot be read", "relative to the scenario");
        files.write(name, "0\u{82}\u{1}");
        files.refused(field, name, "no PEM file", "DER");
        files.write(name, "");
        files.refused(field, name, "no PEM file", "DER");
        files.write(name, "-----BEGIN CERTIFICATE-----\nMIIB");
        files.refused(field, name, "damaged", "whole");
        files.write(name, "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
        files.refused(field, name, "damaged", "whole");
    }
}

#[test]
fn certificate_and_key_in_each_others_place_are_noticed() {
    let files = Files::good();
    files.write("server.crt", &files.text("server.key"));
    files.refused("server_crt", "server.crt", "no certificate in it", "is this the key?");
    let files = Files::good();
    files.write("client.key", &files.text("client.crt"));
    files.refused("client_key", "client.key", "no private key in it", "is this the certificate?");
}

#[test]
fn an_encrypted_key_is_refused_with_how_to_open_it() {
    let files = Files::good();
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END EC PRIVATE KEY-----\n",
    ] {
        files.write("server.key", text);
        files.refused("server_key", "server.key", "is encrypted", "openssl pkey -in");
    }
}

#[test]
fn what_is_in_a_block_has_to_be_a_certificate_or_a_key() {
    let files = Files::good();
    files.write("client.key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    files.refused("client_key", "client.key", "cannot be used", "openssl genpkey");
    for (name, field) in [("ca.crt", "ca_crt"), ("server.crt", "server_crt")] {
        let files = Files::good();
        files.write(name, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
        files.refused(field, name, "cannot be understood", "openssl x509 -in");
    }
}

/// What `openssl x509 -req` makes without extensions; valid for a hundred years.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBFTCBvQIUb7K39wx+Pv3sW5qGy60b4/A0/LowCgYIKoZIzj0EAwIwDTELMAkG
A1UEAwwCdjEwIBcNMjYxMTIxMTM1NzQ5WhgPMjEyNjEwMjgxMzU3NDlaMA0xCzAJ
BgNVBAMMAnYxMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUmFN/X3CkR6wAOR8
qpsgX7GnSpH0rPmNGNXSFhLjXNlX8iKk2CuCymHdj0m+zo4yo8ukYRhJkwRGnLpZ
chOUbzAKBggqhkjOPQQDAgNHADBEAiBAnreBIEK3GpnVYYi0FVM6d7EdQ+nAbIlh
+UBO/oAQyAIgdsdjxLRzHWssM6Dr/o7wJBZ7js6rwklBPZUQCQi68Lc=
-----END CERTIFICATE-----
";

#[test]
fn a_certificate_that_has_no_room_for_names_is_refused() {
    let files = Files::good();
    files.write("client.crt", VERSION_1);
    files.refused("client_crt", "client.crt", "X.509 version 1", "subjectAltName");
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    let files = Files::good();
    files.write("server.key", &files.text("client.key"));
    files.refused("server_key", "server.key", "does not fit the certificate in", "made with");
}

#[test]
fn a_certificate_out_of_its_time_is_refused_with_that_time() {
    let (now, hour) = (Duration::from_secs(UnixTime::now().as_secs()), Duration::from_secs(3_600));
    // 2 January 1971, noon.
    let old = Period { from: Duration::ZERO, until: Duration::from_secs(366 * 86_400 + 43_200) };
    let early = Period { from: now + 24 * hour, until: now + 48 * hour };
    let files = Files::good();
    for (period, said, help) in
        [(old, "valid until Jan  2 12:00:00 1971", "new one"), (early, "from", "wait")]
    {
        files.pair("server", &server_pair(&files.authority, period));
        files.refused("server_crt", "server.crt", said, help);
    }
    Files::new(old).refused("ca_crt", "ca.crt", "valid until Jan  2 12:00:00 1971", "new one");
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    let (files, others) = (Files::good(), Files::good());
    files.write("client.crt", &others.text("client.crt"));
    files.write("client.key", &others.text("client.key"));
    files.refused("client_crt", "client.crt", "has not signed", "settings.ssl.ca_crt");
    files.write("ca.crt", &others.text("ca.crt"));
    files.refused("server_crt", "server.crt", "has not signed", "settings.ssl.ca_crt");
}

#[test]
fn a_certificate_for_something_else_is_refused() {
    let files = Files::good();
    files.write("client.crt", &files.text("server.crt"));
    files.write("client.key", &files.text("server.key"));
    files.refused("client_crt", "client.crt", "not for clients", "extendedKeyUsage");
    let files = Files::good();
    files.write("server.crt", &files.text("client.crt"));
    files.write("server.key", &files.text("client.key"));
    files.refused("server_crt", "server.crt", "not for servers", "extendedKeyUsage");
}

#[test]
fn a_servers_certificate_has_to_name_where_nodes_listen() {
    let files = Files::good();
    let elsewhere = files.authority.sign(
        "s",
        ["localhost".into(), "192.0.2.1".into()],
        Purpose::ServerAuth,
        Period::around(UnixTime::now()),
    );
    files.pair("server", &elsewhere.unwrap());
    files.refused("server_crt", "server.crt", "does not name 127.0.0.1", "IP:127.0.0.1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_in_a_file_are_too_strange_to_be_refused(
        which in 0..5usize,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        block in any::<bool>(),
    ) {
        let files = Files::good();
        let name = ["ca.crt", "server.crt", "server.key", "client.crt", "client.key"][which];
        let kind = if name.ends_with("crt") { "CERTIFICATE" } else { "PRIVATE KEY" };
        let text = if block {
            let encoded: String = bytes.iter().map(|it| char::from(b'A' + it % 26)).collect();
            format!("-----BEGIN {kind}-----\n{encoded}\n-----END {kind}-----\n").into_bytes()
        } else {
            bytes
        };
        std::fs::write(files.folder.path().join(name), text).unwrap();
        let error = files.load(true).expect_err("it is refused");
        prop_assert!(error.to_string().contains(name), "{error}");
    }
}
