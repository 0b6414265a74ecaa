//! What a message takes of its ends' CPUs by a profile, and of the wire: runs whose times are sums.

use crate::running::{models, plan, result, watched};
use p2pfl_sim::metrics::Phase;
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

const MS: i64 = 1_000_000;
const LATENCY: i64 = 20 * MS;
const TRAIN: i64 = 3_000 * MS;

/// A profile in a folder of its own, and the block that names it.
fn profile(sender: Value, receiver: Value, connection: Value) -> (TempDir, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("profile.json");
    let profile = json!({
        "schema": "p2pfl-sim/profile/1",
        "transports": { "test": {
            "sender": sender, "receiver": receiver,
            "bytes": { "message": 50, "payload": 2, "answer": 30 },
            "connection": connection
        } }
    });
    std::fs::write(&file, profile.to_string()).expect("a file");
    let block = json!({ "file": file, "transport": "test" });
    (folder, block)
}

fn cpu(alone_s: f64, queued_s: f64) -> Value {
    json!({ "alone_s": alone_s, "queued_s": queued_s, "byte_s": 0 })
}

/// A star of `dpsgd` with one round, in which everyone has trained at the same time.
fn star(leaves: u32, profile: &Value) -> Value {
    json!({
        "nodes": leaves + 1,
        "topology": { "kind": "star" },
        "workflow": { "kind": "dpsgd", "rounds": 1 },
        "settings": {
            "general": { "grpc_timeout": "10000s" },
            "training": { "aggregation_timeout": "10000s" }
        },
        "learning": {
            "model": { "kind": "synthetic", "size": "10kB" },
            "compute": { "train": "3s", "aggregate": "7ms" }
        },
        "network": { "latency": "20ms", "profile": profile }
    })
}

#[test]
fn a_model_takes_both_cpus_and_the_way_between_them() {
    let (_folder, profile) = profile(cpu(2e-3, 1e-3), cpu(5e-3, 4e-3), Value::Null);
    let (_, happenings) = watched(&star(1, &profile));
    let came: Vec<i64> = models(&happenings).map(|(_, _, _, at)| at).collect();
    assert_eq!(came, [TRAIN + 2 * MS + LATENCY + 5 * MS; 2], "each way, at the same time");
}

#[test]
fn models_wait_for_one_another_at_a_hub_s_cpu() {
    let (_folder, profile) = profile(cpu(2e-3, 1e-3), cpu(5e-3, 4e-3), Value::Null);
    for leaves in [2_u32, 9] {
        let (_, happenings) = watched(&star(leaves, &profile));
        let mut seen = 0;
        for (from, to, _, at) in models(&happenings) {
            let law = if from == 0 {
                // The first wakes the hub up, those behind it share that; each wakes up its leaf.
                2 * MS + i64::from(to - 1) * MS + LATENCY + 5 * MS
            } else {
                // All come at once when the hub has long sent its own.
                2 * MS + LATENCY + 5 * MS + i64::from(from - 1) * 4 * MS
            };
            assert_eq!(at, TRAIN + law, "{leaves} leaves: {from} to {to}");
            seen += 1;
        }
        assert_eq!(seen, 2 * leaves);
    }
}

#[test]
fn bytes_on_the_wire_are_those_of_the_profile() {
    let (_folder, profile) = profile(cpu(0.0, 0.0), cpu(0.0, 0.0), Value::Null);
    let (run, _) = watched(&star(3, &profile));
    let counts = run.recorder.counts(Phase::Learning, Command::PartialModel);
    let payload = counts.payload_bytes / counts.sent;
    assert_eq!(counts.payload_bytes % counts.sent, 0, "all models have one size");
    // 50 and twice the payload in packets with 52 bytes of headers each, and an answer of 30 in one.
    let out = 50 + 2 * payload;
    let law = out + out.div_ceil(1_448) * 52 + 30 + 52;
    assert_eq!(counts.wire_bytes, counts.sent * law);
}

#[test]
fn a_queue_for_a_cpu_waits_as_long_as_pollaczek_and_khinchine_say() {
    // As at a downlink, in `queues`: arrivals of a Poisson process, each served in 33 ms, at a load of a half.
    let (leaves, serves, interval) = (12_000_u32, 33 * MS, 792_u32);
    let (_folder, profile) = profile(cpu(0.0, 0.0), cpu(0.033, 0.033), Value::Null);
    let mut scenario = star(leaves, &profile);
    scenario["learning"]["compute"]["train"] =
        json!({ "kind": "uniform", "min": "0s", "max": format!("{interval}s") });
    let (_, happenings) = watched(&scenario);
    let mut trained: Vec<(u32, i64)> =
        happenings.iter().filter(|it| it.is("job_done")).map(|it| (it.node, it.at)).collect();
    trained.sort_unstable();
    trained.dedup_by_key(|it| it.0);
    let trained = |node: u32| trained[trained.binary_search_by_key(&node, |it| it.0).expect("it trained")].1;
    // A leaf that is just taking the hub's model has to finish that first: it has one CPU.
    let takes = trained(0) + LATENCY..trained(0) + LATENCY + serves;
    let left = |node: u32| if takes.contains(&trained(node)) { takes.end } else { trained(node) };
    let mut waits: Vec<(i64, i64)> = models(&happenings)
        .filter(|(_, to, ..)| *to == 0)
        .map(|(from, _, _, at)| (left(from), at - left(from) - LATENCY - serves))
        .collect();
    waits.sort_unstable();
    assert_eq!(waits.len() as u32, leaves);
    // To the nanosecond: Lindley 1952.
    let mut last: Option<(i64, i64)> = None;
    for &(at, waited) in &waits {
        let left = last.map_or(0, |(before, its)| (before + its + serves - at).max(0));
        assert_eq!(waited, left, "at {at}");
        last = Some((at, waited));
    }
    // On average: M/D/1. Over so many arrivals the standard deviation of the mean is 3 % of it.
    let mean = waits.iter().map(|it| it.1 as f64).sum::<f64>() / f64::from(leaves) / serves as f64;
    let load = f64::from(leaves) * serves as f64 / (f64::from(interval) * 1e9);
    let law = load / (2.0 * (1.0 - load));
    assert!((mean / law - 1.0).abs() < 0.09, "load {load}: {mean} services, not {law}");
}

#[test]
fn the_first_message_of_a_connection_waits_for_the_round_trips_of_the_profile() {
    let connection = json!({ "round_trips": 4, "bytes": 900, "sender_s": 1e-3, "receiver_s": 0 });
    let (_folder, profile) = profile(cpu(0.0, 0.0), cpu(0.0, 0.0), connection);
    let (run, happenings) = watched(&json!({
        "nodes": 30,
        "topology": { "kind": "random_regular", "degree": 4 },
        "workflow": { "kind": "rumor", "mode": "push" },
        "network": { "latency": "20ms", "connections": { "slow_start": false }, "profile": profile }
    }));
    let mut open = BTreeSet::new();
    let mut again = 0;
    for it in &happenings {
        let Some((from, round)) = it.message("rumor") else { continue };
        let took = it.at - (i64::from(round) + 1) * 1_000 * MS;
        if open.insert((from, it.node)) {
            assert_eq!(took, MS + 4 * 2 * LATENCY + LATENCY, "{from} to {}", it.node);
        } else {
            assert_eq!(took, LATENCY, "{from} to {}, again", it.node);
            again += 1;
        }
    }
    assert!(open.len() > 29 && again > 29, "{} {again}", open.len());
    let counts = run.recorder.counts(Phase::Learning, Command::named("rumor").unwrap());
    let messages = counts.sent * 2 * 52 + counts.sent * (50 + 30) + 2 * counts.payload_bytes;
    assert_eq!(counts.wire_bytes, messages + open.len() as u64 * 900);
}

#[test]
fn what_costs_nothing_changes_nothing_but_bytes() {
    let (_folder, profile) = profile(cpu(0.0, 0.0), cpu(0.0, 0.0), Value::Null);
    let with = json!({
        "nodes": 20,
        "topology": { "kind": "ring" },
        "workflow": { "kind": "p2pfl", "rounds": 2, "trainset_size": 4 },
        "network": { "latency": "20ms", "profile": profile }
    });
    let mut without = with.clone();
    without["network"].as_object_mut().expect("an object").remove("profile");
    assert!(plan(&with).links.expect("links").computes());
    let (a, b) = (result(&with), result(&without));
    assert_eq!(a.fingerprint, b.fingerprint);
    assert!(a.messages.total.wire_bytes > b.messages.total.wire_bytes);
}
