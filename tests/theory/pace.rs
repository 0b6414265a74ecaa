//! How fast rounds follow each other where nodes and links differ: `dpsgd` waits for its neighbours, so a round ends when
//! the last of them has ended the one before, trained and sent. In time that is linear over maximum and sum (Baccelli,
//! Cohen, Olsder and Quadrat 1992, "Synchronization and Linearity").

use crate::running::{plan, run, watched};
use p2pfl_sim::engine::Plan;
use p2pfl_sim::learning::Mixture;
use p2pfl_sim::node::io::Job;
use serde_json::{Value, json};
use std::sync::Arc;

fn scenario(nodes: u32, topology: Value, rounds: u32, sigma: f64) -> Value {
    json!({
        "seed": 5,
        "nodes": nodes,
        "topology": topology,
        "workflow": { "kind": "dpsgd", "rounds": rounds },
        "learning": {
            "model": { "kind": "averaging" },
            "compute": {
                "train": { "kind": "lognormal", "median": "1s", "sigma": sigma },
                "aggregate": { "kind": "uniform", "min": "1ms", "max": "40ms" }
            }
        },
        "network": { "latency": { "kind": "lognormal", "median": "150ms", "sigma": 0.7 } }
    })
}

/// How long a node trains and mixes, in nanoseconds.
fn computes(plan: &Plan, node: u32) -> (u64, u64) {
    let start = plan.learner.initial(node);
    let nanos = |job: &Job| plan.compute.duration(node, job).as_nanos() as u64;
    let train = Job::Train { round: 0, epochs: 1, start: Arc::clone(&start), state: None };
    (nanos(&train), nanos(&Job::Aggregate(Mixture::of(&[(start, 1.0)]))))
}

/// How long it takes from the end of a round at one node to the end of the next at a neighbour, or at itself.
fn step(plan: &Plan, from: u32, to: u32) -> u64 {
    let way = match &plan.links {
        Some(links) if from != to => links.latency(from, to).as_nanos() as u64,
        _ => 0,
    };
    computes(plan, from).0 + way + computes(plan, to).1
}

/// When each node ends each round: x_i ← max over j of (x_j + what the way from j to i takes).
fn ends(plan: &Plan) -> Vec<Vec<u64>> {
    let nodes = plan.nodes();
    let near = |i: u32| plan.graph.neighbours(i).chain([i]).map(move |j| (j, step(plan, j, i)));
    let ways: Vec<Vec<(u32, u64)>> = (0..nodes).map(|i| near(i).collect()).collect();
    let mut rounds = vec![vec![0; nodes as usize]];
    for _ in 0..plan.rules.workflow.rounds() {
        let last = &rounds[rounds.len() - 1];
        let end = |ways: &Vec<(u32, u64)>| ways.iter().map(|&(j, takes)| last[j as usize] + takes).max();
        rounds.push(ways.iter().map(|it| end(it).expect("a node is its own neighbour")).collect());
    }
    rounds
}

#[test]
fn every_round_of_every_node_ends_at_the_sum_of_its_longest_way() {
    for topology in [
        json!({ "kind": "line" }),
        json!({ "kind": "ring" }),
        json!({ "kind": "random_regular", "degree": 4 }),
        json!({ "kind": "star" }),
    ] {
        let scenario = scenario(24, topology.clone(), 40, 0.5);
        let law = ends(&plan(&scenario));
        let (_, happenings) = watched(&scenario);
        for node in 0..24 {
            // Of its jobs every other is mixing, which ends a round.
            let jobs = happenings.iter().filter(|it| it.node == node && it.is("job_done"));
            let ended: Vec<u64> = jobs.skip(1).step_by(2).map(|it| it.at as u64).collect();
            let law: Vec<u64> = law[1..].iter().map(|round| round[node as usize]).collect();
            assert_eq!(ended, law, "{topology}, node {node}");
        }
    }
}

#[test]
fn a_line_goes_at_the_pace_of_its_slowest_node_or_pair() {
    // The pace is the largest mean over the circles of the graph, and on a line there are none but to oneself and to a
    // neighbour and back. In the end one such circle holds up all: two rounds take
    // exactly twice the pace.
    for sigma in [0.0, 0.3, 1.0] {
        let scenario = scenario(20, json!({ "kind": "line" }), 1_000, sigma);
        let plan = plan(&scenario);
        let alone = (0..20).map(|i| 2 * step(&plan, i, i));
        let pairs = (1..20).map(|i| step(&plan, i - 1, i) + step(&plan, i, i - 1));
        let two_rounds = alone.chain(pairs).max().expect("nodes");
        let law = ends(&plan);
        let last = &law[law.len() - 1];
        for (node, (end, before)) in last.iter().zip(&law[law.len() - 3]).enumerate() {
            assert_eq!(end - before, two_rounds, "sigma {sigma}, node {node}");
        }
        let run = run(&scenario);
        let zero = run.zero.expect("learning began");
        for (node, report) in run.reports.iter().enumerate() {
            let took = report.finished_at.expect("all finish").since(zero).as_nanos() as u64;
            assert_eq!(took, last[node], "sigma {sigma}, node {node}");
        }
    }
}

#[test]
fn where_all_are_alike_a_round_is_training_a_hop_and_mixing() {
    let mut scenario = scenario(9, json!({ "kind": "line" }), 60, 0.0);
    scenario["learning"]["compute"] = json!({ "train": "1s", "aggregate": "5ms" });
    scenario["network"] = json!({ "latency": "30ms" });
    let run = run(&scenario);
    let zero = run.zero.expect("learning began");
    for report in &run.reports {
        let took = report.finished_at.expect("all finish").since(zero).as_nanos();
        assert_eq!(took, 60 * 1_035_000_000);
    }
}
