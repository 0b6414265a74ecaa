//! Round trips: those of calls, those that open a connection, and those that a large message takes until its connection
//! has grown.

use crate::running::{Happening, models, result, watched};
use p2pfl_sim::engine::Run;
use p2pfl_sim::metrics::Phase;
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn calls(network: Value) -> Value {
    json!({
        "nodes": 6,
        "topology": { "kind": "full" },
        "workflow": { "kind": "p2pfl", "rounds": 2, "trainset_size": 6 },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } },
        "network": network
    })
}

#[test]
fn a_call_takes_twice_the_latency() {
    // Below 2,048 ns the histogram keeps every nanosecond; above it three digits.
    for (latency, floor, nanos, tolerance) in
        [("1us", "1us", 1e3, 1e-15), ("987ns", "1ns", 987.0, 1e-15), ("35ms", "100us", 35e6, 1e-3)]
    {
        let result = result(&calls(json!({ "latency": latency, "latency_floor": floor })));
        let (rpc, message) = (result.latency["rpc"], result.latency["message"]);
        assert!(rpc.count >= 30, "{rpc:?}");
        for (what, is, law) in [
            ("least", rpc.min, 2.0 * nanos),
            ("greatest", rpc.max, 2.0 * nanos),
            ("one way, least", message.min, nanos),
            ("one way, greatest", message.max, nanos),
        ] {
            assert!((is * 1e9 / law - 1.0).abs() <= tolerance, "{latency}, {what}: {is} s, not {law} ns");
        }
    }
}

/// One way, in nanoseconds.
const LATENCY: i64 = 30_000_000;

#[test]
fn the_first_message_of_a_connection_waits_for_its_setup() {
    // A rumor calls without having connected. One round trip for TCP, one more for TLS; then the message is on its way.
    for (setup, trips) in [("tcp", 1), ("tls", 2)] {
        let (_, happenings) = watched(&json!({
            "nodes": 30,
            "topology": { "kind": "random_regular", "degree": 4 },
            "workflow": { "kind": "rumor", "mode": "push" },
            "network": { "latency": "30ms", "connections": { "setup": setup } }
        }));
        let mut open = BTreeSet::new();
        let (mut new, mut old) = (0, 0);
        for it in &happenings {
            let Some((from, round)) = it.message("rumor") else { continue };
            let took = it.at - (i64::from(round) + 1) * 1_000_000_000;
            if open.insert((from, it.node)) {
                assert_eq!(took, 2 * trips * LATENCY + LATENCY, "{setup}: {from} to {}", it.node);
                new += 1;
            } else {
                assert_eq!(took, LATENCY, "{setup}: {from} to {}, again", it.node);
                old += 1;
            }
        }
        assert!(new > 29 && old > 29, "{new} {old}");
    }
}

fn heavy(size: &str, rounds: u32, train: &str, network: &Value) -> (Run, Vec<Happening>) {
    watched(&json!({
        "nodes": 2,
        "topology": { "kind": "line" },
        "workflow": { "kind": "dpsgd", "rounds": rounds },
        "settings": { "general": { "grpc_timeout": "100s" } },
        "learning": {
            "model": { "kind": "synthetic", "size": size },
            "compute": { "train": train, "aggregate": "0s" }
        },
        "network": network
    }))
}

/// How long the models of node 0 took, round by round.
fn took(happenings: &[Happening]) -> Vec<i64> {
    let jobs = happenings.iter().filter(|it| it.node == 0 && it.is("job_done"));
    let trained = jobs.step_by(2).map(|it| it.at);
    let came = models(happenings).filter(|(from, ..)| *from == 0).map(|it| it.3);
    trained.zip(came).map(|(sent, came)| came - sent).collect()
}

/// Bytes on the link of a model.
fn wire_bytes(run: &Run) -> i64 {
    let counts = run.recorder.counts(Phase::Learning, Command::PartialModel);
    (counts.wire_bytes / counts.sent) as i64
}

#[test]
fn a_large_model_on_a_new_connection_takes_as_many_round_trips_as_its_windows() {
    // Windows of 10, 20, 40, ... packets: after k round trips 10 · (2^(k+1) − 1) packets are on their way. The handshake
    // has set the connection up, and until training is over it has shrunk again.
    let network = json!({ "latency": "30ms", "connections": { "setup": "tcp" } });
    for size in ["10kB", "14kB", "20kB", "60kB", "100kB", "1MB", "10MB"] {
        let (run, happenings) = heavy(size, 2, "100s", &network);
        let packets = wire_bytes(&run) as u64 / 1_500 + 1;
        let trips = (0..).find(|k| 10 * ((2_u64 << k) - 1) >= packets).expect("windows grow");
        for took in took(&happenings) {
            assert_eq!(took, i64::from(trips) * 2 * LATENCY + LATENCY, "{size}: {packets} packets");
        }
    }
    // The figures of docs/network.md.
    for (size, trips) in [("14kB", 0), ("100kB", 2), ("1MB", 6)] {
        assert_eq!(took(&heavy(size, 1, "100s", &network).1), [(2 * trips + 1) * LATENCY], "{size}");
    }
}

#[test]
fn a_connection_that_is_used_again_soon_has_grown() {
    let network = json!({ "latency": "30ms", "connections": { "setup": "tcp" } });
    // 70 packets: two round trips, then 80 packets may be on their way. 100 ms are less than a timeout, 200 ms.
    let (_, happenings) = heavy("100kB", 3, "100ms", &network);
    assert_eq!(took(&happenings), [5 * LATENCY, LATENCY, LATENCY]);
    // In 700 ms there are three timeouts, which halve 80 packets to ten.
    let (_, happenings) = heavy("100kB", 3, "800ms", &network);
    assert_eq!(took(&happenings), [5 * LATENCY, 5 * LATENCY, 5 * LATENCY]);
}

#[test]
fn a_slow_link_waits_less_for_windows() {
    // At 12 Mbps a full packet takes 1 ms and a round trip 60: after windows of 10, 20 and 40 packets a sender waits 50,
    // 40 and 20 ms, after those of 80 and more not at all.
    let network = json!({ "latency": "30ms", "uplink": "12Mbps", "connections": { "setup": "tcp" } });
    for (size, waits) in [("10kB", 0), ("20kB", 50), ("100kB", 90), ("1MB", 110)] {
        let (run, happenings) = heavy(size, 2, "100s", &network);
        // Eight bits a byte at 12 Mbps, rounded up.
        let sends = (wire_bytes(&run) * 2_000 + 2) / 3;
        for took in took(&happenings) {
            assert_eq!(took, sends + waits * 1_000_000 + LATENCY, "{size}");
        }
    }
}
