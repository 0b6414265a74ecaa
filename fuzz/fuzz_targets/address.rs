//! Any text is read as an address that is written so that it is read the same, or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::transport::socket::Address;

fuzz_target!(|text: &str| {
    match text.parse::<Address>() {
        Ok(address) => assert_eq!(address.to_string().parse(), Ok(address)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
