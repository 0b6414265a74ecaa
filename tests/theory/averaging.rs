//! How fast nodes agree: `dpsgd` with the model `averaging` is x ← W x.

use crate::running::result;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::f64::consts::TAU;

fn scenario(nodes: u32, topology: Value, rounds: u32) -> Value {
    json!({
        "nodes": nodes,
        "topology": topology,
        "workflow": { "kind": "dpsgd", "rounds": rounds },
        "learning": { "model": { "kind": "averaging", "dimension": nodes, "init": "one_hot" } }
    })
}

fn distances(scenario: &Value) -> Vec<f64> {
    let rounds = result(scenario).rounds;
    rounds.iter().map(|round| round.consensus_distance.expect("a distance")).collect()
}

/// Eigenvalues of the mixing matrix of a graph in which node i is connected to i + s for each step s, modulo n, that of
/// the constant vector first: (1 + Σ cos(2πks/n)) / (1 + number of steps).
fn circulant(nodes: u32, steps: &[u32]) -> Vec<f64> {
    let steps: BTreeSet<u32> = steps.iter().flat_map(|&step| [step % nodes, nodes - step % nodes]).collect();
    let wave = |k: u32, step: u32| (TAU * f64::from(k * step % nodes) / f64::from(nodes)).cos();
    let of = |k| (1.0 + steps.iter().map(|&step| wave(k, step)).sum::<f64>()) / (1.0 + steps.len() as f64);
    (0..nodes).map(of).collect()
}

/// The same of a torus, whose eigenvectors are products of waves along its rows and columns.
fn torus(rows: u32, columns: u32) -> Vec<f64> {
    let wave = |k: u32, length: u32| 2.0 * (TAU * f64::from(k) / f64::from(length)).cos();
    let along = |a| (0..columns).map(move |b| (1.0 + wave(a, rows) + wave(b, columns)) / 5.0);
    (0..rows).flat_map(along).collect()
}

/// Graphs of which the eigenvalues are known, and rounds enough for all but the slowest of them to die out.
fn known() -> [(Value, Vec<f64>, u32); 4] {
    [
        (json!({ "kind": "ring" }), circulant(16, &[1]), 90),
        (json!({ "kind": "torus", "rows": 4, "columns": 5 }), torus(4, 5), 50),
        (json!({ "kind": "static_exponential" }), circulant(18, &[1, 2, 4, 8, 16]), 26),
        (json!({ "kind": "static_exponential" }), circulant(28, &[1, 2, 4, 8, 16]), 30),
    ]
}

#[test]
fn the_distance_of_every_round_is_that_of_the_powers_of_the_eigenvalues() {
    // From unit vectors W to the power of t is what everyone holds after t rounds, and its distance from the mean has a
    // closed form: the squares of its eigenvalues, without that of the mean, divided by n.
    for (topology, eigenvalues, rounds) in known() {
        let nodes = eigenvalues.len() as f64;
        assert!((eigenvalues[0] - 1.0).abs() < 1e-15);
        let measured = distances(&scenario(eigenvalues.len() as u32, topology.clone(), rounds));
        assert_eq!(measured.len() as u32, rounds);
        for (t, is) in (1..).zip(&measured) {
            let squares = eigenvalues[1..].iter().map(|value| value.powi(2 * t)).sum::<f64>();
            let law = (squares / nodes).sqrt();
            assert!((is - law).abs() <= 1e-11 * law + 1e-15, "{topology}, round {t}: {is}, not {law}");
        }
    }
}

#[test]
fn in_the_long_run_it_falls_by_the_second_largest_modulus_in_each_round() {
    for (topology, eigenvalues, rounds) in known() {
        let second = eigenvalues[1..].iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let measured = distances(&scenario(eigenvalues.len() as u32, topology.clone(), rounds));
        let late = &measured[measured.len() - 6..];
        let fitted = (late[5] / late[0]).powf(0.2);
        assert!((fitted / second - 1.0).abs() < 1e-6, "{topology}: {fitted}, not {second}");
    }
}

#[test]
fn on_a_complete_graph_one_round_reaches_the_mean() {
    let measured = distances(&scenario(40, json!({ "kind": "full" }), 2));
    assert!(measured.iter().all(|distance| *distance < 1e-15), "{measured:?}");
}

#[test]
fn nodes_that_take_their_time_hold_the_same_to_the_last_bit() {
    let mut calm = scenario(20, json!({ "kind": "torus", "rows": 4, "columns": 5 }), 30);
    calm["learning"]["compute"] = json!({ "train": "1s", "aggregate": "1ms" });
    let mut wild = calm.clone();
    wild["learning"]["compute"] = json!({
        "train": { "kind": "lognormal", "median": "1s", "sigma": 1.2 },
        "aggregate": { "kind": "uniform", "min": "0s", "max": "500ms" }
    });
    wild["network"] = json!({ "latency": { "kind": "lognormal", "median": "100ms", "sigma": 1.0 },
                              "jitter": { "kind": "uniform", "min": "0ms", "max": "80ms" } });
    let bits = |scenario| distances(scenario).into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(&calm), bits(&wild));
}
