//! What a `network` block does to messages.

use crate::program::{Place, dpsgd, p2pfl, run};
use p2pfl_sim::metrics::result::Outcome;
use serde_json::json;

#[test]
fn a_constant_latency_is_in_every_message() {
    // 200 ms at ten times the ordinary pace are 20 ms of wall time, which is what message latency is given in.
    let ran = run(&p2pfl(
        4,
        json!({ "kind": "full" }),
        json!({ "speedup": 10, "workflow": { "rounds": 1 }, "settings": { "gossip": { "models_period": "200ms" } },
                "network": { "latency": "200ms" } }),
    ))
    .completed();
    let latency = ran.result.latency["message"];
    // The histogram keeps three digits.
    assert!(latency.min >= 0.020 * 0.998, "{latency:?}");
    assert!(ran.result.latency["dissemination"].min >= 0.2 * 0.998, "this one is in scenario time");
    assert!(ran.result.latency["rpc"].min >= 0.040 * 0.998, "there and back");
}

#[test]
fn a_slow_link_stretches_its_latency() {
    let ran = run(&p2pfl(
        4,
        json!({ "kind": "star" }),
        json!({ "speedup": 10, "workflow": { "rounds": 1 }, "network": { "latency": "20ms" },
                "script": [{ "at": "0s", "do": "slow", "nodes": [0], "link": 10 }] }),
    ))
    .completed();
    assert!(ran.result.latency["message"].max >= 0.020 * 0.998, "{:?}", ran.result.latency["message"]);
}

#[test]
fn a_slow_link_has_a_slow_uplink_and_downlink_on_either_clock() {
    // Two models a round leave a node one after the other, each in 0.83 s, and in 4.1 s while its link is slow.
    // Who begins first waits for one of them at least and for its own downlink; if all begin together, for both.
    for (clock, transfers) in [("real", 2.0), ("virtual", 3.0)] {
        let network = json!({ "uplink": "1Mbps", "downlink": "1Mbps" });
        let mut scenario = heavy(4, "ring", network);
        scenario["clock"] = json!(clock);
        scenario["script"] = json!([{ "at": "0s", "do": "slow", "nodes": ["0-3"], "link": 5 }]);
        let round = run(&scenario).completed().result.latency["round"];
        assert!(round.max >= 5.0 * transfers * 0.82, "{clock}: {round:?}");
    }
}

#[test]
fn a_way_may_be_longer_in_one_direction() {
    // Two nodes, one in either region, that send each other a message 20 ms apart.
    let scenario = json!({
        "name": "asymmetric", "seed": 3, "nodes": 2, "topology": { "kind": "line" }, "clock": "virtual",
        "workflow": {
            "kind": "probe", "payload": "64B", "rate": 50, "mode": "one_way", "pattern": "pairs", "duration": "2s"
        },
        "network": { "latency": { "kind": "regions", "file": "matrix.csv", "shares": { "a": 1, "b": 1 } } }
    });
    let place = Place::with(&scenario);
    std::fs::write(place.file("matrix.csv"), "from,a,b\na,1,10\nb,100,1\n").unwrap();
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let latency = place.result("out/result.json").latency["message"];
    let near = |is: f64, law: f64| (is / law - 1.0).abs() < 2e-3;
    assert!(near(latency.min, 0.010) && near(latency.max, 0.100) && near(latency.mean, 0.055), "{latency:?}");
}

#[test]
fn lost_packets_are_gone_only_where_the_network_is_lossy() {
    let scenario = |lossy: bool| {
        p2pfl(
            6,
            json!({ "kind": "full" }),
            json!({
                "settings": { "training": { "vote_timeout": "60s", "aggregation_timeout": "100s" } },
                "network": { "latency": "5ms", "packet_loss": 0.05, "lossy": lossy }
            }),
        )
    };
    let lossy = run(&scenario(true));
    assert!(lossy.dropped("loss") > 0);
    assert!(
        matches!(lossy.result.outcome, Outcome::Completed | Outcome::Stalled),
        "{:?}",
        lossy.result.reason
    );
    let retransmitting = run(&scenario(false)).completed();
    assert_eq!(retransmitting.dropped("loss"), 0);
    assert_eq!(retransmitting.result.nodes.finished, 6);
}

/// `dpsgd` with models of 100 kB, which are 103,640 bytes with the headers of their 70 packets: 829 kilobits.
fn heavy(nodes: u32, topology: &str, network: serde_json::Value) -> serde_json::Value {
    dpsgd(
        nodes,
        json!({ "kind": topology }),
        json!({
            "speedup": 50, "workflow": { "rounds": 2 }, "network": network,
            "settings": { "general": { "grpc_timeout": "60s" }, "training": { "aggregation_timeout": "60s" } },
            "learning": { "model": { "kind": "synthetic", "size": "100kB" } },
        }),
    )
}

#[test]
fn a_slow_uplink_makes_a_round_longer() {
    // A node of a ring sends two models a round, one after the other, each of which takes 4.1 s.
    let ran = run(&heavy(4, "ring", json!({ "uplink": "200kbps" }))).completed();
    let round = ran.result.latency["round"];
    assert!(round.max >= 8.2, "{round:?}");
    let messages = &ran.result.messages.total;
    assert!(messages.wire_bytes > messages.payload_bytes + messages.payload_bytes * 3 / 100, "headers count");
}

#[test]
fn a_slow_downlink_takes_in_one_model_after_another() {
    // Six models reach the hub of a star at once; each takes 2 s. How far apart their senders begin is not known.
    let ran = run(&heavy(7, "star", json!({ "downlink": "400kbps" }))).completed();
    let round = ran.result.latency["round"];
    assert!(round.max >= 5.0 * 2.0, "{round:?}");
}

#[test]
fn a_model_that_takes_longer_than_its_call_is_lost_to_the_deadline() {
    let mut scenario = heavy(4, "ring", json!({ "uplink": "200kbps" }));
    scenario["settings"]["general"]["grpc_timeout"] = json!("6s");
    let ran = run(&scenario);
    assert!(ran.dropped("timeout") > 0);
    assert!(ran.ended.stderr.contains("network"), "it is warned of: {}", ran.ended.stderr);
}

#[test]
fn a_large_message_on_a_new_connection_takes_round_trips() {
    // At five times the ordinary pace 100 ms are 20 ms of wall time. 100 kB take two round trips more.
    let mut scenario = heavy(3, "full", json!({ "latency": "100ms", "connections": { "setup": "tcp" } }));
    scenario["speedup"] = json!(5);
    let ran = run(&scenario).completed();
    let latency = ran.result.latency["message.partial_model"];
    assert!(latency.max >= 0.020 * 5.0 * 0.998, "{latency:?}");
}

#[test]
fn the_network_makes_copies() {
    let ran =
        run(&p2pfl(6, json!({ "kind": "full" }), json!({ "network": { "duplication": 0.25 } }))).completed();
    let total = &ran.result.messages.total;
    let share = total.network_copies as f64 / total.sent as f64;
    assert!((share - 0.25).abs() < 0.05, "{share}");
}

#[test]
fn nodes_are_in_regions_of_a_matrix_of_ones_own() {
    let scenario = |file: &str| {
        let network = json!({ "latency": { "kind": "regions", "file": file, "round_trip": true } });
        p2pfl(
            8,
            json!({ "kind": "full" }),
            json!({ "speedup": 10, "workflow": { "rounds": 1 }, "network": network }),
        )
    };
    let place = Place::with(&scenario("matrix.csv"));
    std::fs::write(place.file("matrix.csv"), "from,Here,There\nHere,300,800\nThere,800,300\n").unwrap();
    let checked = place.types(&["check", "FILE"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.contains("regions") && checked.stdout.contains("There"), "{}", checked.stdout);
    let ended = place.types(&["run", "FILE", "--out", "out"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // Half of the round trip within a region, at ten times the ordinary pace.
    let latency = place.result("out/result.json").latency["message"];
    assert!(latency.min >= 0.015 * 0.998 && latency.max >= 0.040 * 0.998, "{latency:?}");

    std::fs::write(place.file("matrix.csv"), "from,Here,There\nHere,300,far\nThere,800,300\n").unwrap();
    let ended = place.types(&["run", "FILE"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("line 2: `far` is no"), "{}", ended.stderr);
    assert!(ended.stderr.contains("network.latency.file"), "{}", ended.stderr);
    let ended = Place::with(&scenario("nowhere.csv")).types(&["check", "FILE"]);
    assert!(ended.code == Some(2) && ended.stderr.contains("nowhere.csv"), "{}", ended.stderr);
}
