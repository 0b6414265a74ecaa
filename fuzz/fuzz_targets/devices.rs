//! Any bytes are read as a trace of devices, or refused with a reason; nothing panics.
#![no_main]

mod file;

use libfuzzer_sys::fuzz_target;
use p2pfl_sim::engine::ComputeModel;
use p2pfl_sim::learning::spec::Compute;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let folder = file::holding("devices.csv", bytes);
    let compute =
        json!({ "train": { "kind": "trace", "file": "devices.csv", "column": "train_s", "unit": "1s" } });
    let compute: Compute = serde_json::from_value(compute).expect("it is a block of compute times");
    if let Err(error) = ComputeModel::load(1, 8, &compute, folder) {
        assert!(!error.to_string().is_empty());
    }
});
