//! Whole runs through the program, over each transport that can be named.

use clap::ValueEnum as _;
use p2pfl_sim::metrics::result::{Outcome, RunResult};
use p2pfl_sim::scenario::Transport;
use std::path::Path;
use std::process::Command;

/// Runs a shipped scenario; the text that it prints is its result.
fn run(scenario: &str, transport: Transport, more: &[&str]) -> RunResult {
    let folder = tempfile::tempdir().unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["run", scenario, "--transport", transport.name(), "--quiet", "--format", "json", "--out"])
        .arg(folder.path().join("out"))
        .args(more)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.code().is_some_and(|it| it == 0 || it == 3), "{}: {said}", transport.name());
    serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {said}", transport.name()))
}

fn all() -> &'static [Transport] {
    Transport::value_variants()
}

/// Nothing is given up because a machine that does other things as well is late, and heartbeats leave it time for the rest.
const NO_HURRY: [&str; 5] = [
    "settings.general.grpc_timeout=10m",
    "settings.heartbeat.period=20s",
    "settings.heartbeat.timeout=1h",
    "settings.training.vote_timeout=1h",
    "settings.training.aggregation_timeout=1h",
];

/// Every peer ends, and each round the same rules hold for who trains, whatever carries the votes.
#[test]
fn a_ring_of_a_hundred_learns_to_the_end_over_each_protocol() {
    // One carrier of each protocol: what is under TLS is the same.
    for &transport in all().iter().filter(|it| !it.name().contains('+')) {
        let mut options = vec!["--speedup", "10", "--set", "workflow.rounds=2"];
        options.extend(NO_HURRY.iter().flat_map(|it| ["--set", *it]));
        let ran = run("scenarios/ring-100.json", transport, &options);
        let name = transport.name();
        assert_eq!(ran.outcome, Outcome::Completed, "{name}: {:?}", ran.reason);
        assert_eq!(ran.nodes.finished, 100, "{name}");
        assert_eq!(ran.rounds.len(), 2, "{name}");
        for round in &ran.rounds {
            let sizes: Vec<usize> = round.train_sets.iter().map(|it| it.members.len()).collect();
            assert!(
                sizes.iter().all(|&it| it == 10),
                "{name}, round {}: train sets of {sizes:?}",
                round.round
            );
            let nodes: u32 = round.train_sets.iter().map(|it| it.nodes).sum();
            // Who was late took the round's model from a neighbour, and does not say who trained.
            assert!((80..=100).contains(&nodes), "{name}: {nodes} say who trained");
        }
        accounts_add_up(&ran, name);
    }
}

#[test]
fn every_transport_carries_every_request_and_its_answer_once() {
    for &transport in all() {
        let ran = run("scenarios/probe-64b.json", transport, &["--set", "workflow.duration=200ms"]);
        let name = transport.name();
        assert_eq!(ran.outcome, Outcome::Completed, "{name}: {:?}", ran.reason);
        let total = &ran.messages.total;
        assert_eq!(
            (total.duplicate, total.in_flight, total.dropped.values().sum::<u64>()),
            (0, 0, 0),
            "{name}"
        );
        assert_eq!(total.sent, total.delivered, "{name}");
        accounts_add_up(&ran, name);
    }
}

/// Every message that was sent is accounted for.
fn accounts_add_up(ran: &RunResult, name: &str) {
    for (command, it) in &ran.messages.by_command {
        let dropped: u64 = it.dropped.values().sum();
        let went = (it.sent + it.network_copies) as i64;
        let came = (it.delivered + it.duplicate + dropped) as i64 + it.in_flight;
        assert_eq!(went, came, "{name}: {command:?}");
    }
}
