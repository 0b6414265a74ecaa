//! Any text is read as a threshold or explained; what was read can be shown, read again and evaluated.
#![no_main]

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::scenario::thresholds::Threshold;
use serde_json::json;

fuzz_target!(|text: &str| {
    match text.parse::<Threshold>() {
        Ok(threshold) => {
            let shown = threshold.to_string();
            assert_eq!(shown.parse::<Threshold>().as_ref(), Ok(&threshold), "{shown}");
            let result = json!({ "a": { "b": 1, "b.c": [1, { "d": "x" }] }, "outcome": "completed", "": { "": true } });
            let _ = threshold.evaluate(&result);
        }
        Err(fault) => assert!(fault.at <= text.len() && !fault.message.is_empty() && !fault.help.is_empty()),
    }
});
