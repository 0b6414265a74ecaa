//! Where decentralised learning ends when every loss is a square: `dpsgd` with the model `quadratic` is
//! x ← W (x − η (x − b)), which rests at x = (I − (1 − η) W)⁻¹ η W b.

use crate::running::result;
use p2pfl_sim::metrics::result::Final;
use serde_json::{Value, json};
use std::f64::consts::TAU;

const RATE: f64 = 0.25;

/// How nodes end whose points are their numbers.
fn learnt(nodes: u32, topology: &Value, dimension: u32) -> Final {
    result(&json!({
        "nodes": nodes,
        "topology": topology,
        "workflow": { "kind": "dpsgd", "rounds": 160 },
        "learning": {
            "model": { "kind": "quadratic", "dimension": dimension, "targets": "index" },
            "learning_rate": RATE,
            "compute": { "train": { "kind": "lognormal", "median": "1s", "sigma": 0.8 } }
        },
        "network": { "latency": { "kind": "uniform", "min": "10ms", "max": "300ms" } }
    }))
    .r#final
}

/// Holds what the nodes have in the end against where they should rest, in each of the dimensions alike.
fn ends_at(topology: &Value, rest: &[f64]) {
    let nodes = rest.len() as f64;
    let mean = (nodes - 1.0) / 2.0;
    // Of the numbers from 0 to n − 1.
    let variance = (nodes * nodes - 1.0) / 12.0;
    assert!((rest.iter().sum::<f64>() / nodes - mean).abs() < 1e-11, "the mean stays at that of the points");
    let apart = rest.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / nodes;
    for dimension in [1, 3] {
        let each = f64::from(dimension);
        let is = learnt(rest.len() as u32, topology, dimension);
        let near = |what: &str, is: f64, law: f64| {
            assert!((is / law - 1.0).abs() < 1e-12, "{topology}, {dimension}, {what}: {is}, not {law}");
        };
        near("distance", is.consensus_distance.expect("a distance"), (each * apart).sqrt());
        // The loss of all at x is ½‖x − b̄‖² + ½ · variance.
        let loss = is.loss.expect("a loss");
        let at = |squared: f64| each * (squared + variance) / 2.0;
        let squared = || rest.iter().map(|x| (x - mean).powi(2));
        near("mean loss", loss.mean, at(apart));
        near("least loss", loss.min, at(squared().fold(f64::INFINITY, f64::min)));
        near("greatest loss", loss.max, at(squared().fold(0.0, f64::max)));
    }
}

#[test]
fn on_a_ring_it_rests_where_waves_are_damped_by_their_eigenvalues() {
    // The waves of a ring are the eigenvectors of W, those of eigenvalue λ are damped by ηλ / (1 − (1 − η) λ).
    for nodes in [5_u32, 8, 25] {
        let angle = |k: u32, i: u32| TAU * f64::from(k * i % nodes) / f64::from(nodes);
        let wave = |k: u32| {
            let part = |of: fn(f64) -> f64| (0..nodes).map(|i| f64::from(i) * of(angle(k, i))).sum::<f64>();
            (part(f64::cos), part(f64::sin))
        };
        let waves: Vec<_> = (0..nodes).map(wave).collect();
        let rest = |i: u32| {
            let of = |(k, (cosine, sine)): (u32, &(f64, f64))| {
                let eigenvalue = (1.0 + 2.0 * angle(k, 1).cos()) / 3.0;
                let damped = RATE * eigenvalue / (1.0 - (1.0 - RATE) * eigenvalue);
                damped * (cosine * angle(k, i).cos() + sine * angle(k, i).sin())
            };
            (0..).zip(&waves).map(of).sum::<f64>() / f64::from(nodes)
        };
        ends_at(&json!({ "kind": "ring" }), &(0..nodes).map(rest).collect::<Vec<_>>());
    }
}

#[test]
fn on_a_star_the_hub_rests_at_the_mean_and_the_leaves_between_it_and_their_points() {
    // All entries of the hub's row are 1/n, so it has the mean of all, which is that of the points. A leaf keeps
    // 1 − 1/n: x = (1 − η) (a x + x₀/n) + η (a b + b₀/n), where a = 1 − 1/n.
    for nodes in [3_u32, 8, 25] {
        let n = f64::from(nodes);
        let (hub, keeps) = ((n - 1.0) / 2.0, 1.0 - 1.0 / n);
        let leaf = |i: u32| {
            // The hub's point is 0.
            let pulled = (1.0 - RATE) * hub / n + RATE * keeps * f64::from(i);
            pulled / (1.0 - (1.0 - RATE) * keeps)
        };
        let rest: Vec<f64> = std::iter::once(hub).chain((1..nodes).map(leaf)).collect();
        ends_at(&json!({ "kind": "star" }), &rest);
    }
}
