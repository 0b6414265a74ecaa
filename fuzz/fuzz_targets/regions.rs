//! Any bytes are read as a matrix of delays between regions, or refused with a reason; nothing panics.
#![no_main]

mod file;

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::network::Links;
use p2pfl_sim::network::spec::Network;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let folder = file::holding("regions.csv", bytes);
    let network = json!({ "latency": { "kind": "regions", "file": "regions.csv", "sigma": 0.1 } });
    let network: Network = serde_json::from_value(network).expect("it is a network");
    match Links::build(1, network, 8, folder) {
        // What was let through gives every pair a way, and none sooner than the lookahead.
        Ok(links) => (1..8).for_each(|to| assert!(links.latency(0, to) >= links.lookahead())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
