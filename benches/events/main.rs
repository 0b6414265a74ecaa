//! What an event costs: the event engine's core beside a bare binary heap and bare windows, with PHOLD; its threads;
//! and whole runs of nodes on the virtual clock.
//!
//! Everything runs in one process, one after another and interleaved, so that the machine's mood hits all alike; what
//! counts are the ratios. `cargo bench --bench events` runs everything, and with `-- phold`, `-- nodes` or
//! `-- threads` a part of it.

mod clocks;
#[path = "../shared/cpu.rs"]
mod cpu;
mod nodes;
mod phold;
#[path = "../shared/unwatched.rs"]
mod unwatched;

use anyhow::{Result, ensure};
use clocks::{Clocks, Spent, spread};
use cpu::median;
use phold::{Heap, Loop, OurCore, Outcome, Threads, Windows};

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    let parts = ["phold", "nodes", "threads"];
    let asked = |part: &str| std::env::args().any(|arg| arg == part);
    let wanted = |part: &str| asked(part) || !parts.into_iter().any(asked);
    let repeats = if quick { 1 } else { 5 };
    if wanted("phold") {
        phold(quick, repeats)?;
    }
    if wanted("nodes") {
        nodes::costs(quick, repeats)?;
    }
    if wanted("threads") {
        nodes::threads(quick, repeats)?;
    }
    Ok(())
}

fn phold(quick: bool, repeats: usize) -> Result<()> {
    // Processes, windows to warm up, windows that count: a few million events each.
    let sizes: &[(u32, u64, u64)] = if quick {
        &[(100, 20, 20)]
    } else {
        &[(1_000, 500, 15_000), (100_000, 40, 200), (1_000_000, 30, 30)]
    };
    println!("PHOLD, 10 ms + Exp(40 ms), one event a process; million events a CPU second on one thread");
    println!("  processes    heap  windows    core   core:heap  core:windows    two threads : one, wall");
    for &(processes, warm, windows) in sizes {
        let mut rows = Vec::new();
        for _ in 0..repeats {
            let row = [
                measure::<Heap>(processes, warm, windows)?,
                measure::<Windows>(processes, warm, windows)?,
                measure::<OurCore>(processes, warm, windows)?,
                measure::<Threads<1>>(processes, warm, windows)?,
                measure::<Threads<2>>(processes, warm, windows)?,
            ];
            for (outcome, _) in &row {
                ensure!(*outcome == row[0].0, "loops differ: {outcome:?} is not {:?}", row[0].0);
            }
            rows.push(row);
        }
        let rate = |i: usize| median(rows.iter().map(|row| row[i].0.events as f64 / row[i].1.cpu / 1e6));
        let core = |i: usize| median(rows.iter().map(|row| row[i].1.cpu / row[2].1.cpu));
        let speedup = || rows.iter().map(|row| row[3].1.wall / row[4].1.wall);
        println!(
            "  {processes:>9} {:7.1} {:8.1} {:7.1} {:11.2} {:13.2}    {:.2} ({})",
            rate(0),
            rate(1),
            rate(2),
            core(0),
            core(1),
            median(speedup()),
            spread(speedup()),
        );
    }
    println!("  medians of {repeats} rounds; all five loops left the same hash each time");
    Ok(())
}

/// What some windows cost, after others to warm up.
fn measure<L: Loop>(processes: u32, warm: u64, windows: u64) -> Result<(Outcome, Spent)> {
    let mut it = L::new(processes);
    it.run(warm);
    let before = it.outcome().events;
    let clocks = Clocks::start()?;
    it.run(warm + windows);
    let spent = clocks.stop()?;
    let mut outcome = it.outcome();
    outcome.events -= before;
    Ok((outcome, spent))
}
