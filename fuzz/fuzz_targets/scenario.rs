//! Any bytes are read as a scenario, or explained with a place and a text; nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::scenario::load::parse_bytes;
use p2pfl_sim::scenario::parse;

fuzz_target!(|bytes: &[u8]| {
    match parse_bytes(bytes.to_vec(), "fuzz.json", &[]) {
        Ok(loaded) => {
            // What was let through is the same scenario when it is written and read again.
            let written = serde_json::to_string(&loaded.scenario).expect("a scenario is JSON");
            let again = parse(&written, "again.json", &[]).expect("what was written is a scenario");
            assert_eq!(again.hash, loaded.hash);
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in &faults.0 {
                assert!(fault.line >= 1 && fault.column >= 1 && !fault.message.is_empty());
            }
            assert!(!faults.to_string().is_empty());
        }
    }
});
