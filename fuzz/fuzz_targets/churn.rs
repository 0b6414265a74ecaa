//! Any bytes are read as a trace of sessions, or refused with a reason; nothing panics.
#![no_main]

mod file;

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::network::churn::Trace;

fuzz_target!(|bytes: &[u8]| {
    let folder = file::holding("churn.csv", bytes);
    if let Err(error) = Trace::load(&folder.join("churn.csv")) {
        assert!(!error.to_string().is_empty());
    }
});
