//! Any bytes are read as a profile of transports, or refused with a reason; nothing panics.
#![no_main]

mod file;

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::network::spec::Network;
use p2pfl_sim::network::{Links, Port};
use p2pfl_sim::time::Time;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let folder = file::holding("profile.json", bytes);
    let network = json!({
        "connections": {}, "uplink": "1Mbps", "profile": { "file": "profile.json", "transport": "grpc" }
    });
    let network: Network = serde_json::from_value(network).expect("it is a network");
    match Links::build(1, network, 8, folder) {
        // What was let through can be charged for any message.
        Ok(links) => {
            for payload in [0, 64, u64::from(u32::MAX)] {
                let _ = links.depart(&mut Port::default(), None, Time::ZERO, 0, 1, payload, true);
                let _ = links.wire_bytes(payload);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
