//! `p2pfl-sim run`: runs a scenario, shows how far it is, writes what it leaves, and prints a summary.

use super::setting::Settings;
use super::{CliError, Format, check};
use crate::engine::{self, Watch};
use crate::metrics::result::{Outcome, RunResult};
use crate::metrics::{Meter, Recording};
use crate::report::{Folder, Progress, Snapshot, Style, summary};
use crate::scenario::{self, Loaded};
use crate::simulation::{Concluded, Facts, Options, conclude, prepare};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run a scenario: learn, measure, write the results and print a summary.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// Threads that run nodes; jobs have the cores besides. One is best for most scenarios: see benches/README.md.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Where the results go. Default: `runs/<name>-<n>`, with the next free n.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is printed to standard output: a summary, or the whole result.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Neither progress nor warnings.
    #[arg(long, short)]
    quiet: bool,
    /// Count messages and bytes only: to see what measuring costs.
    #[arg(long, hide_short_help = true)]
    no_recording: bool,
    /// Run even if the scenario would not fit this machine's memory.
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim run scenarios/ring-100.json
  p2pfl-sim run scenarios/ring-100.json --nodes 50 --rounds 10 --set learning.batch_size=8
  p2pfl-sim run scenarios/star-64.json --set workflow.variant=faithful --speedup 20
  p2pfl-sim run scenarios/full-64.json --format json --quiet | jq .latency.message.p99

Ctrl-C ends a run and writes what was measured until then; a second one ends the program at once.";

/// Runs the scenario.
///
/// # Errors
/// A scenario that cannot run, a run that fails or stalls, a threshold that does not hold, Ctrl-C, and results that
/// cannot be written.
pub fn run(args: Args) -> Result<(), CliError> {
    let mut loaded = scenario::load(&args.scenario, &args.settings.overrides())?;
    let recording = if args.no_recording { Recording::Off } else { Recording::On };
    let meter = Meter::start();
    let prepared = prepare(&mut loaded, Options { threads: usize::from(args.threads), recording })?;
    if !args.quiet && !loaded.warnings.is_empty() {
        eprint!("{}", loaded.warnings.for_stderr());
    }
    check::refuse_what_does_not_fit(&prepared.estimate, args.force)?;
    let folder = folder(args.out.as_deref(), &loaded)?;
    let facts = Facts::of(&prepared.plan);
    let nodes = prepared.plan.nodes();
    let interrupted = on_ctrl_c();
    let mut watcher = Watcher {
        progress: Progress::new(nodes, prepared.plan.rules.workflow.rounds(), args.quiet),
        interrupted,
    };
    let run = engine::run(prepared.plan, &mut watcher)
        .map_err(|error| CliError::Failed(format!("cannot start threads: {error}")))?;
    watcher.progress.finish();
    let (handled, _) = run.recorder.handled();
    let cost = meter.cost(nodes, run.inputs, handled);
    let Concluded { result, nodes } = conclude(&loaded, &facts, &run, cost, prepared.warnings);
    // Whether or not it can be written, what was measured is shown.
    let written = folder.write(&result, &run.series, &nodes);
    show(&result, args.format)?;
    match written {
        Ok(()) if !args.quiet => eprintln!("Results are in {}", folder.path().display()),
        Ok(()) => {}
        Err(error) => return Err(CliError::Failed(error.to_string())),
    }
    verdict(&result)
}

fn folder(out: Option<&Path>, loaded: &Loaded) -> Result<Folder, CliError> {
    let folder = match out {
        Some(path) => Folder::at(path),
        None => Folder::numbered(Path::new("runs"), &loaded.scenario.name),
    };
    folder.map_err(|error| CliError::Failed(format!("{error}; choose another folder with --out")))
}

fn show(result: &RunResult, format: Format) -> Result<(), CliError> {
    let text = match format {
        Format::Text => summary(result, Style::stdout()),
        Format::Json => match serde_json::to_string_pretty(result) {
            Ok(text) => text + "\n",
            Err(error) => return Err(CliError::Failed(format!("cannot write the result as JSON: {error}"))),
        },
    };
    super::print(&text)
}

/// What the result means as an exit code. A stall that a threshold asks for is what was wanted.
fn verdict(result: &RunResult) -> Result<(), CliError> {
    let asked_for =
        result.thresholds.iter().any(|it| it.passed && it.threshold.trim_start().starts_with("outcome"));
    match result.outcome {
        Outcome::Interrupted => return Err(CliError::Interrupted),
        Outcome::Stalled | Outcome::Failed if !asked_for => {
            let why = result.reason.as_deref().unwrap_or("no reason is known");
            return Err(CliError::Failed(format!("the run {}: {why}", result.outcome.name())));
        }
        Outcome::Stalled | Outcome::Failed | Outcome::Completed => {}
    }
    let failed: Vec<&str> =
        result.thresholds.iter().filter(|it| !it.passed).map(|it| it.threshold.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    eprintln!("p2pfl-sim: does not hold: {}", failed.join("; "));
    Err(CliError::Threshold)
}

/// Shows progress, and hands on Ctrl-C.
struct Watcher {
    progress: Progress,
    interrupted: Arc<AtomicBool>,
}

impl Watch for Watcher {
    fn update(&mut self, now: &engine::Snapshot) {
        self.progress.update(&Snapshot {
            scenario_time_s: now.scenario_s.unwrap_or_default(),
            phase: if now.scenario_s.is_some() { "learning" } else { "set-up" }.into(),
            round_min: now.rounds_done,
            round_max: now.furthest_round.map_or(0, |round| round + 1).max(now.rounds_done),
            nodes_finished: now.nodes_finished,
            messages_total: now.messages,
            wall_s: now.wall_s,
        });
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }
}

/// The first Ctrl-C is noted, the second ends the program.
fn on_ctrl_c() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    // Without a handler Ctrl-C ends the program at once, which is what a second one would do.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\np2pfl-sim: ending the run; again to end at once");
    });
    interrupted
}
