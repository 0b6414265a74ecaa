//! Makes the tables of `docs/costs.md`: what transports cost by themselves, what a scenario takes over each of them, push
//! against pull, waiting against not waiting, and transports over wide-area links by a profile.
//!
//! `cargo bench --bench costs` prints them, with `-- --write` it puts them into the page, each between its two marks, and
//! the profile that it measured into `scenarios/profiles/measured.json`. What is measured by the clock on the wall wants a quiet
//! machine.

mod page;
mod runs;

use anyhow::{Result, anyhow};
use clap::ValueEnum as _;
use p2pfl_sim::costs::{Costs, Effort};
use p2pfl_sim::scenario::Transport;
use std::time::Duration;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A table of the page: its mark, and what stands there.
type Made = (&'static str, String);

fn main() -> Result<()> {
    // `cargo test --benches` passes --test: the benchmark then only has to run at all.
    let quick = std::env::args().any(|arg| arg == "--test");
    let write = std::env::args().any(|arg| arg == "--write");
    let effort = match quick {
        true => Effort { in_flight: vec![1, 8], turns: 1, lasts: Duration::from_millis(2) },
        false => Effort { turns: 9, lasts: Duration::from_millis(60), ..Effort::default() },
    };
    let transports = Transport::value_variants();
    let costs = Costs::measure(transports, &effort, |what| {
        eprintln!("{what}");
        true
    });
    let costs = costs.map_err(|(transport, error)| anyhow!("{}: {error}", transport.name()))?;
    let mut made: Vec<Made> =
        vec![("machine", format!("{}; p2pfl-sim {}.\n", costs.machine, env!("CARGO_PKG_VERSION")))];
    made.extend(costs.tables().into_iter().map(|it| (it.id, format!("{}:\n\n{}", it.title, it.markdown()))));
    if !quick {
        let folder = tempfile::tempdir()?;
        let profile = folder.path().join("profile.json");
        std::fs::write(&profile, serde_json::to_string_pretty(&costs.profile())? + "\n")?;
        made.push(("finish", runs::finish(folder.path())?));
        made.push(("initiative", runs::variants(&runs::INITIATIVE, folder.path())?));
        made.push(("waiting", runs::variants(&runs::WAITING, folder.path())?));
        made.push(("wide-area", runs::wide_area(&profile, folder.path())?));
        if write {
            let kept = page::root().join("scenarios/profiles");
            std::fs::create_dir_all(&kept)?;
            std::fs::copy(&profile, kept.join("measured.json"))?;
        }
    }
    if write { page::write(&made) } else { page::print(&made) }
}
