//! Any bytes are read as a file of limits that can be written and read again, or refused with a reason; and any
//! path is looked up in any document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::report::diff::{Limit, Limits, figure};

fuzz_target!(|bytes: &[u8]| {
    match Limits::parse(bytes) {
        Ok(limits) => {
            for (path, limit) in &limits.by_path {
                assert!(limit.to_string().parse::<Limit>().is_ok(), "{path}: {limit}");
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
    if let Ok(document) = serde_json::from_slice(bytes) {
        let path = String::from_utf8_lossy(bytes);
        let _ = figure(&document, &path);
        let _ = figure(&document, "*.*.*");
    }
});
