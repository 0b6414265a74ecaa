//! What an event costs: the event engine's core beside a bare binary heap and bare windows, with PHOLD; its threads;
//! and whole runs of nodes on the virtual clock.
//!
//! Everything runs in one process, one after another and interleaved, so that the machine's mood hits all alike; what
//! counts are the ratios. `cargo bench --bench events`

mod phold;

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use phold::{Heap, Loop, OurCore, Outcome, Threads, Windows};
use std::time::Instant;

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    phold(quick)
}

fn phold(quick: bool) -> Result<()> {
    // Processes, windows to warm up, windows that count.
    let sizes: &[(u32, u64, u64)] = if quick {
        &[(100, 20, 20)]
    } else {
        &[(1_000, 500, 15_000), (100_000, 40, 200), (1_000_000, 30, 30)]
    };
    println!("PHOLD, million events a CPU second on one thread, and million events a second on two");
    for &(processes, warm, windows) in sizes {
        let repeats = if quick { 1 } else { 5 };
        let mut rows = Vec::new();
        for _ in 0..repeats {
            let heap = measure::<Heap>(processes, warm, windows)?;
            let bare = measure::<Windows>(processes, warm, windows)?;
            let core = measure::<OurCore>(processes, warm, windows)?;
            let one = measure::<Threads<1>>(processes, warm, windows)?;
            let two = measure::<Threads<2>>(processes, warm, windows)?;
            for it in [&bare, &core, &one, &two] {
                ensure!(it.outcome == heap.outcome, "{:?} is not {:?}", it.outcome, heap.outcome);
            }
            rows.push([heap, bare, core, one, two]);
        }
        let rate = |i: usize| median(rows.iter().map(|row| row[i].outcome.events as f64 / row[i].cpu / 1e6));
        let ratio = |a: usize, b: usize| median(rows.iter().map(|row| row[b].cpu / row[a].cpu));
        println!(
            "{processes:>9} heap {:.1} bare {:.1} core {:.1}  core/heap {:.2} core/bare {:.2} two/one wall {:.2}",
            rate(0),
            rate(1),
            rate(2),
            ratio(2, 0),
            ratio(2, 1),
            median(rows.iter().map(|row| row[3].wall / row[4].wall))
        );
    }
    Ok(())
}

/// One measurement.
struct Measured {
    outcome: Outcome,
    /// Seconds.
    cpu: f64,
    wall: f64,
}

fn measure<L: Loop>(processes: u32, warm: u64, windows: u64) -> Result<Measured> {
    let mut it = L::new(processes);
    it.run(warm);
    let before = it.outcome().events;
    let (cpu, wall) = (cpu()?, now());
    it.run(warm + windows);
    let (cpu, wall) = (self::cpu()? - cpu, wall.elapsed().as_secs_f64());
    let mut outcome = it.outcome();
    outcome.events -= before;
    Ok(Measured { outcome, cpu, wall })
}

#[expect(clippy::disallowed_methods, reason = "what is measured is how long it takes")]
fn now() -> Instant {
    Instant::now()
}

/// CPU time of the process, in seconds.
fn cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("getrusage")?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 * 1e-6)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
