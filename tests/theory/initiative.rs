//! Who takes the initiative: how long it takes until all have a model, and how often a model travels.

use crate::running::result;
use p2pfl_sim::metrics::result::RunResult;
use p2pfl_sim::wire::Command;
use serde_json::json;

/// A star in which the hub passes everything on to `leaves` others, to four in each period of a second.
fn star(leaves: u32, dissemination: &str) -> RunResult {
    result(&json!({
        "nodes": leaves + 1,
        "topology": { "kind": "star" },
        "workflow": { "kind": "p2pfl", "rounds": 1, "trainset_size": 4, "dissemination": dissemination },
        "settings": { "gossip": { "models_per_round": 4, "models_period": "1s", "messages_per_period": 100_000 } },
        "learning": {
            "model": { "kind": "synthetic", "size": "100KB" },
            "compute": { "train": { "kind": "uniform", "min": "1s", "max": "1500ms" }, "aggregate": "1ms" }
        },
        "network": { "latency": "20ms" }
    }))
}

fn sent(result: &RunResult, command: Command) -> u64 {
    result.messages.by_command.get(&command).map_or(0, |it| it.sent)
}

#[test]
fn a_hub_that_pushes_takes_a_period_for_every_few_and_one_that_is_asked_takes_none() {
    let leaves = 32;
    let longest = |result: &RunResult| result.latency["stage.diffuse"].max;
    let pushed = star(leaves, "push");
    let lacking = sent(&pushed, Command::AddModel);
    let periods = lacking.div_ceil(4) - 1;
    assert!(periods >= 6 && longest(&pushed) >= periods as f64, "{} s", longest(&pushed));
    for way in ["pull", "push_pull"] {
        assert!(longest(&star(leaves, way)) < 1.0, "{way}: within a period");
    }
}

#[test]
fn every_node_gets_every_model_once_whoever_takes_the_initiative() {
    for way in ["push", "pull", "push_pull"] {
        let result = star(32, way);
        assert_eq!(sent(&result, Command::InitModel), 32, "{way}");
        // Of the hub and 32 leaves four train.
        assert_eq!(sent(&result, Command::AddModel), 33 - 4, "{way}");
        assert!(sent(&result, Command::PartialModel) <= 4 * 3, "{way}");
        let asked = sent(&result, Command::GetModel);
        let offered = sent(&result, Command::PreSendModel);
        match way {
            "push" => assert!(asked == 0 && offered >= 32 + 29),
            "pull" => assert!(offered == 0 && asked >= 32 + 29),
            _ => assert!(offered > 0 && asked > 0),
        }
    }
}
