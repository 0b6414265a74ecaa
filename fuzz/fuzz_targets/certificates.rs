//! Any bytes are read as a PEM file of certificates, or refused with a reason; nothing panics.
#![no_main]

mod file;

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::format::settings::Ssl;
use p2pfl_sim::transport::socket::Security;

fuzz_target!(|bytes: &[u8]| {
    let folder = file::holding("any.pem", bytes);
    let any = || Some("any.pem".into());
    // One file can be all of them: authority, certificate and key.
    let ssl =
        Ssl { ca_crt: any(), server_crt: any(), server_key: any(), client_crt: any(), client_key: any() };
    if let Err(error) = Security::load(&ssl, folder, true, &[]) {
        assert!(!error.to_string().is_empty() && !error.help().is_empty());
    }
});
