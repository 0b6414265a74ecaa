//! `p2pfl-sim run`: runs a scenario, shows how far it is, writes what it leaves, and prints a summary.

use super::setting::Settings;
use super::watch::{Watcher, on_ctrl_c};
use super::{CliError, Format, check, verdict};
use crate::metrics::result::RunResult;
use crate::metrics::{Meter, Recording};
use crate::report::{Folder, Progress, Style, summary};
use crate::scenario::{self, Loaded};
use crate::simulation::{self, Options, prepare};
use std::path::{Path, PathBuf};

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
    let mut watcher = Watcher {
        progress: Progress::new(prepared.plan.nodes(), prepared.plan.rules.workflow.rounds(), args.quiet),
        interrupted: on_ctrl_c(),
    };
    let concluded = simulation::run(&loaded, prepared, &meter, &mut watcher).map_err(no_threads)?;
    watcher.progress.finish();
    // Whether or not it can be written, what was measured is shown.
    let written = folder.write(&concluded.result, &concluded.series, &concluded.nodes);
    show(&concluded.result, args.format)?;
    match written {
        Ok(()) if !args.quiet => eprintln!("Results are in {}", folder.path().display()),
        Ok(()) => {}
        Err(error) => return Err(CliError::Failed(error.to_string())),
    }
    verdict::of(&concluded.result)
}

/// What it means that the engine could not begin.
pub fn no_threads(error: std::io::Error) -> CliError {
    CliError::Failed(format!("cannot start threads: {error}"))
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
