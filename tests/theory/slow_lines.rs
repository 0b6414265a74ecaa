//! Slow lines: some nodes of `dpsgd` have links that are so many times slower, for the whole run or for a part of it. When
//! each node is done comes from a simulation of queues that shares nothing with the program but the graph.

use crate::running::{plan, run};
use p2pfl_sim::metrics::Phase;
use p2pfl_sim::wire::Command;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

const ROUNDS: u32 = 5;

/// In nanoseconds.
const TRAIN: u64 = 100_000_000;
const AGGREGATE: u64 = 5_000_000;
const LATENCY: u64 = 10_000_000;

/// Bits a second, of every uplink and every downlink.
const RATE: u64 = 60_000_000;

/// Ten nodes with four neighbours each, which swap models of 1 MB; `script` says who is slow and when.
fn scenario(script: Value) -> Value {
    json!({
        "nodes": 10,
        "topology": { "kind": "random_regular", "degree": 4 },
        "workflow": { "kind": "dpsgd", "rounds": ROUNDS },
        "settings": { "general": { "grpc_timeout": "600s" }, "training": { "aggregation_timeout": "600s" } },
        "learning": {
            "model": { "kind": "synthetic", "size": "1MB" },
            "compute": { "train": "100ms", "aggregate": "5ms" }
        },
        "network": { "latency": "10ms", "uplink": "60Mbps", "downlink": "60Mbps" },
        "script": script
    })
}

/// A node of the model.
#[derive(Default)]
struct Node {
    round: u32,
    trained: bool,
    /// Models that are through the downlink: of which round, and whose.
    taken: BTreeSet<(u32, u32)>,
    /// When the queues at both ends of its line are empty.
    up: u64,
    down: u64,
    finished: u64,
}

/// What happens to a node.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrived { from: u32, round: u32 },
    Taken { from: u32, round: u32 },
    Trained,
    Mixed,
}

/// When each node has ended its last round, in nanoseconds since learning began. `slow` says how many times slower the
/// link of a node is at a time.
fn finished(neighbours: &[Vec<u32>], bytes: u64, slow: impl Fn(u32, u64) -> u64) -> Vec<u64> {
    let serving = (bytes * 8 * 1_000_000_000).div_ceil(RATE);
    let mut nodes: Vec<Node> = neighbours.iter().map(|_| Node::default()).collect();
    let mut agenda = BinaryHeap::new();
    for node in 0..nodes.len() as u32 {
        agenda.push(Reverse((TRAIN, node, What::Trained)));
    }
    while let Some(Reverse((now, i, what))) = agenda.pop() {
        let node = &mut nodes[i as usize];
        match what {
            What::Trained => {
                node.trained = true;
                for &to in &neighbours[i as usize] {
                    node.up = node.up.max(now) + serving * slow(i, now);
                    let way = LATENCY * slow(i, now).max(slow(to, now));
                    agenda.push(Reverse((node.up + way, to, What::Arrived { from: i, round: node.round })));
                }
            }
            What::Arrived { from, round } => {
                node.down = node.down.max(now) + serving * slow(i, now);
                agenda.push(Reverse((node.down, i, What::Taken { from, round })));
            }
            What::Taken { from, round } => drop(node.taken.insert((round, from))),
            What::Mixed => {
                node.round += 1;
                node.finished = now;
                if node.round < ROUNDS {
                    agenda.push(Reverse((now + TRAIN, i, What::Trained)));
                }
            }
        }
        if node.trained && neighbours[i as usize].iter().all(|&from| node.taken.contains(&(node.round, from)))
        {
            node.trained = false;
            agenda.push(Reverse((now + AGGREGATE, i, What::Mixed)));
        }
    }
    nodes.into_iter().map(|node| node.finished).collect()
}

/// When the last node is done by the queues, in seconds, after each node of a run was when they say.
fn last_of(script: Value, slow: impl Fn(u32, u64) -> u64) -> f64 {
    let scenario = scenario(script);
    let graph = plan(&scenario).graph;
    let neighbours: Vec<Vec<u32>> = (0..10).map(|node| graph.neighbours(node).collect()).collect();
    let run = run(&scenario);
    let counts = run.recorder.counts(Phase::Learning, Command::PartialModel);
    let law = finished(&neighbours, counts.wire_bytes / counts.sent, slow);
    let zero = run.zero.expect("learning began");
    for (node, (report, law)) in run.reports.iter().zip(&law).enumerate() {
        let took = report.finished_at.expect("all finish").since(zero).as_nanos();
        assert_eq!(took, u128::from(*law), "node {node}");
    }
    *law.iter().max().expect("nodes") as f64 / 1e9
}

#[test]
fn a_slow_line_holds_up_what_goes_through_it_at_both_ends() {
    let ordinary = last_of(json!([]), |_, _| 1);
    let half = last_of(json!([{ "at": "0s", "do": "slow", "nodes": ["0-4"], "link": 5 }]), |node, _| {
        if node < 5 { 5 } else { 1 }
    });
    let all = last_of(json!([{ "at": "0s", "do": "slow", "nodes": ["0-9"], "link": 5 }]), |_, _| 5);
    let near = |is: f64, law: f64| (is / law - 1.0).abs() < 0.02;
    assert!(near(ordinary, 4.7) && near(half, 15.9) && near(all, 21.5), "{ordinary} s, {half} s, {all} s");
}

#[test]
fn lines_that_are_all_slow_are_those_of_a_slower_network() {
    let slow = last_of(json!([{ "at": "0s", "do": "slow", "nodes": ["0-9"], "link": 5 }]), |_, _| 5);
    let mut scenario = scenario(json!([]));
    scenario["network"] = json!({ "latency": "50ms", "uplink": "12Mbps", "downlink": "12Mbps" });
    let run = run(&scenario);
    let zero = run.zero.expect("learning began");
    let finished = run.reports.iter().map(|it| it.finished_at.expect("all finish").since(zero));
    let last = finished.max().expect("nodes").as_secs_f64();
    // What a transfer takes is rounded to a nanosecond before it is taken five times.
    assert!((slow - last).abs() < 1e-6, "{slow} s, {last} s");
}

#[test]
fn a_line_that_becomes_slow_and_fast_again_serves_what_is_queued_as_it_was_when_it_came() {
    let script = json!([
        { "at": "1.25s", "do": "slow", "nodes": ["0-4"], "link": 5 },
        { "at": "2s", "do": "slow", "nodes": ["3-6"], "link": 3 },
        { "at": "5s", "do": "slow", "nodes": ["0-9"], "link": 1 }
    ]);
    let slow = |node: u32, at: u64| match (node, at) {
        (_, 5_000_000_000..) => 1,
        (3..=6, 2_000_000_000..) => 3,
        (0..=4, 1_250_000_000..) => 5,
        _ => 1,
    };
    let last = last_of(script, slow);
    let ordinary = last_of(json!([]), |_, _| 1);
    assert!(last > ordinary + 1.0, "{last} s, {ordinary} s");
}
