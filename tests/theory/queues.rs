//! Queues at both ends of a link, in runs of `dpsgd` on a star: the leaves' models wait for one another at the hub's
//! downlink, the hub's own at its uplink.

use crate::running::{Happening, models, plan, watched};
use p2pfl_sim::engine::Run;
use p2pfl_sim::metrics::Phase;
use p2pfl_sim::node::io::Job;
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

/// One way, in nanoseconds.
const LATENCY: i64 = 20_000_000;
const TRAIN: i64 = 3_000_000_000;
const AGGREGATE: i64 = 7_000_000;

/// Nanoseconds a byte takes at 40 Mbps and at 25 Mbps.
const UP: i64 = 200;
const DOWN: i64 = 320;

fn star(leaves: u32, change: &Value) -> Value {
    let mut scenario = json!({
        "nodes": leaves + 1,
        "topology": { "kind": "star" },
        "workflow": { "kind": "dpsgd", "rounds": 1 },
        "settings": {
            "general": { "grpc_timeout": "10000s" },
            "training": { "aggregation_timeout": "10000s" }
        },
        "learning": {
            "model": { "kind": "synthetic", "size": "100kB" },
            "compute": { "train": "3s", "aggregate": "7ms" }
        },
        "network": { "latency": "20ms" }
    });
    for (name, value) in change.as_object().expect("an object") {
        scenario["network"][name] = value.clone();
    }
    scenario
}

/// Bytes that one model puts on its link, for they depend on the length of addresses: what all put there, divided.
fn wire_bytes(run: &Run) -> i64 {
    let counts = run.recorder.counts(Phase::Learning, Command::PartialModel);
    assert_eq!(counts.wire_bytes % counts.sent, 0, "all models have one size");
    (counts.wire_bytes / counts.sent) as i64
}

#[test]
fn a_model_puts_its_packets_on_the_link() {
    let (run, _) = watched(&star(5, &json!({})));
    // 100 kB and what names them, in packets of at most 1,448 bytes, each with 52 bytes of headers.
    let size = wire_bytes(&run);
    let payload = size - 70 * 52;
    assert!(payload > 100_000 && payload <= 70 * 1_448, "{size}");
}

#[test]
fn what_is_sent_at_once_leaves_one_after_another_and_is_taken_in_one_after_another() {
    for leaves in [1_u32, 2, 9] {
        let (run, happenings) = watched(&star(leaves, &json!({ "uplink": "40Mbps", "downlink": "25Mbps" })));
        let size = wire_bytes(&run);
        let (up, down) = (size * UP, size * DOWN);
        // All have trained at the same time. The hub's models leave one after another, and those of the leaves are taken
        // in one after another.
        let last_in = up + LATENCY + i64::from(leaves) * down;
        let mut seen = Vec::new();
        for (from, to, _, at) in models(&happenings) {
            let law = if from == 0 {
                // The k-th leaf's model is the k-th to leave.
                i64::from(to) * up + LATENCY + down
            } else {
                // All reach the downlink at once and are taken in by number.
                up + LATENCY + i64::from(from) * down
            };
            assert_eq!(at, TRAIN + law, "{leaves} leaves: {from} to {to}");
            seen.push(law);
        }
        assert_eq!(seen.len() as u32, 2 * leaves);
        // The latencies of the result are those, to the three digits of its histogram.
        let latency = run.recorder.message_histogram(Command::PartialModel).summary(1.0);
        let near = |is: f64, law: f64| (is / law - 1.0).abs() < 1e-3;
        let (least, most) = (seen.iter().min().expect("some"), seen.iter().max().expect("some"));
        assert!(near(latency.min, *least as f64) && near(latency.max, *most as f64), "{latency:?}");
        assert!(near(latency.mean, seen.iter().sum::<i64>() as f64 / seen.len() as f64), "{latency:?}");
        // What each node then does takes it just so long.
        let finished = |node: u32| {
            let at = happenings.iter().filter(|it| it.node == node && it.is("job_done")).nth(1);
            at.expect("a second job: mixing").at
        };
        assert_eq!(finished(0), TRAIN + last_in + AGGREGATE);
        for leaf in 1..=leaves {
            assert_eq!(finished(leaf), TRAIN + i64::from(leaf) * up + LATENCY + down + AGGREGATE);
        }
    }
}

/// When each leaf has trained, and how long its model then waits at the hub's downlink, in the order of arrival.
fn waits(happenings: &[Happening], size: i64) -> Vec<(i64, i64)> {
    let mut trained: Vec<(u32, i64)> =
        happenings.iter().filter(|it| it.is("job_done")).map(|it| (it.node, it.at)).collect();
    // The first job of each.
    trained.sort_unstable();
    trained.dedup_by_key(|it| it.0);
    let left = |node: u32| trained[trained.binary_search_by_key(&node, |it| it.0).expect("it trained")].1;
    let mut waits: Vec<(i64, i64)> = models(happenings)
        .filter(|(_, to, ..)| *to == 0)
        .map(|(from, _, _, at)| (left(from), at - left(from) - LATENCY - size * DOWN))
        .collect();
    waits.sort_unstable();
    waits
}

#[test]
fn a_queue_of_random_arrivals_waits_as_long_as_pollaczek_and_khinchine_say() {
    // Arrivals that are each drawn evenly from an interval are those of a Poisson process, once their number is known.
    // A model takes about 33 ms: 12,000 in 1,330 s are a load of 0.3, in 798 s of a half.
    let leaves = 12_000;
    for (interval, seed) in [(1_330_u32, 1_u32), (798, 2)] {
        let mut scenario = star(leaves, &json!({ "downlink": "25Mbps" }));
        scenario["seed"] = seed.into();
        scenario["learning"]["compute"]["train"] =
            json!({ "kind": "uniform", "min": "0s", "max": format!("{interval}s") });
        let (run, happenings) = watched(&scenario);
        let size = wire_bytes(&run);
        let waits = waits(&happenings, size);
        assert_eq!(waits.len() as u32, leaves);
        // To the nanosecond: who comes next waits for what is left of the one before and of all that that one waited for
        // (Lindley 1952).
        let serves = size * DOWN;
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
}

#[test]
fn jobs_take_as_long_as_was_drawn() {
    let mut scenario = star(50, &json!({}));
    scenario["learning"]["compute"]["train"] = json!({ "kind": "uniform", "min": "0s", "max": "9s" });
    let plan = plan(&scenario);
    let (_, happenings) = watched(&scenario);
    let start = plan.learner.initial(0);
    for node in 0..51 {
        let job = Job::Train { round: 0, epochs: 1, start: start.clone(), state: None };
        let drawn = plan.compute.duration(node, &job).as_nanos() as i64;
        let first = happenings.iter().find(|it| it.node == node && it.is("job_done")).expect("it trained");
        assert_eq!(first.at, drawn, "node {node}");
    }
}
