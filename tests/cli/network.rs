//! What a `network` block does to messages.

use crate::program::{p2pfl, run};
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
