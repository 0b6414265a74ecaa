//! Liveness: P2PFL without its traps never stands still. Networks are drawn with everything that goes wrong in a script and on
//! lines, as long as it comes right again; each has to end with all nodes finished. Where a network cannot, for a reason that
//! its settings explain, `check` says so beforehand, and it is not among those that are counted.

use crate::running;
use p2pfl_sim::metrics::result::Outcome;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many are drawn.
const NETWORKS: u64 = 500;
/// What `check` warns of where a network cannot be expected to end well.
const EXPLAINED: [&str; 6] =
    ["topology", "out-of-reach", "calls-time-out", "models-time-out", "slow-uplink", "cap-exceeded"];

fn topology(random: &mut Pcg64, nodes: u32) -> Value {
    match random.random_range(0..10) {
        0 => json!({ "kind": "ring" }),
        1 => json!({ "kind": "line" }),
        2 => json!({ "kind": "star" }),
        3 => json!({ "kind": "full" }),
        4 => json!({ "kind": "static_exponential" }),
        5 if nodes > 4 => json!({ "kind": "barabasi_albert", "m": 2 }),
        6 if nodes > 6 => json!({ "kind": "watts_strogatz", "k": 4, "p": 0.2 }),
        7 if nodes > 4 => {
            json!({ "kind": "random_regular", "degree": if nodes.is_multiple_of(2) { 3 } else { 4 } })
        }
        8 => json!({ "kind": "erdos_renyi", "p": 0.6 }),
        _ => json!({ "kind": "random_k", "k": 3.min(nodes - 1) }),
    }
}

/// Some of the nodes; never all of them.
fn some(random: &mut Pcg64, nodes: u32) -> Vec<u32> {
    let many = random.random_range(1..=(nodes / 2).max(1)) as usize;
    let mut some: Vec<u32> =
        rand::seq::index::sample(random, nodes as usize, many).into_iter().map(|it| it as u32).collect();
    some.sort_unstable();
    some
}

/// What goes wrong and comes right again, at whole seconds.
fn script(random: &mut Pcg64, nodes: u32) -> Vec<Value> {
    let mut script = Vec::new();
    let at = |seconds: u32| format!("{seconds}s");
    let mut away: Vec<u32> = Vec::new();
    let mut parted = false;
    for _ in 0..random.random_range(0..4) {
        let from = random.random_range(0..90);
        let until = from + random.random_range(1..120);
        let which = some(random, nodes);
        match random.random_range(0..6) {
            0 if which.iter().all(|it| !away.contains(it)) => {
                away.extend(&which);
                script.push(json!({ "at": at(from), "do": "crash", "nodes": which }));
                script.push(json!({ "at": at(until), "do": "restart", "nodes": which }));
            }
            // Who joins was not there before; the initiator has to be.
            1 if which.iter().all(|it| !away.contains(it) && *it != 0) => {
                away.extend(&which);
                script.push(json!({ "at": at(until), "do": "join", "nodes": which }));
            }
            2 if !parted => {
                parted = true;
                let rest: Vec<u32> = (0..nodes).filter(|it| !which.contains(it)).collect();
                script.push(json!({ "at": at(from), "do": "partition", "groups": [which, rest] }));
                script.push(json!({ "at": at(until), "do": "heal" }));
            }
            3 => {
                let factor = random.random_range(2..8);
                script.push(json!({ "at": at(from), "do": "slow", "nodes": which, "link": factor, "compute": factor }));
            }
            4 if which.iter().all(|it| !away.contains(it)) => {
                away.extend(&which);
                let mean = |seconds: u32| json!({ "kind": "exponential", "mean": at(seconds) });
                let session = mean(random.random_range(20..120));
                let absence = mean(random.random_range(5..60));
                script.push(json!({ "at": at(from), "do": "churn", "nodes": which, "session": session, "absence": absence, "until": at(until) }));
            }
            _ => {}
        }
    }
    script
}

fn network(random: &mut Pcg64) -> Value {
    let mut network = json!({ "latency": *["1ms", "20ms", "150ms", "400ms"].choose(random).unwrap() });
    if random.random_bool(0.5) {
        network["packet_loss"] = json!(*[0.01, 0.05, 0.2].choose(random).unwrap());
        network["lossy"] = random.random_bool(0.5).into();
    }
    if random.random_bool(0.3) {
        network["jitter"] = json!({ "kind": "exponential", "mean": "30ms" });
    }
    if random.random_bool(0.2) {
        network["duplication"] = json!(0.05);
    }
    if random.random_bool(0.3) {
        network["uplink"] = json!("10Mbps");
    }
    network
}

fn drawn(seed: u64) -> Value {
    let random = &mut Pcg64::seed_from_u64(seed);
    let nodes = random.random_range(2..=16);
    let way = *["push", "pull", "push_pull"].choose(random).unwrap();
    let mut learning = json!({ "model": { "kind": "synthetic", "size": "10kB" } });
    if random.random_bool(0.5) {
        learning["compute"] = json!({ "train": { "kind": "lognormal", "median": "5s", "sigma": 1.0 } });
    }
    json!({
        "seed": seed, "nodes": nodes, "topology": topology(random, nodes),
        "workflow": {
            "kind": "p2pfl", "variant": "repaired", "rounds": random.random_range(1..=4), "dissemination": way,
            "trainset_size": random.random_range(1..=4.min(nodes)),
        },
        "settings": { "gossip": { "ttl": 32 } },
        "learning": learning, "network": network(random), "script": script(random, nodes),
        "limits": { "time": "2h" },
    })
}

#[test]
fn networks_whose_faults_come_right_again_end_with_everyone_finished() {
    let (next, drawn_so_far) = (AtomicU64::new(0), AtomicU64::new(0));
    let stuck = Mutex::new(Vec::new());
    let work = || {
        while drawn_so_far.load(Ordering::Relaxed) < NETWORKS {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let scenario = drawn(seed);
            let (warned, result) = running::tried(&scenario);
            if warned.iter().any(|it| EXPLAINED.contains(it)) {
                continue;
            }
            drawn_so_far.fetch_add(1, Ordering::Relaxed);
            // Where most models get lost all of them may be, which is a failure, and told beforehand. Nobody stands still for it.
            let none_arrived = result.reason.as_deref().is_some_and(|it| it.contains("none arrived"));
            let explained =
                result.outcome == Outcome::Failed && none_arrived && warned.contains(&"models-get-lost");
            let ended = result.outcome == Outcome::Completed || explained;
            if !ended || result.nodes.finished != result.nodes.total {
                stuck.lock().unwrap().push(format!("{:?} {:?}: {scenario}", result.outcome, result.stalled));
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let stuck = stuck.into_inner().unwrap();
    assert!(stuck.is_empty(), "{} of {NETWORKS} networks:\n{}", stuck.len(), stuck.join("\n"));
}
