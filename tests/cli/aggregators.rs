//! How models are combined, from the scenario to the result.

use crate::program::{Ran, dpsgd, merge, p2pfl, run};
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};

/// Ten nodes, of which two send four times the opposite of what they have learnt.
fn among_liars(workflow: Value, aggregator: &str) -> Ran {
    let topology = json!({ "kind": "full" });
    let mut scenario = match workflow["kind"].as_str() {
        Some("dpsgd") => dpsgd(10, topology, json!({ "clock": "virtual" })),
        _ => p2pfl(10, topology, json!({ "clock": "virtual" })),
    };
    merge(&mut scenario, json!({ "workflow": workflow }));
    scenario["learning"] = json!({
        "learning_rate": 1.0, "batch_size": 4, "aggregator": { "kind": aggregator },
        "byzantine": { "nodes": [1, 4], "attack": { "kind": "sign_flip", "scale": 4 } },
    });
    run(&scenario).completed()
}

#[test]
fn the_median_holds_against_a_few_who_lie_and_the_mean_does_not() {
    for workflow in [
        json!({ "kind": "p2pfl", "rounds": 5, "trainset_size": 9 }),
        json!({ "kind": "p2pfl", "rounds": 5, "trainset_size": 9, "variant": "faithful" }),
        json!({ "kind": "dpsgd", "rounds": 5 }),
    ] {
        let accuracy = |aggregator| {
            let ran = among_liars(workflow.clone(), aggregator);
            ran.result.r#final.accuracy.expect("it learns").mean
        };
        let (median, mean) = (accuracy("median"), accuracy("fedavg"));
        assert!(median > 0.85 && mean < 0.6, "{workflow}: {median} and {mean}");
    }
}

/// P2PFL sends what others lack averaged. A median of averages is not that of all, so each contribution travels by itself, to each
/// member of the train set but its own.
#[test]
fn contributions_travel_one_by_one_to_where_their_median_is_taken() {
    for (clock, dissemination) in
        [("virtual", "push"), ("virtual", "pull"), ("virtual", "push_pull"), ("real", "push")]
    {
        let workflow =
            json!({ "kind": "p2pfl", "rounds": 3, "trainset_size": 5, "dissemination": dissemination });
        let of = |aggregator: &str| {
            let mut scenario =
                p2pfl(12, json!({ "kind": "ring" }), json!({ "clock": clock, "workflow": workflow }));
            scenario["learning"] = json!({ "aggregator": { "kind": aggregator } });
            run(&scenario).completed().result.messages.by_command[&Command::PartialModel].sent
        };
        let (median, told) = (of("median"), |it: u64| format!("{clock}, {dissemination}: {it}"));
        // Two that hold the same may offer it to the same peer at the same time.
        assert!((60..75).contains(&median), "{}", told(median));
        if dissemination == "pull" {
            assert_eq!(median, 3 * 5 * 4);
        }
        if clock == "virtual" {
            let mean = of("fedavg");
            assert!(mean < median, "averages go together: {}", told(mean));
        }
    }
}
