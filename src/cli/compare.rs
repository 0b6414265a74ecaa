//! `p2pfl-sim compare`: runs a scenario over several transports, and says what each costs.

use super::batch::{self, Conditions, Planned, unwritten};
use super::setting::Alike;
use super::transports;
use super::watch::on_ctrl_c;
use super::{CliError, Format, verdict};
use crate::metrics::Recording;
use crate::metrics::result::Outcome;
use crate::report::compare::SCHEMA;
use crate::report::{Compare, Folder, RunRow, Style, compare_table};
use crate::scenario::{Clock, Loaded, Override, ScenarioFile, Speedup, Transport};
use crate::simulation::{Options, prepare};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Run a scenario over several transports, and say side by side what each costs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// What to compare, divided by commas. All are set against the first.
    #[arg(long, value_parser = transports::named(), value_delimiter = ',', required = true, value_name = "T1,T2,…")]
    transport: Vec<Transport>,
    /// Run each so many times, by turns (A B C A B C), so that a machine that grows slower is so for all. Runs of the same
    /// turn have the same seed: `seed`, `seed` + 1, …
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: u32,
    /// Threads that run nodes. On one, no time goes by between threads, and what is left is the transport's.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Where the results go. Default: `runs/<name>-compare-<n>`, with the next free n.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is printed to standard output: a table, or all of it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Neither progress nor warnings.
    #[arg(long, short)]
    quiet: bool,
    /// Run even what would not fit this machine's memory.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    alike: Alike,
    /// Any other field, such as settings.gossip.ttl=50 or learning.batch_size=8; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE", help_heading = "Changes to the scenario")]
    set: Vec<Override>,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim compare scenarios/ring-100.json --transport memory,grpc,grpc+mtls
  p2pfl-sim compare scenarios/ring-100.json --transport grpc,grpc+uds --repeat 5 --nodes 20
  p2pfl-sim compare scenarios/star-64.json --transport memory,grpc --format json --quiet | jq '.rows[].cpu_s_per_message.median'

Figures are medians over the runs, each with a 95 % interval; ratios are taken within each turn. Time to finish is scenario
time from the start of learning; wall time and CPU per message have the set-up in them, and the CPU time is that of the
whole program, training included. All runs have the same speedup: with `auto` the lowest that any of the transports gets.

Each run leaves its result in <transport>/<turn>/ of the folder, all of them compare.json, compare.csv and compare.md. Ctrl-C
ends a comparison and keeps what is done. The exit code is that of the worst run. docs/compare.md says how to read it.";

/// Runs the comparison.
///
/// # Errors
/// A scenario that cannot run over one of the transports, results that cannot be written, Ctrl-C, and the worst of what
/// single runs come to.
pub fn run(args: &Args) -> Result<(), CliError> {
    refuse_contradictions(args)?;
    let file = ScenarioFile::read(&args.scenario)?;
    let mut overrides = args.set.clone();
    overrides.extend(args.alike.overrides());
    let loaded = file.with(&with(&overrides, [Override::transport(args.transport[0])]))?;
    refuse_virtual_clock(loaded.scenario.clock)?;
    let options = Options { threads: usize::from(args.threads), recording: Recording::On };
    let speedup = speedup(args, &file, &overrides, options)?;
    overrides.push(Override::speedup(Speedup::Factor(speedup)));
    let turns = plan(args, &file, &overrides, loaded.scenario.seed)?;
    let planned: Vec<Planned> = turns.into_iter().flatten().collect();
    let conditions = Conditions { file: &file, options, quiet: args.quiet, force: args.force };
    // Whether a transport can be used does not depend on the seed.
    let first_turn: Vec<usize> = (0..args.transport.len()).collect();
    conditions.check(&planned, &first_turn)?;
    let folder = folder(args, &loaded)?;
    let mut compare = Compare {
        schema: SCHEMA.into(),
        name: loaded.scenario.name.clone(),
        transports: args.transport.iter().map(|it| it.name().to_owned()).collect(),
        repeat: args.repeat,
        speedup,
        speedup_is_auto: matches!(loaded.scenario.speedup, Speedup::Auto(_)),
        threads: options.threads,
        interrupted: false,
        rows: Vec::new(),
        runs: Vec::new(),
    };
    write(&folder, &compare)?;
    let interrupted = on_ctrl_c();
    let jobs: Vec<usize> = (0..planned.len()).collect();
    let written = conditions.run(&planned, &jobs, folder.path(), &interrupted, |row, result| {
        let (turn, transport) = place(row.run, args);
        compare.add(transport.name(), turn, row, result.as_ref());
        write(&folder, &compare)
    });
    let broken_off = compare.runs.len() < planned.len()
        || compare.runs.iter().any(|it| it.row.outcome == Outcome::Interrupted);
    compare.interrupted = broken_off && interrupted.load(Ordering::Relaxed);
    let written = written.and(write(&folder, &compare));
    super::print(&match args.format {
        Format::Text => compare_table(&compare, Style::stdout()),
        Format::Json => super::json(&compare)?,
    })?;
    written?;
    if !args.quiet {
        eprintln!("Results are in {}", folder.path().display());
    }
    let interrupted = compare.interrupted;
    let rows: Vec<RunRow> = compare.runs.into_iter().map(|it| it.row).collect();
    verdict::of_many(&rows, interrupted)
}

fn refuse_contradictions(args: &Args) -> Result<(), CliError> {
    for (i, transport) in args.transport.iter().enumerate() {
        if args.transport[..i].contains(transport) {
            let name = transport.name();
            return Err(CliError::Usage(format!(
                "{name} is named twice in --transport; --repeat runs each several times"
            )));
        }
    }
    match args.set.iter().find(|it| it.path() == "transport") {
        Some(_) => Err(CliError::Usage(
            "--set transport has no place here: --transport names all that are to be compared".into(),
        )),
        None => Ok(()),
    }
}

/// On the virtual clock there is nothing to compare.
fn refuse_virtual_clock(clock: Clock) -> Result<(), CliError> {
    match clock {
        Clock::Real => Ok(()),
        Clock::Virtual => Err(CliError::Usage(
            "transports can be compared on the real clock only: on the virtual one no message goes through a transport, \
             and each would seem to cost the same; add --clock real"
                .into(),
        )),
    }
}

/// The speedup of all runs: that of the scenario, or the lowest that `auto` chooses for any of the transports.
fn speedup(
    args: &Args,
    file: &ScenarioFile,
    overrides: &[Override],
    options: Options,
) -> Result<f64, CliError> {
    let mut lowest = f64::INFINITY;
    for &transport in &args.transport {
        let found =
            file.with(&with(overrides, [Override::transport(transport)])).and_then(|mut loaded| match loaded
                .scenario
                .speedup
            {
                Speedup::Factor(factor) => Ok(factor),
                Speedup::Auto(_) => Ok(prepare(&mut loaded, options)?.plan.speedup),
            });
        lowest = lowest.min(found.map_err(|found| batch::of(transport.name(), found))?);
    }
    Ok(lowest)
}

/// The runs, turn by turn, in each of them every transport.
fn plan(
    args: &Args,
    file: &ScenarioFile,
    overrides: &[Override],
    seed: u64,
) -> Result<Vec<Vec<Planned>>, CliError> {
    let seeds = batch::seeds(seed, args.repeat)?;
    let turn = |(turn, seed): (usize, u64)| {
        let run = |(i, &transport): (usize, &Transport)| {
            let name = transport.name();
            let label = if args.repeat == 1 { name.to_owned() } else { format!("{name}, run {turn}") };
            let overrides = with(overrides, [Override::transport(transport), Override::seed(seed)]);
            let number = (turn - 1) * args.transport.len() + i + 1;
            let mut planned = Planned::new(file, number, label, overrides)?;
            planned.folder = format!("{name}/{turn}");
            Ok(planned)
        };
        args.transport.iter().enumerate().map(run).collect::<Result<Vec<_>, CliError>>()
    };
    (1..).zip(seeds).map(turn).collect()
}

/// The turn and the transport of a run, by its number.
fn place(run: usize, args: &Args) -> (u32, Transport) {
    let (turn, i) = ((run - 1) / args.transport.len(), (run - 1) % args.transport.len());
    (turn as u32 + 1, args.transport[i])
}

fn with(overrides: &[Override], more: impl IntoIterator<Item = Override>) -> Vec<Override> {
    overrides.iter().cloned().chain(more).collect()
}

fn folder(args: &Args, loaded: &Loaded) -> Result<Folder, CliError> {
    let folder = match &args.out {
        Some(path) => Folder::at(path),
        None => Folder::numbered(Path::new("runs"), &format!("{}-compare", loaded.scenario.name)),
    };
    folder.map_err(|error| CliError::Failed(format!("{error}; choose another folder with --out")))
}

fn write(folder: &Folder, compare: &Compare) -> Result<(), CliError> {
    let written = [
        folder.json("compare.json", compare),
        folder.file("compare.csv", |out| compare.csv(out)),
        folder.file("compare.md", |out| std::io::Write::write_all(out, compare.markdown().as_bytes())),
    ];
    written.into_iter().collect::<Result<(), _>>().map_err(|error| unwritten(&error))
}
