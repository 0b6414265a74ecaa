//! Any bytes are read as each of the files beside a result, or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::report::findings::{Interval, Spectrum, trace};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Spectrum::parse(text);
    }
    if let Ok(intervals) = Interval::parse(bytes) {
        Interval::write(&intervals, &mut std::io::sink()).expect("what was read can be written");
    }
    if let Ok(trace) = trace::parse(bytes) {
        trace::write(&trace, "fuzz", &mut std::io::sink()).expect("what was read can be written");
    }
});
