//! Starts the program on a network that P2PFL was measured on.

use super::{Figures, Row};
use p2pfl_sim::metrics::result::RunResult;
use serde_json::{Value, json};
use std::process::Command;

/// Seeds of the runs that medians are taken of.
pub const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// The scenario of a row, with the settings that P2PFL had.
///
/// Training takes half a second, give or take a tenth: no two of P2PFL's nodes take exactly as long. Without that, all
/// of a train set are ready at the same instant, and their contributions cross.
pub fn scenario(row: &Row, settings: &Value) -> Value {
    json!({
        "name": "parity",
        "nodes": row.nodes,
        "topology": { "kind": row.topology },
        "workflow": {
            "kind": "p2pfl", "variant": row.variant, "rounds": settings["rounds"], "epochs": settings["epochs"],
            "trainset_size": settings["trainset_size"]
        },
        "settings": {
            "heartbeat": settings["heartbeat"], "gossip": settings["gossip"], "training": settings["training"]
        },
        "learning": {
            "model": { "kind": "synthetic", "size": "1KiB" },
            "compute": { "train": { "kind": "uniform", "min": "450ms", "max": "550ms" } }
        }
    })
}

/// Runs a scenario with one seed; the result, whatever the outcome.
pub fn run(scenario: &Value, seed: u64, options: &[&str]) -> RunResult {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scenario.json");
    std::fs::write(&file, scenario.to_string()).expect("a scenario file");
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .current_dir(folder.path())
        .args(["run", "scenario.json", "--out", "out", "--format", "json", "--quiet"])
        .args(["--seed", &seed.to_string()])
        .args(options)
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

/// Runs a scenario with all seeds, one after the other.
pub fn figures(scenario: &Value, options: &[&str]) -> Vec<Figures> {
    SEEDS.map(|seed| Figures::of_run(&run(scenario, seed, options))).into()
}

impl Figures {
    /// Of a run that completed. Time is until the last node has finished, and messages are those sent since the initiator
    /// started learning, as P2PFL's were counted.
    fn of_run(result: &RunResult) -> Self {
        let total = result.nodes.total;
        assert_eq!(result.nodes.finished, total, "{:?}: {:?}", result.outcome, result.reason);
        let by_command = &result.messages.by_command;
        Self {
            time: result.rounds.last().and_then(|it| it.ended_s).expect("a round ended"),
            total: result.messages.total.sent as f64,
            by_command: by_command
                .iter()
                .map(|(it, account)| (it.name().to_owned(), account.sent as f64))
                .collect(),
        }
    }
}
