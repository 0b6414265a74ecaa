//! The second workflow, `dpsgd`, from the outside.

use crate::program::{dpsgd, run};
use serde_json::json;

#[test]
fn neighbours_mix_their_models_on_regular_and_exponential_graphs() {
    for topology in
        [json!({ "kind": "random_regular", "degree": 4 }), json!({ "kind": "static_exponential" })]
    {
        let ran = run(&dpsgd(16, topology, json!({}))).completed();
        assert_eq!(ran.result.nodes.finished, 16);
        assert_eq!(ran.result.rounds.len(), 4);
        assert!(
            ran.result.rounds.iter().all(|round| round.nodes_finished == 16 && round.train_sets.is_empty())
        );
        assert!(!ran.result.messages.by_command.contains_key(&p2pfl_sim::wire::Command::Beat), "no flooding");
    }
}

#[test]
fn every_node_sends_its_model_to_each_neighbour_once_a_round() {
    let ran = run(&dpsgd(16, json!({ "kind": "random_regular", "degree": 4 }), json!({}))).completed();
    let models = &ran.result.messages.by_command[&p2pfl_sim::wire::Command::PartialModel];
    assert_eq!(models.sent, 4 * 16 * 4, "four rounds of sixteen nodes with four neighbours");
}

#[test]
fn the_others_go_on_without_a_node_that_crashes() {
    let ran = run(&dpsgd(
        12,
        json!({ "kind": "random_regular", "degree": 4 }),
        json!({ "script": [{ "at": { "round": 1 }, "do": "crash", "nodes": [3] }] }),
    ))
    .completed();
    assert_eq!((ran.result.nodes.crashed, ran.result.nodes.finished), (1, 11));
}

#[test]
fn a_node_that_comes_back_takes_part_again() {
    let ran = run(&dpsgd(
        12,
        json!({ "kind": "random_regular", "degree": 4 }),
        json!({
            "workflow": { "rounds": 10 },
            "script": [
                { "at": { "round": 1 }, "do": "crash", "nodes": [3] },
                { "at": { "round": 3 }, "do": "restart", "nodes": [3] }
            ]
        }),
    ))
    .completed();
    assert_eq!(
        (ran.result.nodes.crashed, ran.result.nodes.finished),
        (1, 12),
        "{:?}",
        ran.table("nodes.csv")
    );
}

#[test]
fn vectors_that_are_only_averaged_have_a_distance_and_nothing_else() {
    let ran = run(&dpsgd(
        16,
        json!({ "kind": "ring" }),
        json!({ "learning": { "model": { "kind": "averaging", "size": null, "init": "index" } } }),
    ))
    .completed();
    let rounds = &ran.result.rounds;
    assert!(rounds.iter().all(|round| round.accuracy.is_none() && round.loss.is_none()));
    let distances: Vec<f64> =
        rounds.iter().map(|round| round.consensus_distance.expect("a distance")).collect();
    assert!(distances.is_sorted_by(|a, b| a > b) && distances[0] < 4.61, "{distances:?}");
    assert_eq!(ran.result.r#final.consensus_distance, distances.last().copied());
    assert!(!ran.ended.stdout.contains("accuracy"), "{}", ran.ended.stdout);
}

#[test]
fn quadratic_losses_have_a_loss_and_no_accuracy() {
    let ran = run(&dpsgd(
        8,
        json!({ "kind": "full" }),
        json!({
            "workflow": { "rounds": 30 },
            "learning": { "model": { "kind": "quadratic", "size": null, "targets": "index" }, "init": "zeros" },
            "thresholds": ["final.loss.max < 2.6251"]
        }),
    ))
    .completed();
    let last = ran.result.r#final;
    assert!(last.accuracy.is_none());
    // The mean of 0..7 is 3.5, their variance 5.25; on a complete graph mixing reaches the mean.
    assert!(last.loss.is_some_and(|loss| (loss.mean - 2.625).abs() < 1e-4), "{last:?}");
}

#[test]
fn mixing_brings_models_together_and_they_learn() {
    let ran = run(&dpsgd(
        10,
        json!({ "kind": "static_exponential" }),
        json!({
            "workflow": { "rounds": 6 },
            "learning": { "model": { "kind": "softmax", "size": null }, "batch_size": 4, "learning_rate": 1.0 },
            "thresholds": ["final.accuracy.mean >= 0.7"]
        }),
    ))
    .completed();
    let distances: Vec<f64> =
        ran.result.rounds.iter().map(|round| round.consensus_distance.expect("softmax has one")).collect();
    assert!(distances.iter().all(|it| it.is_finite() && *it > 0.0), "{distances:?}");
    assert!(ran.result.r#final.consensus_distance.is_some());
}
