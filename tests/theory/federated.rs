//! Federated averaging of one full-batch step of everyone is one step of gradient descent on all rows (McMahan et al.
//! 2017), through the whole protocol of P2PFL: votes, contributions that travel averaged, and the aggregate. So is
//! D-PSGD on a full graph with equal partitions, since all nodes begin with one model and W is 1/n everywhere.

use crate::running::{plan, result};
use serde_json::{Value, json};

const ROUNDS: u32 = 4;

fn scenario(nodes: u32, topology: &str, partitioning: Value, model: Value) -> Value {
    json!({
        "seed": 11,
        "nodes": nodes,
        "topology": { "kind": topology },
        "workflow": { "kind": "p2pfl", "rounds": ROUNDS, "trainset_size": nodes },
        "settings": { "gossip": { "messages_per_period": 100_000 } },
        "learning": {
            "partitioning": partitioning, "model": model,
            "batch_size": "full", "learning_rate": 0.5,
            "compute": { "train": { "kind": "lognormal", "median": "2s", "sigma": 0.6 } }
        },
        "network": { "latency": { "kind": "uniform", "min": "5ms", "max": "60ms" } }
    })
}

/// Loss and accuracy after each round of gradient descent on all rows by one learner, who has them all.
fn centralised(model: &Value) -> Vec<(f64, f64)> {
    let learner = plan(&scenario(1, "full", json!({ "kind": "iid" }), model.clone())).learner;
    let mut now = learner.initial(0).as_ref().clone();
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        now = learner.train(0, round, 1, &now, &mut None);
        let evaluation = learner.evaluate(&now).expect("a test split");
        rounds.push((evaluation.loss, evaluation.accuracy.expect("classes")));
    }
    rounds
}

/// How far the losses of nodes are from those of one learner, in relation to them.
fn apart(nodes: u32, topology: &str, partitioning: &Value, model: &Value) -> f64 {
    let result = result(&scenario(nodes, topology, partitioning.clone(), model.clone()));
    let mut most: f64 = 0.0;
    for (round, (loss, accuracy)) in result.rounds.iter().zip(centralised(model)) {
        let what = format!("{nodes} nodes, {topology}, {partitioning}, round {}", round.round);
        assert_eq!(round.nodes_finished, nodes, "{what}");
        assert_eq!(round.train_sets.len(), 1, "{what}: {:?}", round.train_sets);
        assert_eq!(round.train_sets[0].members.len() as u32, nodes, "{what}");
        let is = round.loss.expect("a loss");
        for is in [is.min, is.max] {
            most = most.max((is / loss - 1.0).abs());
        }
        // A row that is on the border between two classes may fall to either side of it.
        let is = round.accuracy.expect("an accuracy");
        assert!((is.min - accuracy).abs() < 1.5 / 359.0, "{what}: {is:?}, not {accuracy}");
        assert!((is.max - accuracy).abs() < 1.5 / 359.0, "{what}: {is:?}, not {accuracy}");
    }
    assert_eq!(result.rounds.len() as u32, ROUNDS);
    most
}

#[test]
fn all_together_do_what_one_with_all_rows_does() {
    let softmax = json!({ "kind": "softmax" });
    for (nodes, topology, partitioning) in [
        (1, "full", json!({ "kind": "iid" })),
        (2, "line", json!({ "kind": "iid" })),
        (7, "full", json!({ "kind": "dirichlet", "alpha": 0.3 })),
        (10, "ring", json!({ "kind": "label_skew", "classes_per_node": 2 })),
        (23, "full", json!({ "kind": "percentage", "percentage": 70 })),
        (23, "star", json!({ "kind": "dirichlet", "alpha": 1 })),
    ] {
        let most = apart(nodes, topology, &partitioning, &softmax);
        assert!(most < 1e-6, "{nodes} nodes, {topology}, {partitioning}: {most:e}");
    }
}

#[test]
fn so_they_do_with_hidden_layers() {
    let mlp = json!({ "kind": "mlp", "hidden": [16] });
    let most = apart(6, "full", &json!({ "kind": "dirichlet", "alpha": 0.3 }), &mlp);
    assert!(most < 1e-6, "{most:e}");
}

/// The nodes of D-PSGD on a full graph, each with as many rows, descend as one learner with all rows does.
#[test]
fn equal_nodes_of_dpsgd_on_a_full_graph_do_what_one_with_all_rows_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("blobs.csv");
    // Three classes around three corners, a hundred rows each: four fifths are trained on, 30 for each of eight nodes.
    let rows: String = (0..300_u32)
        .map(|row| {
            let (class, spread) = (row % 3, |step: u32| f64::from(row * step % 97) / 97.0);
            let corner = |axis| if class == axis { 2.0 } else { 0.0 };
            format!("{},{},{class}\n", corner(0) + spread(31), corner(1) + spread(53))
        })
        .collect();
    std::fs::write(&path, format!("x,y,label\n{rows}")).expect("a temporary file");
    let blobs = json!({ "kind": "csv", "train": path });
    for (nodes, dataset, model) in [
        (8, blobs.clone(), json!({ "kind": "softmax" })),
        (8, blobs, json!({ "kind": "mlp", "hidden": [8] })),
        // 1,438 rows are twice 719.
        (2, json!({ "kind": "digits" }), json!({ "kind": "mlp", "hidden": [16] })),
    ] {
        let scenario = |nodes: u32| {
            json!({
                "seed": 11,
                "nodes": nodes,
                "topology": { "kind": "full" },
                "workflow": { "kind": "dpsgd", "rounds": 10 },
                "learning": { "dataset": dataset, "model": model, "batch_size": "full", "learning_rate": 0.5 },
            })
        };
        let all = plan(&scenario(1)).learner;
        let mut now = all.initial(0).as_ref().clone();
        let result = result(&scenario(nodes));
        assert_eq!(result.rounds.len(), 10);
        for round in &result.rounds {
            now = all.train(0, round.round, 1, &now, &mut None);
            let loss = all.evaluate(&now).expect("a test split").loss;
            let is = round.loss.expect("a loss");
            let what = format!("{nodes} nodes, {model}, round {}: {is:?}, not {loss}", round.round);
            assert_eq!(round.nodes_finished, nodes, "{what}");
            assert!((is.min / loss - 1.0).abs() < 1e-6 && (is.max / loss - 1.0).abs() < 1e-6, "{what}");
        }
    }
}

/// On a full graph where all train, `dpsgd` and `p2pfl` average the same models: all begin with the initiator's.
#[test]
fn dpsgd_where_everyone_is_a_neighbour_learns_as_p2pfl_does_where_everyone_trains() {
    let accuracies = |seed: u32, workflow: Value| -> Vec<f64> {
        let result = result(&json!({
            "seed": seed,
            "nodes": 20,
            "topology": { "kind": "full" },
            "workflow": workflow,
            "settings": { "gossip": { "messages_per_period": 100_000 } },
            "learning": {
                "model": { "kind": "mlp", "hidden": [32] }, "learning_rate": 0.1, "batch_size": 8
            },
        }));
        result.rounds.iter().map(|round| round.accuracy.expect("an accuracy").mean).collect()
    };
    for seed in 0..3 {
        let dpsgd = accuracies(seed, json!({ "kind": "dpsgd", "rounds": 20 }));
        let p2pfl = accuracies(seed, json!({ "kind": "p2pfl", "rounds": 20, "trainset_size": 20 }));
        assert_eq!((dpsgd.len(), p2pfl.len()), (20, 20));
        for (round, (dpsgd, p2pfl)) in dpsgd.iter().zip(&p2pfl).enumerate() {
            assert!((dpsgd - p2pfl).abs() <= 0.02, "seed {seed}, round {round}: {dpsgd}, not {p2pfl}");
        }
    }
}
