//! Gossip along a line: it takes the sum of its hops, and at each node on its way the wait for that node's next batch.

use crate::running::{Happening, plan, watched};
use p2pfl_sim::engine::Run;
use p2pfl_sim::random::{Purpose, Stream};
use rand::Rng as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NODES: u32 = 14;
const PERIOD: i64 = 100_000_000;
const SEED: u64 = 9;

fn scenario() -> Value {
    json!({
        "seed": SEED,
        "nodes": NODES,
        "topology": { "kind": "line" },
        "workflow": { "kind": "p2pfl", "rounds": 2, "trainset_size": 3 },
        "settings": { "gossip": { "period": "100ms", "ttl": 20, "messages_per_period": 100_000 } },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } },
        "network": { "latency": { "kind": "lognormal", "median": "40ms", "sigma": 0.8 } }
    })
}

/// A gossip message as a node gets it.
struct Heard {
    at: i64,
    node: u32,
    from: u32,
    source: u32,
    hash: i64,
    hops: u32,
    command: String,
}

fn heard(happenings: &[Happening]) -> Vec<Heard> {
    let of = |it: &Happening| {
        let from = it.what["from"].as_u64().expect("a number") as u32;
        let messages = it.what["messages"].as_array().expect("a list");
        let heard = |message: &Value| Heard {
            at: it.at,
            node: it.node,
            from,
            source: message["source"].as_u64().expect("a number") as u32,
            hash: message["hash"].as_i64().expect("a number"),
            hops: 21 - message["ttl"].as_u64().expect("a number") as u32,
            command: message["command"].as_str().expect("a word").to_owned(),
        };
        messages.iter().map(heard).collect::<Vec<_>>()
    };
    happenings.iter().filter(|it| it.is("gossip")).flat_map(of).collect()
}

/// Only what was new: on a line nothing comes from two sides, so a message that goes away from its source is.
fn firsts(heard: Vec<Heard>) -> Vec<Heard> {
    heard.into_iter().filter(|it| it.source.abs_diff(it.node) == it.source.abs_diff(it.from) + 1).collect()
}

/// When a node hands on what it gets at a time: the next instant on a grid whose offset is drawn from the seed.
fn batch(run: &Run, node: u32, at: i64) -> i64 {
    let zero = run.zero.expect("learning began").as_nanos() as i64;
    let offset = (Stream::new(SEED, node.into(), Purpose::Phase, 0).next_u64() % PERIOD as u64) as i64;
    ((at + zero - offset).div_euclid(PERIOD) + 1) * PERIOD + offset - zero
}

#[test]
fn gossip_takes_the_sum_of_its_hops_and_waits() {
    let plan = plan(&scenario());
    let links = plan.links.as_ref().expect("a network");
    let hop = |a: u32, b: u32| links.latency(a, b).as_nanos() as i64;
    let (run, happenings) = watched(&scenario());
    let firsts = firsts(heard(&happenings));
    let mut at: BTreeMap<(i64, u32), i64> = BTreeMap::new();
    for it in &firsts {
        assert!(at.insert((it.hash, it.node), it.at).is_none(), "twice at {}", it.node);
    }
    let mut steps = 0;
    for it in firsts.iter().filter(|it| it.from != it.source) {
        let before = at[&(it.hash, it.from)];
        assert_eq!(it.at, batch(&run, it.from, before) + hop(it.from, it.node), "{} to {}", it.from, it.node);
        steps += 1;
    }
    assert!(steps > 1_000, "{steps}");
    // The start of learning goes from one end to the other.
    let start: Vec<&Heard> = firsts.iter().filter(|it| it.command == "start_learning").collect();
    assert_eq!(start.len() as u32, NODES - 1);
    assert!(start.iter().map(|it| it.node).eq(1..NODES), "one after another");
    let mut ways = 0;
    for it in start {
        let (k, node) = (i64::from(it.hops), it.node);
        assert_eq!(k, i64::from(node));
        ways += hop(node - 1, node);
        let least = ways;
        let most = ways + (k - 1) * PERIOD;
        assert!((least..=most).contains(&it.at), "node {node}: {} is not in {least}..={most}", it.at);
    }
}

#[test]
fn hops_are_distances() {
    let (run, happenings) = watched(&scenario());
    let plan = plan(&scenario());
    let links = plan.links.as_ref().expect("a network");
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for it in firsts(heard(&happenings)) {
        assert_eq!(it.hops, it.source.abs_diff(it.node));
        // What was sent before learning began belongs to set-up.
        if it.at >= links.latency(it.from, it.node).as_nanos() as i64 {
            *counts.entry(it.hops.into()).or_default() += 1;
        }
    }
    let told: BTreeMap<u64, u64> = run.recorder.hops_histogram().values().collect();
    assert_eq!(told, counts);
    // Of a line of n nodes n − k pairs are k apart; all speak alike, so that is how hops are shared out, but for beats
    // that were still on their way as learning began or ended.
    let all: u64 = counts.values().sum();
    let pairs = f64::from(NODES * (NODES - 1) / 2);
    for (hops, count) in counts {
        let (is, law) = (count as f64 / all as f64, (f64::from(NODES) - hops as f64) / pairs);
        assert!((is - law).abs() < 0.01, "{hops} hops: {is}, not {law}");
    }
}
