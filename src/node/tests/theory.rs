//! Decentralised learning against what mathematics says of it: how fast nodes agree, and where they end.
//! `docs/theory.md` lists the laws.

use super::network::Network;
use super::rules::Setup;
use crate::learning::spec::{Averaging, Init, Learning, ModelKind, Quadratic, Start, Targets};
use crate::learning::{Learner, build, consensus_distance};
use crate::node::spec::{Dpsgd, Mixing};
use crate::topology::{Graph, Topology};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

fn graph(nodes: u32, topology: Value) -> Graph {
    let topology: Topology = serde_json::from_value(topology).expect("a topology");
    topology.build(nodes, 1, Path::new(".")).expect("a graph").graph
}

fn learner(model: ModelKind, learning_rate: f64, nodes: u32) -> Arc<dyn Learner> {
    let spec = Learning { model, learning_rate, init: Init::Random, ..Learning::default() };
    build(&spec, nodes, 3, None, Path::new(".")).expect("a learner")
}

/// A network of `dpsgd` nodes that has gone through so many rounds.
fn learnt(graph: &Graph, rounds: u32, learner: &Arc<dyn Learner>) -> Network {
    let spec = Dpsgd { rounds, mixing: Mixing::MetropolisHastings, ..Dpsgd::default() };
    let edges: Vec<(u32, u32)> = graph.edge_list().collect();
    let mut network = Network::learning(Setup::dpsgd(graph.nodes(), spec), &edges, Arc::clone(learner));
    network.learn();
    assert!(network.finish(10 * u64::from(rounds)));
    network
}

/// What everyone holds at the end of a round, by node.
fn values(network: &Network, round: u32) -> Vec<Vec<f64>> {
    network.models(round).values().map(|model| model.doubles().to_vec()).collect()
}

/// Weights of Metropolis and Hastings, written out.
fn mixing_matrix(graph: &Graph) -> Vec<Vec<f64>> {
    let row = |i: u32| {
        let mut row: Vec<f64> = (0..graph.nodes())
            .map(|j| match graph.connected(i, j) {
                true => 1.0 / (1.0 + f64::from(graph.degree(i).max(graph.degree(j)))),
                false => 0.0,
            })
            .collect();
        row[i as usize] = 1.0 - row.iter().sum::<f64>();
        row
    };
    (0..graph.nodes()).map(row).collect()
}

/// Solves A x = b by elimination; the matrices of these tests need no pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let size = b.len();
    for column in 0..size {
        let (pivot, right) = (a[column].clone(), b[column]);
        for row in (0..size).filter(|row| *row != column) {
            let factor = a[row][column] / pivot[column];
            a[row].iter_mut().zip(&pivot).for_each(|(entry, above)| *entry -= factor * above);
            b[row] -= factor * right;
        }
    }
    (0..size).map(|i| b[i] / a[i][i]).collect()
}

#[test]
fn the_consensus_distance_falls_by_the_second_largest_eigenvalue_modulus() {
    // So many rounds that faster modes no longer show, and not so many that rounding does.
    for (name, graph, rounds) in [
        ("ring", graph(10, json!({ "kind": "ring" })), 40),
        ("torus", graph(20, json!({ "kind": "torus", "rows": 4, "columns": 5 })), 40),
        ("exponential", graph(16, json!({ "kind": "static_exponential" })), 34),
        ("regular", graph(16, json!({ "kind": "random_regular", "degree": 4 })), 40),
    ] {
        let gap = graph.spectral_gap(1);
        assert!(gap.exact);
        let rate = 1.0 - gap.value;
        let model = ModelKind::Averaging(Averaging { dimension: 3, init: Start::Normal });
        let learner = learner(model, 0.5, graph.nodes());
        let network = learnt(&graph, rounds, &learner);
        let initial: Vec<_> = (0..graph.nodes()).map(|node| learner.initial(node)).collect();
        let distance = |round: u32| {
            let models: Vec<_> = network.models(round).into_values().collect();
            consensus_distance(&models).expect("a distance")
        };
        let mut before = consensus_distance(&initial).expect("a distance");
        for round in 0..rounds {
            let now = distance(round);
            assert!(now <= rate * before * (1.0 + 1e-6), "{name}, round {round}: {now} after {before}");
            before = now;
        }
        let ratio = distance(rounds - 1) / distance(rounds - 2);
        assert!((ratio / rate - 1.0).abs() < 1e-3, "{name}: {ratio} instead of {rate}");
        // Nothing is lost: the mean stays where it was.
        let last = values(&network, rounds - 1);
        for i in 0..3 {
            let mean = |of: &mut dyn Iterator<Item = f64>| of.sum::<f64>() / f64::from(graph.nodes());
            let (was, is) = (
                mean(&mut initial.iter().map(|model| model.doubles()[i])),
                mean(&mut last.iter().map(|values| values[i])),
            );
            assert!((was - is).abs() < 1e-14, "{name}: {is} instead of {was}");
        }
    }
}

#[test]
fn on_a_complete_graph_one_round_is_enough() {
    let graph = graph(9, json!({ "kind": "full" }));
    let model = ModelKind::Averaging(Averaging { dimension: 2, init: Start::Index });
    let network = learnt(&graph, 1, &learner(model, 0.5, 9));
    for values in values(&network, 0) {
        assert!(values.iter().all(|value| (value - 4.0).abs() < 1e-14), "{values:?}");
    }
}

#[test]
fn quadratic_losses_end_at_the_fixed_point_of_adapting_and_combining() {
    // x ← W (x − η (x − b)) rests at x = (I − (1 − η) W)⁻¹ η W b.
    for topology in [json!({ "kind": "star" }), json!({ "kind": "line" }), json!({ "kind": "ring" })] {
        let (nodes, rate, dimension) = (8, 0.4, 2);
        let graph = graph(nodes, topology.clone());
        let model = ModelKind::Quadratic(Quadratic { dimension, targets: Targets::Normal });
        let network = learnt(&graph, 80, &learner(model.clone(), rate, nodes));
        let weights = mixing_matrix(&graph);
        // A step of size 1 from anywhere leads to a node's own point.
        let points = learner(model, 1.0, nodes);
        let points: Vec<Vec<f64>> = (0..nodes)
            .map(|node| points.train(node, 0, 1, &points.initial(0), &mut None).doubles().to_vec())
            .collect();
        let last = values(&network, 79);
        for i in 0..dimension as usize {
            let matrix = weights.iter().enumerate().map(|(row, entries)| {
                let entry = |(column, weight): (usize, &f64)| {
                    f64::from(u8::from(row == column)) - (1.0 - rate) * weight
                };
                entries.iter().enumerate().map(entry).collect()
            });
            let pull = weights.iter().map(|row| {
                row.iter().zip(&points).map(|(weight, point)| rate * weight * point[i]).sum::<f64>()
            });
            let fixed = solve(matrix.collect(), pull.collect());
            for (node, fixed) in fixed.iter().enumerate() {
                let is = last[node][i];
                assert!((is - fixed).abs() < 1e-12, "{topology}, node {node}: {is} instead of {fixed}");
            }
            let spread = fixed.iter().fold(0.0_f64, |most, it| most.max((it - fixed[0]).abs()));
            assert!(spread > 0.01, "nodes do not agree: each is pulled to its own point");
        }
    }
}
