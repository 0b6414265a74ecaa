//! `p2pfl-sim compare`: says what transports cost, by themselves and to a scenario that runs over each of them.

use super::batch::{self, Conditions, Planned, unwritten};
use super::setting::Alike;
use super::transports::{self, Choice};
use super::watch::on_ctrl_c;
use super::{CliError, Format, place, verdict};
use crate::costs::{Costs, CostsError, Effort};
use crate::metrics::Recording;
use crate::metrics::result::Outcome;
use crate::report::compare::SCHEMA;
use crate::report::{Compare, Folder, RunRow, Style, compare_table, files, html};
use crate::say;
use crate::scenario::{Clock, Loaded, Override, ScenarioFile, Speedup, Transport};
use crate::simulation::{Options, prepare};
use indicatif::ProgressBar;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Run a scenario over several transports, and say side by side what each costs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    #[arg(required_unless_present = "costs_only")]
    scenario: Option<PathBuf>,
    /// What to compare, divided by commas; `all` is every transport. All are set against the first.
    #[arg(long = "transport", value_parser = transports::named_or_all(), value_delimiter = ',', required = true, value_name = "T1,T2,…")]
    transports: Vec<Choice>,
    /// Measure what the transports cost by themselves, and run no scenario.
    #[arg(long, conflicts_with_all = ["no_costs", "scenario", "repeat", "threads", "force", "set"])]
    costs_only: bool,
    /// Do not measure what the transports cost by themselves.
    #[arg(long)]
    no_costs: bool,
    /// Messages under way at a time when the transports are measured by themselves, divided by commas.
    #[arg(long, value_name = "N1,N2,…", value_delimiter = ',', default_values_t = [1, 8, 64], conflicts_with = "no_costs",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    in_flight: Vec<u32>,
    /// Write what the transports cost by themselves as a profile, which `network.profile` of a scenario on the virtual clock
    /// names.
    #[arg(long, value_name = "FILE", conflicts_with = "no_costs")]
    save_profile: Option<PathBuf>,
    /// Run each so many times, by turns (A B C A B C), so that a machine that grows slower is so for all. Runs of the same
    /// turn have the same seed: `seed`, `seed` + 1, … A single run of each cannot tell differences of ten percent.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
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

/// What tells of the comparison.
const DOCUMENT: &str = "compare.json";

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim compare scenarios/ring-100.json --transport memory,grpc,grpc+mtls
  p2pfl-sim compare scenarios/ring-100.json --transport grpc,grpc+uds --repeat 5 --nodes 20
  p2pfl-sim compare scenarios/star-64.json --transport memory,grpc --format json --quiet | jq '.rows[].cpu_s_per_message.median'

  p2pfl-sim compare --costs-only --transport all --save-profile profile.json

First each transport is measured by itself, in one or two seconds: CPU and latency of a message, bytes on the wire, what it
gains to have many under way on one connection, connections. Then the scenario runs over each of them.

Figures are medians over the runs, each with a 95 % interval; ratios are taken within each turn. Time to finish is scenario
time from the start of learning; wall time and CPU per message have the set-up in them, and the CPU time is that of the
whole program, training included. All runs have the same speedup: with `auto` the lowest that any of the transports gets.

Each run leaves its result in <transport>/<turn>/ of the folder, all of them compare.json, compare.csv, compare.md and
report.html. Ctrl-C ends a comparison and keeps what is done. The exit code is that of the worst run. docs/compare.md says how to read it.";

/// Runs the comparison.
///
/// # Errors
/// A scenario that cannot run over one of the transports, results that cannot be written, Ctrl-C, and the worst of what
/// single runs come to.
pub fn run(args: &Args) -> Result<(), CliError> {
    let transports: Vec<Transport> = args.transports.iter().flat_map(|it| it.transports()).collect();
    refuse_contradictions(args, &transports)?;
    let trial = match &args.scenario {
        Some(path) => Some(Trial::new(args, path, &transports)?),
        None => None,
    };
    place::refuse_unwritable("--save-profile", args.save_profile.as_deref())?;
    let name = trial.as_ref().map(|it| format!("{}-compare", it.loaded.scenario.name));
    let folder = place::folder(args.out.as_deref(), name.as_deref().unwrap_or("transports"), Some(DOCUMENT))?;
    let mut compare = Compare {
        schema: SCHEMA.into(),
        name: trial.as_ref().map_or_else(|| "transports".to_owned(), |it| it.loaded.scenario.name.clone()),
        transports: transports.iter().map(|it| it.name().to_owned()).collect(),
        repeat: trial.as_ref().map_or(0, |_| args.repeat),
        speedup: trial.as_ref().map_or(1.0, |it| it.speedup),
        speedup_is_auto: trial.as_ref().is_some_and(Trial::speedup_is_auto),
        threads: usize::from(args.threads),
        interrupted: false,
        paces: Vec::new(),
        costs: None,
        rows: Vec::new(),
        runs: Vec::new(),
    };
    // Those of an earlier comparison go before this one is told of.
    folder
        .clear_all(Choice::All.transports().into_iter().map(Transport::name))
        .map_err(|error| unwritten(&error))?;
    write(&folder, &compare)?;
    let interrupted = on_ctrl_c();
    let mut written = Ok(());
    if !args.no_costs {
        compare.costs = measured(args, &transports, &interrupted)?;
        compare.interrupted = compare.costs.is_none();
        written = written.and(write(&folder, &compare)).and(save_profile(args, &compare));
    }
    if let Some(trial) = trial.filter(|_| written.is_ok() && !compare.interrupted) {
        let conditions =
            Conditions { file: &trial.file, options: trial.options, quiet: args.quiet, force: args.force };
        let mut planned = trial.planned(args, &transports, trial.speedup)?;
        let jobs: Vec<usize> = (0..planned.len()).collect();
        loop {
            written = conditions.run(
                &planned,
                &jobs,
                &folder,
                || Ok(()),
                &interrupted,
                |row, result| {
                    let (turn, transport) = place(row.run, &transports);
                    compare.add(transport.name(), turn, row, result.as_ref());
                    write(&folder, &compare)
                },
            );
            let broken_off = compare.runs.len() < planned.len()
                || compare.runs.iter().any(|it| it.row.outcome == Outcome::Interrupted);
            compare.interrupted = broken_off && interrupted.load(Ordering::Relaxed);
            if written.is_err() || broken_off || !compare.goes_slower() {
                break;
            }
            let speedup = compare.slower();
            if !args.quiet {
                say::line(&format!(
                    "p2pfl-sim: a run was overloaded: all of them again, at speedup {speedup}"
                ));
            }
            planned = trial.planned(args, &transports, speedup)?;
        }
    }
    let written = written.and(write(&folder, &compare)).and(write_page(&folder, &compare));
    super::print(&match args.format {
        Format::Text => compare_table(&compare, Style::stdout()),
        Format::Json => super::json(&compare)?,
    })?;
    written?;
    if !args.quiet {
        say::line(&format!("Results are in {}", folder.path().display()));
    }
    let interrupted = compare.interrupted;
    let rows: Vec<RunRow> = compare.runs.into_iter().map(|it| it.row).collect();
    verdict::of_many(&rows, interrupted)
}

/// A scenario that is to run over each transport.
struct Trial {
    file: ScenarioFile,
    loaded: Loaded,
    options: Options,
    overrides: Vec<Override>,
    speedup: f64,
}

impl Trial {
    fn new(args: &Args, path: &Path, transports: &[Transport]) -> Result<Self, CliError> {
        let file = ScenarioFile::read(path)?;
        let overrides = with(&args.set, args.alike.overrides());
        let loaded = file.with(&with(&overrides, [Override::transport(transports[0])]))?;
        refuse_virtual_clock(loaded.scenario.clock)?;
        let options = Options { threads: usize::from(args.threads), recording: Recording::On };
        let speedup = speedup(transports, &file, &overrides, options)?;
        let trial = Self { file, loaded, options, overrides, speedup };
        let planned = trial.planned(args, transports, speedup)?;
        let conditions = Conditions { file: &trial.file, options, quiet: args.quiet, force: args.force };
        // Whether a transport can be used does not depend on the seed.
        let first_turn: Vec<usize> = (0..transports.len()).collect();
        conditions.check(&planned, &first_turn)?;
        Ok(trial)
    }

    /// All runs at this pace, turn by turn.
    fn planned(&self, args: &Args, transports: &[Transport], speedup: f64) -> Result<Vec<Planned>, CliError> {
        let overrides = with(&self.overrides, [Override::speedup(Speedup::Factor(speedup))]);
        let turns = plan(args, transports, &self.file, &overrides, self.loaded.scenario.seed)?;
        Ok(turns.into_iter().flatten().collect())
    }

    fn speedup_is_auto(&self) -> bool {
        matches!(self.loaded.scenario.speedup, Speedup::Auto(_))
    }
}

/// What the transports cost by themselves; nothing if the user had enough.
fn measured(
    args: &Args,
    transports: &[Transport],
    interrupted: &AtomicBool,
) -> Result<Option<Costs>, CliError> {
    let mut in_flight = args.in_flight.clone();
    // A profile asks what a message costs alone.
    in_flight.push(1);
    in_flight.sort_unstable();
    in_flight.dedup();
    let effort = Effort { in_flight, ..Effort::default() };
    let spinner = if args.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let measured = Costs::measure(transports, &effort, |what| {
        spinner.set_message(format!("Measuring {what}"));
        spinner.tick();
        !interrupted.load(Ordering::Relaxed)
    });
    spinner.finish_and_clear();
    match measured {
        Ok(costs) => Ok(Some(costs)),
        Err((_, CostsError::Interrupted)) => Ok(None),
        Err((transport, error)) => {
            Err(CliError::Failed(format!("{} cannot be measured: {error}", transport.name())))
        }
    }
}

fn save_profile(args: &Args, compare: &Compare) -> Result<(), CliError> {
    let (Some(path), Some(costs)) = (&args.save_profile, &compare.costs) else { return Ok(()) };
    let mut text = super::json(&costs.profile())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    files::whole(path, |out| out.write_all(text.as_bytes())).map_err(|error| unwritten(&error))
}

fn refuse_contradictions(args: &Args, transports: &[Transport]) -> Result<(), CliError> {
    for (i, transport) in transports.iter().enumerate() {
        if transports[..i].contains(transport) {
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
    transports: &[Transport],
    file: &ScenarioFile,
    overrides: &[Override],
    options: Options,
) -> Result<f64, CliError> {
    let mut lowest = f64::INFINITY;
    for &transport in transports {
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
    transports: &[Transport],
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
            let number = (turn - 1) * transports.len() + i + 1;
            let mut planned = Planned::new(file, number, label, overrides)?;
            planned.folder = format!("{name}/{turn}");
            Ok(planned)
        };
        transports.iter().enumerate().map(run).collect::<Result<Vec<_>, CliError>>()
    };
    (1..).zip(seeds).map(turn).collect()
}

/// The turn and the transport of a run, by its number.
fn place(run: usize, transports: &[Transport]) -> (u32, Transport) {
    let (turn, i) = ((run - 1) / transports.len(), (run - 1) % transports.len());
    (turn as u32 + 1, transports[i])
}

fn with(overrides: &[Override], more: impl IntoIterator<Item = Override>) -> Vec<Override> {
    overrides.iter().cloned().chain(more).collect()
}

fn write(folder: &Folder, compare: &Compare) -> Result<(), CliError> {
    let written = [
        folder.json(DOCUMENT, compare),
        folder.file("compare.csv", |out| compare.csv(out)),
        folder.file("compare.md", |out| out.write_all(compare.markdown().as_bytes())),
    ];
    written.into_iter().collect::<Result<(), _>>().map_err(|error| unwritten(&error))
}

fn write_page(folder: &Folder, compare: &Compare) -> Result<(), CliError> {
    let page = html::comparison(compare).map_err(|error| CliError::Failed(error.to_string()))?;
    let written = folder.file(html::NAME, |out| out.write_all(page.as_bytes()));
    written.map_err(|error| unwritten(&error))
}
