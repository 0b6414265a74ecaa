//! Whole runs of scenarios on the virtual clock: what a message costs, and what a second thread brings.

use crate::clocks::{Clocks, Spent, spread};
use crate::cpu::median;
use crate::unwatched::Unwatched;
use anyhow::{Result, ensure};
use p2pfl_sim::engine;
use p2pfl_sim::scenario::{self, Override};
use p2pfl_sim::simulation::{Options, prepare};
use std::path::Path;

/// A shipped scenario, with how many nodes and rounds of it.
struct Case {
    name: &'static str,
    nodes: Option<u64>,
    rounds: Option<u64>,
}

/// A run: messages handled, its fingerprint, and what it cost. Reading the scenario and building the graph is not
/// part of it.
struct Measured {
    messages: f64,
    fingerprint: Option<String>,
    spent: Spent,
}

const fn case(name: &'static str, nodes: Option<u64>, rounds: Option<u64>) -> Case {
    Case { name, nodes, rounds }
}

/// CPU time a handled message, on one thread.
pub fn costs(quick: bool, repeats: usize) -> Result<()> {
    let cases = if quick {
        [
            case("full-64", Some(8), None),
            case("regular-1000", Some(30), Some(1)),
            case("dpsgd-10k", Some(50), None),
        ]
    } else {
        [case("full-64", None, None), case("regular-1000", None, Some(1)), case("dpsgd-10k", None, None)]
    };
    println!("nodes on the virtual clock, one thread");
    println!("  scenario          messages    ns CPU a message    million a CPU second");
    let mut rows = Vec::new();
    for _ in 0..repeats {
        rows.push(cases.iter().map(|case| case.run(1)).collect::<Result<Vec<_>>>()?);
    }
    for (i, case) in cases.iter().enumerate() {
        let per_message = || rows.iter().map(|row| row[i].spent.cpu / row[i].messages * 1e9);
        let ns = median(per_message());
        println!(
            "  {:<14} {:>11} {:>10.0} ({}) {:>10.2}",
            case.name,
            rows[0][i].messages,
            ns,
            spread(per_message()),
            1e3 / ns
        );
    }
    Ok(())
}

/// Wall time of two threads against one, with the same result.
pub fn threads(quick: bool, repeats: usize) -> Result<()> {
    let cases: &[Case] = if quick {
        &[case("regular-1000", Some(30), Some(1)), case("dpsgd-10k", Some(50), Some(2))]
    } else {
        // Few rounds: they are all alike, and the wide-area one takes its time.
        &[case("wan-1k", None, Some(1)), case("dpsgd-100k", None, Some(5))]
    };
    println!("two threads against one, wall");
    println!("  scenario        one thread       two    ratio                  CPU of two : one");
    for case in cases {
        if !Path::new("scenarios").join(case.name).with_extension("json").exists() {
            println!("  {:<14} is not there", case.name);
            continue;
        }
        let mut pairs = Vec::new();
        for _ in 0..repeats {
            let (one, two) = (case.run(1)?, case.run(2)?);
            ensure!(
                one.fingerprint == two.fingerprint,
                "{}: two threads left another fingerprint",
                case.name
            );
            ensure!(one.fingerprint.is_some(), "{}: not on the virtual clock", case.name);
            pairs.push((one.spent, two.spent));
        }
        let ratio = || pairs.iter().map(|(one, two)| one.wall / two.wall);
        println!(
            "  {:<14} {:>9.2} s {:>7.2} s    {:.2} ({})    {:.2}",
            case.name,
            median(pairs.iter().map(|(one, _)| one.wall)),
            median(pairs.iter().map(|(_, two)| two.wall)),
            median(ratio()),
            spread(ratio()),
            median(pairs.iter().map(|(one, two)| two.cpu / one.cpu)),
        );
    }
    println!("  medians of {repeats} pairs; the fingerprints were the same in each");
    Ok(())
}

impl Case {
    fn run(&self, threads: usize) -> Result<Measured> {
        let path = Path::new("scenarios").join(self.name).with_extension("json");
        let mut overrides = vec![Override::option("--clock", "clock", "virtual")];
        overrides.extend(self.nodes.map(Override::nodes));
        overrides.extend(self.rounds.map(Override::rounds));
        let told = |error| anyhow::anyhow!("{}: {error}", self.name);
        let mut loaded = scenario::load(&path, &overrides).map_err(told)?;
        let options = Options { threads, ..Options::default() };
        let prepared = prepare(&mut loaded, options).map_err(told)?;
        let clocks = Clocks::start()?;
        let run = engine::run(prepared.plan, &mut Unwatched)?;
        let spent = clocks.stop()?;
        ensure!(run.nodes.finished > 0, "{}: {:?}: {:?}", self.name, run.outcome, run.reason);
        Ok(Measured { messages: run.recorder.handled().0 as f64, fingerprint: run.fingerprint, spent })
    }
}
