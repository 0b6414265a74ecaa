//! What holds of every run, whatever the network and whatever goes wrong in it.

use crate::program::{p2pfl, run};
use p2pfl_sim::metrics::result::Outcome;
use proptest::prelude::*;
use serde_json::{Value, json};

fn topology() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "kind": "ring" })),
        Just(json!({ "kind": "star" })),
        Just(json!({ "kind": "line" })),
        Just(json!({ "kind": "full" })),
        Just(json!({ "kind": "barabasi_albert", "m": 2 })),
        Just(json!({ "kind": "static_exponential" })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_completes_or_stalls_and_every_message_is_accounted_for(
        topology in topology(),
        nodes in 4u32..=12,
        variant in prop_oneof![Just("repaired"), Just("faithful"), Just("faithful-memory")],
        ttl in 0u32..12,
        trainset_size in 1u32..=4,
        seed in 0u64..1_000,
        crash in proptest::option::of(0u32..3),
        loss in prop_oneof![Just(0.0), Just(0.02)],
    ) {
        let mut change = json!({
            "seed": seed,
            "workflow": { "variant": variant, "trainset_size": trainset_size, "rounds": 2, "start_after": "30s" },
            "settings": {
                "heartbeat": { "timeout": "40s" },
                "gossip": { "ttl": ttl, "amount_last_messages_saved": 1000 },
                "training": { "vote_timeout": "30s", "aggregation_timeout": "40s" }
            }
        });
        if let Some(round) = crash {
            change["script"] = json!([{ "at": { "round": round }, "do": "crash", "nodes": [nodes - 1] }]);
        }
        if loss > 0.0 {
            change["network"] = json!({ "latency": "10ms", "packet_loss": loss, "lossy": true });
        }
        let scenario = p2pfl(nodes, topology, change);
        // Reading the result checks the accounts.
        let ran = run(&scenario);
        prop_assert!(
            matches!(ran.result.outcome, Outcome::Completed | Outcome::Stalled),
            "{:?}: {:?}", ran.result.outcome, ran.result.reason
        );
        prop_assert_eq!(ran.result.outcome == Outcome::Stalled, !ran.result.stalled.is_empty());
        prop_assert_eq!(ran.result.nodes.panicked, 0, "{}", ran.ended.stderr);
        prop_assert_eq!(ran.table("nodes.csv").len(), nodes as usize);
    }
}
