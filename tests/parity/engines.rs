//! The task engine beside the event engine, and both beside P2PFL.

use super::runs::{figures, scenario};
use super::{BOUNDS, Figures, Row, measurements, table};
use serde_json::{Value, json};

/// How much faster than P2PFL the real clock runs, from first to last attempt. Where the machine is busy, timers are late
/// by a share of the periods that is the greater the faster the clock runs; so if the first attempt is too far off, a
/// slower one decides.
const SPEEDUPS: [&str; 2] = ["10", "4"];

/// Networks small enough for a real clock; all three over memory.
const NETWORKS: [(&str, u32); 3] = [("full", 8), ("ring", 8), ("star", 16)];

/// No `network` block: the task engine then delivers at once, and the event engine after its lookahead.
fn compare(row: &Row, settings: &Value) -> Vec<String> {
    let scenario = scenario(row, settings);
    let theirs = row.figures();
    let events = Figures::medians(&figures(&scenario, &["--clock", "virtual"]));
    let mut beyond = Vec::new();
    for speedup in SPEEDUPS {
        let tasks = Figures::medians(&figures(&scenario, &["--clock", "real", "--speedup", speedup]));
        let name = format!("{}, × {speedup}", row.name());
        table::print(&name, &[("P2PFL 0.4.4", &theirs), ("event engine", &events), ("task engine", &tasks)]);
        beyond.clear();
        for (what, of, from) in [
            ("event engine from P2PFL", &events, &theirs),
            ("task engine from P2PFL", &tasks, &theirs),
            ("task engine from event engine", &tasks, &events),
        ] {
            beyond.extend(of.beyond(from, BOUNDS).into_iter().map(|it| format!("{name}: {what}: {it}")));
        }
        if beyond.is_empty() {
            break;
        }
    }
    beyond
}

/// The engines beside each other, where P2PFL has nothing that could stand beside them.
fn beside_each_other(name: &str, scenario: &Value) {
    let mut beyond = Vec::new();
    for speedup in SPEEDUPS {
        let events = Figures::medians(&figures(scenario, &["--clock", "virtual"]));
        let tasks = Figures::medians(&figures(scenario, &["--clock", "real", "--speedup", speedup]));
        table::print(&format!("{name}, × {speedup}"), &[("event engine", &events), ("task engine", &tasks)]);
        beyond = tasks.beyond(&events, BOUNDS);
        if beyond.is_empty() {
            break;
        }
    }
    assert!(beyond.is_empty(), "{name}: {}", beyond.join("\n"));
}

#[test]
fn both_engines_send_the_same_where_nodes_ask_for_models() {
    let measured = measurements();
    let rows = measured.rows.iter().filter(|row| row.transport == "memory");
    let row = rows.into_iter().find(|row| row.topology == "ring" && row.nodes == 8).expect("a ring");
    for way in ["pull", "push_pull"] {
        let mut scenario = scenario(row, &measured.settings);
        scenario["workflow"]["variant"] = "repaired".into();
        scenario["workflow"]["dissemination"] = way.into();
        beside_each_other(way, &scenario);
    }
}

#[test]
fn both_engines_send_the_same_where_nodes_average_in_pairs() {
    let scenario = json!({
        "name": "parity", "nodes": 12, "topology": { "kind": "ring" },
        "workflow": { "kind": "dpsgd", "mode": "asynchronous", "rounds": 8 },
        "learning": {
            "model": { "kind": "synthetic", "size": "1KiB" },
            "compute": { "train": { "kind": "uniform", "min": "450ms", "max": "550ms" } }
        }
    });
    beside_each_other("pairs", &scenario);
}

#[test]
fn both_engines_send_the_same() {
    let measured = measurements();
    let rows = measured
        .rows
        .iter()
        .filter(|row| row.transport == "memory" && NETWORKS.contains(&(row.topology.as_str(), row.nodes)));
    // Runs on the real clock wait more than they compute.
    let beyond: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = rows.map(|row| scope.spawn(|| compare(row, &measured.settings))).collect();
        assert_eq!(threads.len(), NETWORKS.len());
        threads.into_iter().flat_map(|it| it.join().expect("a comparison ends")).collect()
    });
    assert!(beyond.is_empty(), "\n{}", beyond.join("\n"));
}
