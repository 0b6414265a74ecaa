//! All that can happen to a network, at once.

use super::{differences, jobs, run};
use p2pfl_sim::metrics::result::RunResult;
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// Sessions of two devices: one that is late and goes for good, and one that comes back.
const TRACE: &str = "node,up_s,down_s\nphone,4,30\nlaptop,0,9.5\nlaptop,16,\n";

/// A transport of which every number counts.
const PROFILE: &str = r#"{ "schema": "p2pfl-sim/profile/1", "transports": { "slow": {
    "sender": { "alone_s": 0.0009, "queued_s": 0.0004, "byte_s": 3.3e-8 },
    "receiver": { "alone_s": 0.0007, "queued_s": 0.0005, "byte_s": 2.1e-8 },
    "bytes": { "message": 61.7, "payload": 1.3334, "answer": 35.5 },
    "connection": { "round_trips": 3, "bytes": 1400.5, "sender_s": 0.004, "receiver_s": 0.003 }
} } }"#;

/// A scenario with every block, in a folder with what it needs.
fn place(workflow: Value, network: Value) -> (TempDir, PathBuf) {
    let mut scenario = json!({
        "name": "everything",
        "seed": 11,
        "nodes": 60,
        "topology": { "kind": "watts_strogatz", "k": 6, "p": 0.3 },
        "clock": "virtual",
        "workflow": workflow,
        "settings": {
            "heartbeat": { "period": "2s", "timeout": "12s" },
            "gossip": { "period": "200ms", "messages_per_period": 1000, "amount_last_messages_saved": 5000 },
            "training": { "vote_timeout": "20s", "aggregation_timeout": "15s" }
        },
        "learning": {
            "partitioning": { "kind": "dirichlet", "alpha": 1.0 },
            "model": { "kind": "mlp", "hidden": [12] },
            "init": "random",
            "compute": {
                "train": { "kind": "lognormal", "median": "1s", "sigma": 0.5 },
                "evaluate": "20ms",
                "aggregate": { "kind": "uniform", "min": "1ms", "max": "9ms" }
            },
            "byzantine": [
                { "nodes": [7, 8], "attack": { "kind": "sign_flip", "scale": 2 } },
                { "nodes": { "random": 2 }, "attack": { "kind": "random" } },
                { "nodes": "20-21", "attack": { "kind": "stale" } }
            ]
        },
        "network": network,
        "script": [
            { "at": "1s", "do": "churn", "nodes": "30-39", "session": { "kind": "exponential", "mean": "20s" },
              "absence": { "kind": "exponential", "mean": "5s" }, "until": "60s" },
            { "at": "2s", "do": "churn", "nodes": "40-43", "trace": "trace.csv", "until": "60s" },
            { "at": "3s", "do": "slow", "nodes": { "random": 5 }, "compute": 4, "link": 3 },
            { "at": "4s", "do": "loss", "from": "0-9", "to": "10-29", "packet_loss": 0.2 },
            { "at": "5s", "do": "crash", "nodes": [3, "50-52"] },
            { "at": "8s", "do": "partition", "groups": ["0-24", "25-44"], "one_way": true },
            { "at": "14s", "do": "heal" },
            { "at": "15s", "do": "partition", "groups": ["0-29", "30-59"] },
            { "at": "18s", "do": "heal" },
            { "at": "20s", "do": "restart", "nodes": ["50-52"] },
            { "at": { "round": 1 }, "do": "join", "nodes": ["55-59"] },
            { "at": { "round": 1 }, "do": "leave", "nodes": [54] }
        ],
        "limits": { "time": "10m" }
    });
    // Nobody may wait for nodes that are yet to come for longer than this.
    if scenario["workflow"]["kind"] == "p2pfl" {
        scenario["workflow"]["start_after"] = json!("20s");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("everything.json");
    std::fs::write(&file, serde_json::to_string_pretty(&scenario).expect("JSON")).expect("a scenario file");
    std::fs::write(folder.path().join("trace.csv"), TRACE).expect("a trace");
    std::fs::write(folder.path().join("profile.json"), PROFILE).expect("a profile");
    (folder, file)
}

fn p2pfl(variant: &str) -> Value {
    json!({ "kind": "p2pfl", "variant": variant, "rounds": 3, "epochs": 1, "trainset_size": 6 })
}

/// Regions with bandwidths of their own, packets that are lost for good, and connections that are opened.
fn lossy() -> Value {
    json!({
        "latency": { "kind": "regions", "preset": "internet-2019", "sigma": 0.2 },
        "jitter": { "kind": "lognormal", "median": "3ms", "sigma": 0.8 },
        "packet_loss": 0.01, "lossy": true, "duplication": 0.02,
        "connections": { "setup": "tls", "slow_start": true }
    })
}

/// A transport that takes its time at both ends, and more when a connection is opened.
fn profiled() -> Value {
    let mut network = narrow();
    network["connections"] = json!({ "slow_start": true });
    network["profile"] = json!({ "file": "profile.json", "transport": "slow" });
    network
}

/// Drawn latencies, narrow links at both ends, and packets that are sent again.
fn narrow() -> Value {
    json!({
        "latency": { "kind": "pareto", "scale": "8ms", "shape": 2.5 }, "latency_floor": "2ms",
        "jitter": { "kind": "uniform", "min": "0ms", "max": "12ms" },
        "uplink": "4Mbps", "downlink": "8Mbps", "mtu": "576B",
        "packet_loss": 0.02, "duplication": 0.01,
        "connections": { "setup": "tcp", "slow_start": true }
    })
}

/// Five runs are the same, all that should have happened did happen, and another seed gives another fingerprint.
fn same(workflow: &Value, network: &Value) {
    let (_folder, file) = place(workflow.clone(), network.clone());
    let (first, differ) = differences(&file, &[]);
    assert!(differ.is_empty(), "{}", differ.join("\n"));

    let result: RunResult = serde_json::from_value(first.result()).expect("a result");
    let total = &result.messages.total;
    let dropped = serde_json::to_value(&total.dropped).expect("counts");
    let lossy = network["lossy"] == true;
    let causes = if lossy { &["loss", "partition", "crash"][..] } else { &["partition", "crash"] };
    for cause in causes {
        assert!(dropped[cause].as_u64() > Some(0), "nothing was lost by {cause}: {dropped}");
    }
    assert!(total.network_copies > 0, "nothing arrived twice: {total:?}");
    let nodes = &result.nodes;
    assert!(nodes.crashed > 4 && nodes.joined == 5 && nodes.left == 1, "{nodes:?}");

    let other = run(&[&jobs(&file, &["--seed", "12"])[1]], 1);
    let fingerprint = |result: &Value| result["fingerprint"].as_str().expect("a fingerprint").to_owned();
    assert_ne!(fingerprint(&first.result()), fingerprint(&other[0].result()), "two seeds, one fingerprint");
}

#[test]
fn p2pfl_gives_the_same_whatever_happens() {
    same(&p2pfl("repaired"), &lossy());
    same(&p2pfl("repaired"), &narrow());
}

#[test]
fn a_profile_gives_the_same_whatever_happens() {
    same(&p2pfl("repaired"), &profiled());
}

#[test]
fn p2pfl_with_its_traps_gives_the_same_whatever_happens() {
    same(&p2pfl("faithful"), &narrow());
    same(&p2pfl("faithful-memory"), &lossy());
}

#[test]
fn nodes_that_ask_for_models_give_the_same_whatever_happens() {
    for way in ["pull", "push_pull"] {
        let mut workflow = p2pfl("repaired");
        workflow["dissemination"] = json!(way);
        same(&workflow, &if way == "pull" { lossy() } else { narrow() });
    }
}

#[test]
fn dpsgd_in_pairs_gives_the_same_whatever_happens() {
    let dpsgd = json!({ "kind": "dpsgd", "rounds": 8, "mode": "asynchronous" });
    same(&dpsgd, &lossy());
    same(&dpsgd, &narrow());
}

#[test]
fn dpsgd_gives_the_same_whatever_happens() {
    let dpsgd = json!({ "kind": "dpsgd", "rounds": 8, "mixing": "uniform" });
    same(&dpsgd, &lossy());
    same(&dpsgd, &narrow());
}
