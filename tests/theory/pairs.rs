//! Nodes that average in pairs and wait for nobody: how fast they agree, and how fast they go.

use crate::running::{plan, result, run};
use p2pfl_sim::learning::Mixture;
use p2pfl_sim::node::io::Job;
use serde_json::{Value, json};
use std::f64::consts::E;
use std::sync::Arc;

fn scenario(nodes: u32, topology: Value, rounds: u32, seed: u64) -> Value {
    json!({
        "seed": seed,
        "nodes": nodes,
        "topology": topology,
        "workflow": { "kind": "dpsgd", "mode": "asynchronous", "rounds": rounds },
        "learning": {
            "model": { "kind": "averaging", "dimension": nodes, "init": "one_hot" },
            // In no order that lasts, and nearly as often as each other.
            "compute": { "train": { "kind": "uniform", "min": "950ms", "max": "1050ms" }, "aggregate": "10us" }
        },
        "network": { "latency": "100us" }
    })
}

#[test]
fn the_square_of_the_distance_falls_to_one_half_over_root_e_in_each_round() {
    // Of three seeds the first two rounds are left out, and the next eight taken: by then it is as if all nodes had acted
    // as often. Nodes drawn anew each time would give 1/e, pairs of which nobody is in two a quarter.
    let law = 0.5 / E.sqrt();
    for seed in 1..=3 {
        let rounds = result(&scenario(200, json!({ "kind": "full" }), 12, seed)).rounds;
        let distance = |round: usize| rounds[round].consensus_distance.expect("a distance");
        let factor = (distance(10) / distance(2)).powf(2.0 / 8.0);
        assert!((factor / law - 1.0).abs() < 0.08, "seed {seed}: {factor}, not {law}");
    }
}

#[test]
fn on_a_ring_it_falls_at_least_as_fast_as_where_the_next_to_act_is_drawn() {
    // Drawn evenly, each average of two takes a share of (1 − cos 2π/n) / n at least of the expected square. What is
    // expected of the values themselves falls by the same, so the square of that by twice as much.
    let nodes = 16;
    let step = 1.0 - (1.0 - (std::f64::consts::TAU / f64::from(nodes)).cos()) / f64::from(nodes);
    let law = step.powi(nodes);
    for seed in 1..=3 {
        let rounds = result(&scenario(nodes as u32, json!({ "kind": "ring" }), 60, seed)).rounds;
        let distance = |round: usize| rounds[round].consensus_distance.expect("a distance");
        let factor = (distance(55) / distance(15)).powf(2.0 / 40.0);
        assert!(factor < law && factor > law.powi(3), "seed {seed}: {factor}, not below {law}");
    }
}

/// Of each node, how long it took to finish, and how long all of its own computing takes, in seconds.
fn pace(mode: &str) -> Vec<(f64, f64)> {
    let mut scenario = scenario(30, json!({ "kind": "random_regular", "degree": 4 }), 20, 4);
    scenario["workflow"]["mode"] = json!(mode);
    scenario["learning"]["compute"]["train"] = json!({ "kind": "lognormal", "median": "1s", "sigma": 1.0 });
    let plan = plan(&scenario);
    let own = |node: u32| {
        let start = plan.learner.initial(node);
        let train = Job::Train { round: 0, epochs: 1, start: Arc::clone(&start), state: None };
        let both = [train, Job::Aggregate(Mixture::of(&[(start, 1.0)]))]
            .map(|job| plan.compute.duration(node, &job));
        20.0 * (both[0] + both[1]).as_secs_f64()
    };
    let run = run(&scenario);
    let zero = run.zero.expect("learning began");
    let took = run.reports.iter().map(|it| it.finished_at.expect("all finish").since(zero).as_secs_f64());
    took.zip((0..30).map(own)).collect()
}

#[test]
fn who_waits_for_nobody_takes_as_long_as_its_own_computing() {
    let slowest = |pace: &[(f64, f64)]| pace.iter().map(|it| it.1).fold(0.0, f64::max);
    let free = pace("asynchronous");
    for (took, own) in &free {
        // Beside computing there is a call for each step, sometimes after a refusal, and what others ask for.
        assert!(took >= own && *took < own + 20.0 * 0.005, "{took} s, and {own} s of computing");
    }
    let bound = pace("synchronous");
    for (took, own) in &bound {
        assert!(
            took >= own && *took > 0.8 * slowest(&bound),
            "{took} s, and the slowest {} s",
            slowest(&bound)
        );
    }
    assert!(free.iter().filter(|it| it.0 < 0.5 * slowest(&free)).count() > 20, "most are long done by then");
}
