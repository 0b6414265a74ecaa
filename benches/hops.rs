//! What a message costs: tasks that swap messages with their neighbours, once bare (tokio and flume, nothing else) and
//! once as nodes of `dpsgd`; and the flooding of `full-64` with and without recording.
//!
//! Everything runs in one process on one thread, one after another and interleaved, so that the machine's mood hits
//! all alike; what counts are the ratios. `cargo bench --bench hops`

#[path = "shared/cpu.rs"]
mod cpu;
#[path = "shared/unwatched.rs"]
mod unwatched;

use anyhow::Result;
use cpu::{cpu_ns, median};
use p2pfl_sim::engine;
use p2pfl_sim::metrics::Recording;
use p2pfl_sim::scenario;
use p2pfl_sim::simulation::{Options, prepare};
use std::path::Path;
use std::sync::Arc;
use unwatched::Unwatched;

const NODES: u32 = 10_000;
const DEGREE: u32 = 8;
/// A hop is what the rounds between these cost: setting up and taking down is not part of it.
const ROUNDS: (u32, u32) = (10, 40);
const REPEATS: usize = 5;

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    let (nodes, repeats) = if quick { (200, 1) } else { (NODES, REPEATS) };
    let mut hops = Vec::new();
    for _ in 0..repeats {
        hops.push((marginal(|rounds| bare(nodes, rounds))?, marginal(|rounds| dpsgd(nodes, rounds))?));
    }
    let bare = median(hops.iter().map(|it| it.0));
    let ours = median(hops.iter().map(|it| it.1));
    let ratio = median(hops.iter().map(|it| it.1 / it.0));
    println!("a hop among {nodes} tasks, {DEGREE} neighbours each, 2 KiB bodies by reference");
    println!("  bare tokio + flume      {bare:7.1} ns CPU a message");
    println!(
        "  nodes of dpsgd          {ours:7.1} ns CPU a message, {ratio:.2} times that (median of pairs)"
    );

    let mut full = Vec::new();
    for _ in 0..repeats {
        full.push((full_64(Recording::On)?, full_64(Recording::Off)?));
    }
    let (on, off) = (median(full.iter().map(|it| it.0)), median(full.iter().map(|it| it.1)));
    let cost = median(full.iter().map(|it| 1.0 - it.1 / it.0));
    println!("flooding, scenarios/full-64.json at speedup 10");
    println!("  recording               {on:7.1} ns CPU a handled message");
    println!("  not recording           {off:7.1} ns CPU a handled message");
    println!("  recording is {:.1} % of the CPU time (median of pairs)", 100.0 * cost);
    Ok(())
}

/// CPU nanoseconds a message, between a shorter and a longer run.
fn marginal(run: impl Fn(u32) -> Result<(f64, f64)>) -> Result<f64> {
    let (short, long) = (run(ROUNDS.0)?, run(ROUNDS.1)?);
    Ok((long.0 - short.0) / (long.1 - short.1))
}

/// CPU nanoseconds and messages of bare tasks: every one sends a shared body to its neighbours and waits for
/// theirs, round after round.
fn bare(nodes: u32, rounds: u32) -> Result<(f64, f64)> {
    let graph = Arc::new(graph(nodes)?);
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..nodes).map(|_| flume::unbounded::<(u32, Arc<[u8]>)>()).unzip();
    let senders = Arc::new(senders);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let before = cpu_ns()?;
    let taken: u64 = runtime.block_on(async {
        let tasks: Vec<_> = (0..nodes)
            .zip(receivers)
            .map(|(id, receiver)| {
                let (graph, senders) = (Arc::clone(&graph), Arc::clone(&senders));
                tokio::spawn(async move {
                    let neighbours: Vec<u32> = graph.neighbours(id).collect();
                    let body: Arc<[u8]> = vec![0; 2_048].into();
                    let mut taken = 0;
                    for _ in 0..rounds {
                        for &peer in &neighbours {
                            let _ = senders[peer as usize].send((id, Arc::clone(&body)));
                        }
                        for _ in &neighbours {
                            taken += u64::from(receiver.recv_async().await.is_ok());
                        }
                    }
                    taken
                })
            })
            .collect();
        let mut all = 0;
        for task in tasks {
            all += task.await.unwrap_or(0);
        }
        all
    });
    Ok((cpu_ns()? - before, taken as f64))
}

/// The same as nodes: training and mixing take no time, so nothing but messages is left.
fn dpsgd(nodes: u32, rounds: u32) -> Result<(f64, f64)> {
    run(
        &format!(
            r#"{{ "name": "hops", "nodes": {nodes}, "speedup": 1,
                  "topology": {{ "kind": "random_regular", "degree": {DEGREE} }},
                  "workflow": {{ "kind": "dpsgd", "rounds": {rounds} }},
                  "learning": {{ "model": {{ "kind": "synthetic", "size": "2KiB" }},
                                 "compute": {{ "train": "0s", "evaluate": "0s", "aggregate": "0s" }} }} }}"#
        ),
        Recording::On,
    )
}

fn full_64(recording: Recording) -> Result<f64> {
    let text = std::fs::read_to_string("scenarios/full-64.json")?;
    let (spent, messages) = run(&text.replace("\"speedup\": 2", "\"speedup\": 10"), recording)?;
    Ok(spent / messages)
}

/// CPU nanoseconds and handled messages of a run, set-up included.
fn run(text: &str, recording: Recording) -> Result<(f64, f64)> {
    let mut loaded = scenario::parse(text, "benchmark", &[]).map_err(|it| anyhow::anyhow!("{it}"))?;
    let prepared =
        prepare(&mut loaded, Options { threads: 1, recording }).map_err(|it| anyhow::anyhow!("{it}"))?;
    let before = cpu_ns()?;
    let run = engine::run(prepared.plan, &mut Unwatched)?;
    let spent = cpu_ns()? - before;
    anyhow::ensure!(run.nodes.finished == run.nodes.total, "{:?}: {:?}", run.outcome, run.reason);
    Ok((spent, run.recorder.handled().0 as f64))
}

fn graph(nodes: u32) -> Result<p2pfl_sim::topology::Graph> {
    let text = format!(r#"{{ "kind": "random_regular", "degree": {DEGREE} }}"#);
    let topology: p2pfl_sim::topology::Topology = serde_json::from_str(&text)?;
    Ok(topology.build(nodes, 0, Path::new(""))?.graph)
}
