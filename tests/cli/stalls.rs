//! A network that hangs says so, ends at once, and tells who waits for what.

use crate::program::{Ran, p2pfl, run, run_with};
use p2pfl_sim::metrics::result::Outcome;
use serde_json::{Value, json};

/// P2PFL on a ring over its in-memory transport: receivers share one time to live, so messages die halfway.
fn hanging(thresholds: Value) -> Value {
    p2pfl(
        16,
        json!({ "kind": "ring" }),
        json!({
            "workflow": { "variant": "faithful-memory", "trainset_size": 4, "start_after": "60s" },
            "settings": { "gossip": { "ttl": 10, "amount_last_messages_saved": 100 }, "training": { "vote_timeout": "60s" } },
            "thresholds": thresholds
        }),
    )
}

fn told(ran: &Ran) {
    assert_eq!(ran.result.outcome, Outcome::Stalled, "{:?}", ran.result.reason);
    assert!(ran.result.reason.as_ref().is_some_and(|it| it.contains("nothing is pending")));
    let named: u32 = ran.result.stalled.iter().map(|group| group.count).sum();
    let stuck = ran.table("nodes.csv").iter().filter(|row| row["state"] == "stalled").count();
    assert!(stuck > 0);
    assert!(named as usize >= stuck, "{:?}", ran.result.stalled);
    for group in &ran.result.stalled {
        assert!(!group.nodes.is_empty() && !group.waiting_for.is_empty(), "{group:?}");
        assert!(ran.ended.stdout.contains(&group.waiting_for), "{group:?} in\n{}", ran.ended.stdout);
    }
}

#[test]
fn a_stall_that_a_threshold_asks_for_is_a_success() {
    let ran = run(&hanging(json!(["outcome == stalled"])));
    told(&ran);
    assert_eq!(ran.ended.code, Some(0), "{}", ran.ended.stderr);
}

#[test]
fn a_stall_that_nobody_asked_for_is_a_failure_with_a_reason() {
    let ran = run(&hanging(json!([])));
    told(&ran);
    assert_eq!(ran.ended.code, Some(1));
    assert!(ran.ended.stderr.contains("the run stalled: "), "{}", ran.ended.stderr);
}

#[test]
fn the_repaired_variant_of_the_same_network_finishes() {
    let repaired = ["--set", "workflow.variant=repaired", "--set", "settings.training.vote_timeout=200s"];
    let ran = run_with(&hanging(json!([])), &repaired).completed();
    assert_eq!(ran.result.nodes.finished, 16);
}
