//! `p2pfl-sim run`: runs a scenario, shows how far it is, writes what it leaves, and prints a summary.

use super::batch::{self, Conditions, Planned, unwritten};
use super::replay::Original;
use super::setting::{Settings, threads};
use super::watch::{Shown, Watcher, on_ctrl_c};
use super::{CliError, Format, live, memory, place, planning, verdict};
use crate::learning::Model;
use crate::metrics::result::{Outcome, RunResult};
use crate::metrics::{Meter, Recording};
use crate::report::{Progress, Repeats, Style, files, repeats_summary, summary};
use crate::say;
use crate::scenario::{Clock, Loaded, Override, ScenarioFile};
use crate::simulation::{self, Options, prepare};
use crate::wire::weights;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Run a scenario: learn, measure, write the results and print a summary.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    #[arg(required_unless_present = "replay")]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// Threads that run nodes; jobs have the cores besides. Default: one on the real clock, which is best for most
    /// scenarios (see benches/README.md); as many as there are cores on the virtual one, where the result is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where the results go. Default: `runs/<name>-<n>`, with the next free n.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run it so many times, with the seeds `seed`, `seed` + 1, …, and tell medians: see docs/sweeps.md.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: Option<u32>,
    /// Run the scenario of a result.json, or of a result folder, again, and say whether its fingerprint is the same:
    /// exit code 0 if so, else 1. Virtual clock only.
    #[arg(long, value_name = "RESULT", conflicts_with_all = CHANGES)]
    replay: Option<PathBuf>,
    /// The folder to which paths in the scenario of --replay are relative. Default: the working directory.
    #[arg(long, value_name = "DIR", requires = "replay")]
    base: Option<PathBuf>,
    /// Write every protocol event to events.jsonl, a line each; with --replay, say also where the log first differs from
    /// that of the result. Virtual clock only.
    #[arg(long, conflicts_with = "repeat")]
    event_log: bool,
    /// A peer outside, of P2PFL or any other that speaks its protocol, to which every node connects; may be repeated. The
    /// run then goes at the pace of real time, and fails if none of them has answered by the time that learning starts.
    /// Needs a transport with sockets.
    #[arg(long, value_name = "ADDR", conflicts_with = "repeat")]
    join: Vec<String>,
    /// Start learning even if none of the peers of --join, or of `grpc.join`, has answered by then.
    #[arg(long, conflicts_with_all = ["repeat", "replay"])]
    join_optional: bool,
    /// Write the model with which node 0 finished its last round to this file, as P2PFL's peers send it. Real clock only.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["repeat", "replay"])]
    save_model: Option<PathBuf>,
    /// What is printed to standard output: a summary, or the whole result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Neither progress nor warnings.
    #[arg(long, short)]
    quiet: bool,
    /// Show the run in the terminal as it goes on: rounds, throughput, recent latencies, what every node is doing, and
    /// faults. `q` ends the run and keeps its results. Without a terminal the progress is shown as usual.
    #[arg(long, conflicts_with_all = ["quiet", "repeat"], hide = cfg!(not(feature = "live")))]
    live: bool,
    /// Count messages and bytes only: to see what measuring costs.
    #[arg(long, hide_short_help = true)]
    no_recording: bool,
    /// Run even if the scenario would not fit this machine's memory.
    #[arg(long)]
    force: bool,
}

/// What tells of runs that repeat.
const DOCUMENT: &str = "summary.json";

/// What does not go with `--replay`, which runs what is in the result and nothing else.
const CHANGES: [&str; 10] =
    ["scenario", "repeat", "transport", "clock", "nodes", "rounds", "seed", "speedup", "set", "join"];

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim run scenarios/ring-100.json
  p2pfl-sim run scenarios/ring-100.json --nodes 50 --rounds 10 --set learning.batch_size=8
  p2pfl-sim run scenarios/star-64.json --set workflow.variant=faithful --speedup 20
  p2pfl-sim run scenarios/full-64.json --format json --quiet | jq .latency.message.p99
  p2pfl-sim run scenarios/ring-100.json --repeat 5
  p2pfl-sim run scenarios/ring-100.json --live
  p2pfl-sim run scenarios/regular-1000.json --clock virtual --threads 2
  p2pfl-sim run scenarios/ring-100.json --transport grpc+mtls
  p2pfl-sim run scenarios/interop.json --join 127.0.0.1:4000
  p2pfl-sim run --replay runs/ring-100-virtual-1 --event-log

Ctrl-C ends a run and writes what was measured until then; a second one ends the program at once.";

impl Args {
    /// How a scenario of this clock is run. Where many go side by side each has a thread.
    fn options(&self, clock: Clock) -> Options {
        let recording = if self.no_recording { Recording::Off } else { Recording::On };
        Options { threads: threads(self.threads, clock), recording }
    }

    /// The changes to the scenario.
    fn overrides(&self) -> Vec<Override> {
        let mut all = self.settings.overrides();
        if !self.join.is_empty() {
            all.push(Override::option("--join", "grpc.join", self.join.clone()));
        }
        if self.join_optional {
            all.push(Override::option("--join-optional", "grpc.join_optional", true));
        }
        all
    }

    /// The scenario file, which is there unless there is a result to replay.
    fn file(&self) -> Result<ScenarioFile, CliError> {
        Ok(ScenarioFile::read(self.scenario.as_deref().unwrap_or(Path::new("")))?)
    }
}

/// Runs the scenario.
///
/// # Errors
/// A scenario that cannot run, a run that fails or stalls, a threshold that does not hold, Ctrl-C, and results that
/// cannot be written.
pub fn run(args: Args) -> Result<(), CliError> {
    live::refuse_if_not_built(args.live)?;
    if let Some(repeat) = args.repeat {
        return repeated(&args, repeat);
    }
    let original = match &args.replay {
        Some(result) => Some(Original::read(result, args.base.as_deref(), args.event_log)?),
        None => None,
    };
    let mut loaded = match &original {
        Some(original) => original.scenario()?,
        None => args.file()?.with(&args.overrides())?,
    };
    if args.save_model.is_some() && loaded.scenario.clock == Clock::Virtual {
        let text = "--save-model needs the real clock: on the virtual one models are let go of as soon as they are measured";
        return Err(CliError::Usage(text.into()));
    }
    if args.event_log {
        refuse_log_without_order(loaded.scenario.clock)?;
    }
    let meter = Meter::start();
    let options = args.options(loaded.scenario.clock);
    let nodes = loaded.scenario.nodes;
    let mut prepared =
        planning::shown(nodes, args.quiet, || prepare(&mut loaded, options)).inspect_err(|_| {
            if original.is_some() && args.base.is_none() {
                say::line("p2pfl-sim: --base names the folder that paths in the scenario are relative to");
            }
        })?;
    if !args.quiet && !loaded.warnings.is_empty() {
        say::painted(&loaded.warnings.for_stderr());
    }
    memory::refuse_what_does_not_fit(&loaded, &prepared.estimate, args.force)?;
    place::refuse_unwritable("--save-model", args.save_model.as_deref())?;
    if let (Some(original), Some(out)) = (&original, &args.out) {
        original.refuse_own_folder(out)?;
    }
    let folder = place::folder(args.out.as_deref(), &loaded.scenario.name, None)?;
    let log = args.event_log.then(|| folder.event_log()).transpose().map_err(|error| unwritten(&error))?;
    prepared.plan.event_log = log.as_ref().map(|it| it.path().to_owned());
    let (nodes, rounds) = (prepared.plan.nodes(), prepared.plan.rules.workflow.rounds());
    let interrupted = on_ctrl_c();
    let shown = match args.live {
        true => live::shown(&loaded.scenario, nodes, rounds, &interrupted),
        false => Shown::Progress(Progress::new(nodes, rounds, args.quiet)),
    };
    let mut watcher = Watcher { shown, interrupted };
    let concluded =
        simulation::run(&loaded, prepared, &meter, &mut watcher).map_err(|error| batch::not_begun(&error))?;
    watcher.finish();
    // Whether or not it can be written, what was measured is shown.
    let written = folder.write(&concluded.findings, log);
    let saved = save_model(args.save_model.as_deref(), concluded.model.as_deref());
    let replayed = match &original {
        Some(original) => Some(original.compare(&concluded.findings.result, folder.path())?),
        None => None,
    };
    match &replayed {
        Some(replayed) => super::print(&match args.format {
            Format::Text => replayed.told(),
            Format::Json => super::json(replayed)?,
        })?,
        None => show(&concluded.findings.result, args.format)?,
    }
    saved?;
    match written {
        Ok(()) if !args.quiet => say::line(&format!("Results are in {}", folder.path().display())),
        Ok(()) => {}
        Err(error) => return Err(unwritten(&error)),
    }
    match replayed {
        // Broken off, it has shown nothing.
        Some(_) if concluded.findings.result.outcome == Outcome::Interrupted => Err(CliError::Interrupted),
        Some(replayed) => replayed.verdict(),
        None => verdict::of(&concluded.findings.result),
    }
}

/// Runs the scenario with one seed after the other.
fn repeated(args: &Args, repeat: u32) -> Result<(), CliError> {
    let file = args.file()?;
    let overrides = args.settings.overrides();
    let first = file.with(&overrides)?;
    let planned = (1..).zip(batch::seeds(first.scenario.seed, repeat)?).map(|(run, seed)| {
        let overrides = overrides.iter().cloned().chain([Override::seed(seed)]).collect();
        Planned::new(&file, run, format!("run {run}, seed {seed}"), overrides)
    });
    let planned = planned.collect::<Result<Vec<_>, CliError>>()?;
    let conditions =
        Conditions { file: &file, options: args.options(Clock::Real), quiet: args.quiet, force: args.force };
    conditions.check(&planned, &[0])?;
    let folder = place::folder(args.out.as_deref(), &first.scenario.name, Some(DOCUMENT))?;
    let interrupted = on_ctrl_c();
    let mut rows = Vec::new();
    let jobs: Vec<usize> = (0..planned.len()).collect();
    let replace = || folder.clear_all([""]);
    let written = conditions.run(&planned, &jobs, &folder, replace, &interrupted, |row, _| {
        rows.push(row);
        Ok(())
    });
    // One that came after the last run ended has broken off nothing.
    let broken_off = rows.len() < planned.len() || rows.iter().any(|row| row.outcome == Outcome::Interrupted);
    let broken_off = broken_off && interrupted.load(Ordering::Relaxed);
    let repeats = Repeats::of(scenario_value(&first), planned.len(), broken_off, rows);
    let written = written.and(folder.json(DOCUMENT, &repeats).map_err(|error| unwritten(&error)));
    super::print(&match args.format {
        Format::Text => repeats_summary(&repeats, Style::stdout()),
        Format::Json => super::json(&repeats)?,
    })?;
    written?;
    if !args.quiet {
        say::line(&format!("Results are in {}", folder.path().display()));
    }
    verdict::of_many(&repeats.runs, broken_off)
}

/// An event log can be compared only where the order of events is the scenario's.
fn refuse_log_without_order(clock: Clock) -> Result<(), CliError> {
    match clock {
        Clock::Virtual => Ok(()),
        Clock::Real => Err(CliError::Usage(
            "--event-log needs the virtual clock: on the real one the order of events is the machine's affair, and no \
             two logs would be the same"
                .into(),
        )),
    }
}

/// Writes a model as P2PFL's peers send it, if that is asked for.
///
/// # Errors
/// If there is none, or it cannot be written.
pub fn save_model(file: Option<&Path>, model: Option<&Model>) -> Result<(), CliError> {
    let Some(file) = file else { return Ok(()) };
    let model = model.ok_or_else(|| {
        CliError::Failed(format!("cannot write {}: node 0 finished no round", file.display()))
    })?;
    files::whole(file, |out| out.write_all(&weights::encode_model(model))).map_err(|error| unwritten(&error))
}

fn scenario_value(loaded: &Loaded) -> serde_json::Value {
    serde_json::to_value(&loaded.scenario).unwrap_or_default()
}

fn show(result: &RunResult, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Text => summary(result, Style::stdout()),
        Format::Json => super::json(result)?,
    };
    super::print(&text)
}
