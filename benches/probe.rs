//! What a probe of 64 B costs over memory, against bare tokio and flume: the same messages and answers between as many
//! tasks, a shared body in each message, nothing else.
//!
//! Both run in one process on one thread, interleaved, so that the machine's mood hits both alike; what counts are the
//! ratios. `cargo bench --bench probe`

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
use std::sync::Arc;
use unwatched::Unwatched;

const REPEATS: usize = 7;
/// Messages of all nodes together, in the shorter and the longer of two runs: setting up and taking down is not part of
/// what a message costs.
const MESSAGES: (u64, u64) = (400_000, 2_400_000);

/// What is exchanged.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    nodes: u32,
    concurrency: u32,
    one_way: bool,
}

const CASES: [Case; 5] = [
    Case { name: "request, 2 nodes, 1 under way", nodes: 2, concurrency: 1, one_way: false },
    Case { name: "request, 2 nodes, 64 under way", nodes: 2, concurrency: 64, one_way: false },
    Case { name: "request, 1,000 pairs, 1 under way", nodes: 2_000, concurrency: 1, one_way: false },
    Case { name: "request, 1,000 pairs, 16 under way", nodes: 2_000, concurrency: 16, one_way: false },
    Case { name: "one_way, 2 nodes, 64 under way", nodes: 2, concurrency: 64, one_way: true },
];

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    let (messages, repeats) = if quick { ((4_000, 8_000), 1) } else { (MESSAGES, REPEATS) };
    println!("ns of CPU a message of 64 B, with its answer where it has one (median of {repeats} pairs)");
    for case in CASES {
        let mut pairs = Vec::new();
        for _ in 0..repeats {
            pairs.push((marginal(case, messages, bare)?, marginal(case, messages, probe)?));
        }
        println!(
            "  {:36} bare {:6.1}   probe {:6.1}   ratio {:.2}",
            case.name,
            median(pairs.iter().map(|it| it.0)),
            median(pairs.iter().map(|it| it.1)),
            median(pairs.iter().map(|it| it.1 / it.0)),
        );
    }
    Ok(())
}

/// CPU nanoseconds a message, between a shorter and a longer run.
fn marginal(case: Case, messages: (u64, u64), run: impl Fn(Case, u64) -> Result<f64>) -> Result<f64> {
    let each = |all: u64| (all / u64::from(case.nodes)).max(1);
    let (short, long) = (each(messages.0), each(messages.1));
    let spent = run(case, long)? - run(case, short)?;
    Ok(spent / ((long - short) * u64::from(case.nodes)) as f64)
}

enum Item {
    Message { body: Arc<[u8]>, ask: bool },
    Answer,
}

/// CPU nanoseconds of bare tasks that send each other so many messages each.
fn bare(case: Case, count: u64) -> Result<f64> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..case.nodes).map(|_| flume::unbounded::<Item>()).unzip();
    let senders = Arc::new(senders);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let every = if case.one_way { u64::from(case.concurrency.div_ceil(2)) } else { 1 };
    let before = cpu_ns()?;
    let taken: u64 = runtime.block_on(async {
        let tasks: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(id, receiver)| {
                let senders = Arc::clone(&senders);
                tokio::spawn(async move {
                    let peer = &senders[id ^ 1];
                    let body: Arc<[u8]> = vec![0; 64].into();
                    let (mut sent, mut open, mut taken, mut bytes) = (0, 0, 0, 0);
                    let mut fill = |open: &mut u64, answered: u64| {
                        *open -= answered;
                        while *open < u64::from(case.concurrency) && sent < count {
                            sent += 1;
                            *open += 1;
                            let ask = sent % every == 0 || sent == count;
                            let _ = peer.send(Item::Message { body: Arc::clone(&body), ask });
                        }
                        sent == count && *open < every
                    };
                    let mut done = fill(&mut open, 0);
                    while !(done && taken == count) {
                        match receiver.recv_async().await {
                            Ok(Item::Message { body, ask }) => {
                                taken += 1;
                                bytes += body.len() as u64;
                                if ask {
                                    let _ = peer.send(Item::Answer);
                                }
                            }
                            Ok(Item::Answer) => {
                                let answered = every.min(open);
                                done = fill(&mut open, answered);
                            }
                            Err(_) => break,
                        }
                    }
                    bytes / 64
                })
            })
            .collect();
        let mut all = 0;
        for task in tasks {
            all += task.await.unwrap_or(0);
        }
        all
    });
    let spent = cpu_ns()? - before;
    anyhow::ensure!(taken == count * u64::from(case.nodes), "{taken} messages arrived");
    Ok(spent)
}

/// The same as nodes of a probe.
fn probe(case: Case, count: u64) -> Result<f64> {
    let Case { nodes, concurrency, one_way, .. } = case;
    let mode = if one_way { "one_way" } else { "request" };
    let text = format!(
        r#"{{ "name": "probe", "nodes": {nodes}, "topology": {{ "kind": "ring" }},
              "workflow": {{ "kind": "probe", "pattern": "pairs", "payload": "64B", "mode": "{mode}",
                             "concurrency": {concurrency}, "count": {count} }} }}"#
    );
    let mut loaded = scenario::parse(&text, "benchmark", &[]).map_err(|it| anyhow::anyhow!("{it}"))?;
    let options = Options { threads: 1, recording: Recording::On };
    let prepared = prepare(&mut loaded, options).map_err(|it| anyhow::anyhow!("{it}"))?;
    let before = cpu_ns()?;
    let run = engine::run(prepared.plan, &mut Unwatched)?;
    let spent = cpu_ns()? - before;
    anyhow::ensure!(run.nodes.finished == run.nodes.total, "{:?}: {:?}", run.outcome, run.reason);
    Ok(spent)
}
