//! The workflow `probe`, from the outside: what it measures is what theory says, and what makes no sense is refused.

use crate::program::{Place, Ran, merge, run, run_with};
use p2pfl_sim::metrics::result::Cell;
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

fn probe(nodes: u32, topology: &str, change: Value) -> Value {
    let mut scenario = json!({
        "name": "small",
        "seed": 7,
        "nodes": nodes,
        "topology": { "kind": topology },
        "workflow": { "kind": "probe" },
        "limits": { "wall": "60s" }
    });
    merge(&mut scenario, change);
    scenario
}

/// On the virtual clock, over links of 10 ms.
fn virtually(nodes: u32, topology: &str, workflow: Value) -> Value {
    let change = json!({ "clock": "virtual", "network": { "latency": "10ms" }, "workflow": workflow });
    probe(nodes, topology, change)
}

fn cells(ran: &Ran) -> &[Cell] {
    &ran.result.probe.as_ref().expect("a probe").cells
}

#[track_caller]
fn near(value: f64, expected: f64) {
    assert!((value / expected - 1.0).abs() < 0.002, "{value} is not about {expected}");
}

#[test]
fn requests_of_every_payload_and_concurrency_are_measured_apart() {
    let workflow = json!({ "payload": ["64B", "1MB"], "concurrency": [1, 8], "duration": "100ms" });
    let ran = run(&probe(2, "full", json!({ "workflow": workflow }))).completed();
    let cells = cells(&ran);
    let asked: Vec<_> = cells.iter().map(|it| (it.payload_bytes, it.concurrency)).collect();
    assert_eq!(asked, [(64, Some(1)), (64, Some(8)), (1_000_000, Some(1)), (1_000_000, Some(8))]);
    for cell in cells {
        assert!(cell.messages > 0 && cell.failed == 0, "{cell:?}");
        assert!(cell.message.count > 0 && cell.rpc.is_some_and(|it| it.count > 0), "{cell:?}");
        assert!(cell.message_bytes > cell.payload_bytes as f64 && cell.wire_bytes > cell.message_bytes);
        assert!(cell.cpu_s_per_message.is_some_and(|it| it > 0.0), "{cell:?}");
        assert_eq!((cell.since_due, cell.lateness), (None, None));
    }
    let account = &ran.result.messages.by_command[&Command::Probe];
    assert_eq!((account.in_flight, account.dropped_total()), (0, 0));
    assert!(ran.ended.stdout.contains("Probe (latency until the answer is back)"), "{}", ran.ended.stdout);
    assert!(ran.ended.stdout.contains("in 4 cells"), "{}", ran.ended.stdout);
}

#[test]
fn messages_that_nobody_answers_all_arrive() {
    let workflow = json!({ "mode": "one_way", "concurrency": [1, 7], "duration": "100ms" });
    let ran = run(&probe(6, "ring", json!({ "workflow": workflow }))).completed();
    for cell in cells(&ran) {
        assert!(cell.messages > 0 && cell.message.count > 0 && cell.rpc.is_none(), "{cell:?}");
    }
    assert_eq!(ran.result.messages.total.in_flight, 0);
}

#[test]
fn a_count_is_kept_to_the_message() {
    for (pattern, streams) in [("pairs", 6), ("ring", 6), ("all_neighbours", 12)] {
        for mode in ["request", "one_way"] {
            let workflow = json!({ "pattern": pattern, "mode": mode, "concurrency": [1, 5], "count": 23 });
            let ran = run(&probe(6, "ring", json!({ "workflow": workflow }))).completed();
            let counted: Vec<u64> = cells(&ran).iter().map(|it| it.messages).collect();
            assert_eq!(counted, [streams * 23; 2], "{pattern}, {mode}");
            assert_eq!(ran.result.messages.by_command[&Command::Probe].sent, 2 * streams * 23);
        }
    }
}

#[test]
fn a_closed_loop_sends_as_many_as_may_be_under_way_in_each_round_trip() {
    let workflow = json!({ "concurrency": [1, 4, 64], "duration": "10s" });
    let ran = run(&virtually(2, "full", workflow)).completed();
    for (cell, concurrency) in cells(&ran).iter().zip([1.0, 4.0, 64.0]) {
        near(cell.message.p50, 0.010);
        near(cell.message.max, 0.010);
        near(cell.rpc.expect("answers").p50, 0.020);
        near(cell.messages_per_s, 2.0 * concurrency / 0.020);
        assert_eq!(cell.seconds, 10.0);
        assert_eq!(cell.cpu_s_per_message, None, "virtual time costs nothing");
    }
}

#[test]
fn a_window_of_messages_that_nobody_answers_is_full_once_in_a_round_trip() {
    // Half of it asks for an answer, and is let go of when that is there.
    let workflow = json!({ "mode": "one_way", "concurrency": 8, "duration": "10s" });
    let ran = run(&virtually(2, "full", workflow)).completed();
    let cell = cells(&ran)[0];
    near(cell.message.p50, 0.010);
    near(cell.messages_per_s, 2.0 * 8.0 / 0.020);
}

#[test]
fn a_slow_link_carries_what_it_can() {
    let workflow = json!({ "pattern": "ring", "payload": "1MB", "concurrency": 4, "duration": "40s" });
    let mut scenario = virtually(3, "ring", workflow);
    merge(&mut scenario, json!({ "network": { "uplink": "80Mbps" } }));
    let ran = run(&scenario).completed();
    let cell = cells(&ran)[0];
    let carried = cell.messages_per_s * cell.wire_bytes * 8.0;
    assert!((carried / (3.0 * 80e6) - 1.0).abs() < 0.01, "{carried} bits a second over three links");
}

#[test]
fn a_rate_is_kept_whatever_is_under_way() {
    for mode in ["request", "one_way"] {
        let workflow = json!({ "mode": mode, "rate": 200, "duration": "5s" });
        let ran = run(&virtually(4, "ring", workflow)).completed();
        let cell = cells(&ran)[0];
        // Eight streams; the warm-up lasts longer than a message and its answer.
        assert_eq!(cell.messages, 8 * 200 * 5, "{mode}");
        assert_eq!(cell.concurrency, None);
        let lateness = cell.lateness.expect("a rate");
        assert_eq!((lateness.count, lateness.max), (8 * 200 * 5, 0.0));
        let since_due = cell.since_due.expect("a rate");
        near(since_due.p50, if mode == "request" { 0.020 } else { 0.010 });
        assert_eq!(since_due.count, 8 * 200 * 5);
    }
}

#[test]
fn latency_at_a_rate_counts_from_when_a_message_was_due() {
    // A link of 8 kbps carries a kilobyte a second, which is less than twenty messages with their headers.
    let workflow =
        json!({ "pattern": "ring", "payload": "40B", "rate": 20, "duration": "10s", "warm_up": "0s" });
    let mut scenario = virtually(3, "ring", workflow);
    let slow =
        json!({ "network": { "uplink": "8kbps" }, "settings": { "general": { "grpc_timeout": "60s" } } });
    merge(&mut scenario, slow);
    let ran = run(&scenario).completed();
    let cell = cells(&ran)[0];
    assert!(cell.messages < 3 * 20 * 10, "not all are through in time: {cell:?}");
    assert_eq!(cell.since_due.expect("a rate").count, 3 * 20 * 10, "but all are measured");
    assert!(cell.since_due.expect("a rate").max > 2.0, "{cell:?}");
}

#[test]
fn any_number_of_threads_measures_the_same_on_the_virtual_clock() {
    let workflow = json!({ "payload": ["64B", "2kB"], "concurrency": [1, 3], "duration": "2s" });
    let mut scenario = virtually(12, "ring", workflow);
    let jitter = json!({ "kind": "lognormal", "median": "10ms", "sigma": 0.4 });
    merge(&mut scenario, json!({ "network": { "latency": jitter, "packet_loss": 0.01, "lossy": true } }));
    let told = |threads: &str| {
        let ran = run_with(&scenario, &["--threads", threads]).completed();
        (serde_json::to_value(&ran.result.probe).expect("JSON"), ran.result.fingerprint)
    };
    let one = told("1");
    assert!(one.1.is_some());
    assert_eq!(one, told("2"));
    assert_eq!(one, told("4"));
}

#[test]
fn a_peer_that_is_not_there_is_left_alone() {
    let script = json!([{ "at": "0s", "do": "crash", "nodes": 1 }]);
    let workflow = json!({ "concurrency": 2, "duration": "1s" });
    let mut scenario = virtually(3, "full", workflow);
    merge(&mut scenario, json!({ "script": script }));
    let ran = run(&scenario).completed();
    let cell = cells(&ran)[0];
    assert!(cell.messages > 100, "two nodes go on: {cell:?}");
    // What two nodes had under way to it, and nothing more.
    assert!(ran.dropped("crash") <= 8, "{}", ran.dropped("crash"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (change, path, word) in [
        (json!({ "nodes": 1 }), "nodes", "takes two"),
        (json!({ "nodes": 3, "workflow": { "pattern": "pairs" } }), "nodes", "even number"),
        (
            json!({ "topology": { "kind": "star" }, "workflow": { "pattern": "ring" } }),
            "workflow.pattern",
            "not neighbours",
        ),
        (json!({ "workflow": { "duration": "1s", "count": 5 } }), "workflow.duration", "one of the two"),
        (json!({ "workflow": { "warm_up": "1s", "count": 5 } }), "workflow.warm_up", "one of the two"),
        (json!({ "workflow": { "count": 0 } }), "workflow.count", "at least 1"),
        (json!({ "workflow": { "duration": "0s" } }), "workflow.duration", "nothing would be measured"),
        (json!({ "workflow": { "concurrency": [1, 0] } }), "workflow.concurrency[1]", "at least 1"),
        (json!({ "workflow": { "concurrency": [] } }), "workflow.concurrency", "empty list"),
        (json!({ "workflow": { "payload": "3GiB" } }), "workflow.payload", "2 GiB"),
        (json!({ "workflow": { "payload": "64" } }), "workflow.payload", "is not a size"),
        (json!({ "workflow": { "rate": 0 } }), "workflow.rate", "greater than 0"),
        (json!({ "workflow": { "rate": 5, "concurrency": 3 } }), "workflow.concurrency", "one of the two"),
        (
            json!({ "workflow": { "payload": "10MB", "concurrency": 64 } }),
            "workflow.concurrency",
            "limits.inbox",
        ),
        (
            json!({ "workflow": { "mode": "one_way" }, "network": { "packet_loss": 0.1, "lossy": true } }),
            "workflow.mode",
            "dwindle",
        ),
    ] {
        let place = Place::with(&probe(4, "full", change.clone()));
        let ended = place.types(&["check", "FILE"]);
        assert_eq!(ended.code, Some(2), "{change}: {}", ended.stderr);
        assert!(ended.stderr.contains(path) && ended.stderr.contains(word), "{change}: {}", ended.stderr);
    }
}
