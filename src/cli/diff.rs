//! `p2pfl-sim diff`: says what has changed between two sides, and whether it may.

use super::baseline::{self, Shelf};
use super::batch::unwritten;
use super::{CliError, by_turns};
use crate::report::diff::{Assigned, Diff, How, LIMITS_FILE, Limit, Limits, Side, Verdict};
use crate::report::{Style, diff_table, files};
use crate::say;
use std::path::{Path, PathBuf};

/// Compare a run with a baseline: what differs, whether that is beyond chance, and whether it is more than it may be.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = EXAMPLES,
    override_usage = "p2pfl-sim diff [OPTIONS] BASELINE CURRENT\n       \
                      p2pfl-sim diff [OPTIONS] --run OLD_BINARY NEW_BINARY SCENARIO [-- RUN_OPTIONS...]"
)]
pub struct Args {
    /// What is compared: each a result.json, a result folder, a folder of `run --repeat`, or the name of a baseline. With
    /// --run, two binaries and a scenario.
    #[arg(required = true, num_args = 2..=3, value_name = "BASELINE CURRENT")]
    sides: Vec<PathBuf>,
    /// Run a scenario with two binaries by turns (old new, new old, …), and compare them pair by pair.
    #[arg(long)]
    run: bool,
    /// By how much any metric may be worse, such as 10%. Default: 0% on the virtual clock; on the real clock 10%, with --run
    /// 2%, and that only counts if it is beyond chance.
    #[arg(long, value_name = "PERCENT", value_parser = percentage)]
    max_regression: Option<Limit>,
    /// By how much a metric may be worse, such as messages.total.sent=1%, latency.round.p99=500ms or
    /// final.accuracy.mean=0.02; `none` takes it out. May be repeated; any figure of a result that can be better or worse can
    /// be named.
    #[arg(long, value_name = "METRIC=LIMIT")]
    limit: Vec<Assigned>,
    /// A file of limits. Default: limits.json beside the baseline, if there is one.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Any difference is a regression, be it for the better. Virtual clock only.
    #[arg(long)]
    exact: bool,
    /// Fail with exit code 3 if there are not enough runs for a verdict, instead of passing.
    #[arg(long)]
    require_verdict: bool,
    /// Compare runs of different scenarios, and say what differs between them.
    #[arg(long)]
    allow_different_scenarios: bool,
    /// The folder of baselines.
    #[arg(long, value_name = "DIR", default_value = baseline::DIR)]
    dir: PathBuf,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    turns: by_turns::Options,
}

/// What is printed, and written besides.
#[derive(Debug, clap::Args)]
struct Output {
    /// What is printed to standard output.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Show every figure that differs.
    #[arg(long)]
    all: bool,
    /// Write the comparison as JSON as well.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    json: Option<PathBuf>,
    /// Write it as Markdown as well, for a pull request or a job's summary.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    markdown: Option<PathBuf>,
    /// Write it as JUnit XML as well.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    junit: Option<PathBuf>,
    /// Write the current values for github-action-benchmark as well, tool customSmallerIsBetter.
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    benchmark: Option<PathBuf>,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table for people.
    #[default]
    Text,
    /// Everything, for programs.
    Json,
    /// For a pull request or a job's summary.
    Markdown,
    /// XML that CI systems show as tests.
    Junit,
    /// The current values, for that GitHub action's customSmallerIsBetter.
    GithubActionBenchmark,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim diff baselines/ring-100 runs/ring-100-1
  p2pfl-sim diff ring-100 runs/ring-100-1 --max-regression 10% --limit messages.total.sent=1%
  p2pfl-sim diff ring-100 runs/ring-100-1 --junit diff.xml --markdown diff.md --benchmark benchmark.json
  p2pfl-sim diff --run target/old/p2pfl-sim target/new/p2pfl-sim scenarios/ring-100.json --repeat 12 -- --nodes 20

On the virtual clock results are exact: every figure that differs is shown, and limits apply to it as it is. On the real
clock several runs a side are needed (run --repeat 10), and a regression is what is worse by more than its limit and more
than chance explains. Exit code 3 if anything is worse than it may be. docs/ci.md says how to use it.";

/// Compares two sides.
///
/// # Errors
/// Sides that cannot be read or compared, files that cannot be written, and a regression.
pub fn run(args: &Args) -> Result<(), CliError> {
    let diff = if args.run { by_turns(args)? } else { of_results(args)? };
    // Whether or not files can be written, the verdict is shown.
    let written = args.output.write(&diff);
    super::print(&args.output.text(&diff, args.output.format)?)?;
    written?;
    if diff.verdict == Verdict::Undecided && args.output.format != Format::Text {
        say::line(&format!("p2pfl-sim: {}", diff.headline()));
    }
    match diff.verdict {
        Verdict::Regressed => Err(CliError::Threshold),
        Verdict::Undecided if args.require_verdict => {
            say::line("p2pfl-sim: --require-verdict: there are not enough runs for one");
            Err(CliError::Threshold)
        }
        _ => Ok(()),
    }
}

fn of_results(args: &Args) -> Result<Diff, CliError> {
    let [baseline, current] = args.sides.as_slice() else {
        return Err(CliError::Usage(
            "name two sides, a baseline and what is compared with it; --run takes three".into(),
        ));
    };
    args.turns.refuse_without_run()?;
    let shelf = Shelf::at(&args.dir);
    let (baseline, limits) = shelf.side(baseline)?;
    let (current, _) = shelf.side(current)?;
    compare(args, baseline, current, limits.as_deref(), false)
}

fn by_turns(args: &Args) -> Result<Diff, CliError> {
    let [old, new, scenario] = args.sides.as_slice() else {
        return Err(CliError::Usage("--run takes three: the old binary, the new one, and a scenario".into()));
    };
    // Before hours of runs rather than after them.
    let limits = args.limits()?;
    let (baseline, current) = by_turns::run(old, new, scenario, &args.turns)?;
    compare_with(args, baseline, current, limits, true)
}

fn compare(
    args: &Args,
    baseline: Side,
    current: Side,
    beside: Option<&Path>,
    paired: bool,
) -> Result<Diff, CliError> {
    let mut limits = args.limits()?;
    if let (None, Some(folder)) = (&args.limits, beside) {
        let file = folder.join(LIMITS_FILE);
        if file.exists() {
            limits = limits.or(Limits::read(&file).map_err(|error| CliError::Usage(error.to_string()))?);
        }
    }
    compare_with(args, baseline, current, limits, paired)
}

fn compare_with(
    args: &Args,
    baseline: Side,
    current: Side,
    limits: Limits,
    paired: bool,
) -> Result<Diff, CliError> {
    let how = How { limits, paired, exact: args.exact, different_scenarios: args.allow_different_scenarios };
    Diff::of(baseline, current, &how).map_err(|error| CliError::Usage(error.to_string()))
}

impl Args {
    /// What the command line says of limits, and then the file that it names.
    fn limits(&self) -> Result<Limits, CliError> {
        let by_path = self.limit.iter().map(|it| (it.path.clone(), it.limit)).collect();
        let said = Limits { all: self.max_regression, by_path };
        match &self.limits {
            Some(file) => {
                Ok(said.or(Limits::read(file).map_err(|error| CliError::Usage(error.to_string()))?))
            }
            None => Ok(said),
        }
    }
}

impl Output {
    fn text(&self, diff: &Diff, format: Format) -> Result<String, CliError> {
        match format {
            Format::Text => Ok(diff_table(diff, self.all, Style::stdout())),
            Format::Json => super::json(diff),
            Format::Markdown => Ok(diff.markdown()),
            Format::Junit => diff
                .junit()
                .map_err(|error| CliError::Failed(format!("cannot write the comparison as XML: {error}"))),
            Format::GithubActionBenchmark => super::json(&diff.benchmark()),
        }
    }

    /// Writes the files that are asked for, each whole or not at all.
    fn write(&self, diff: &Diff) -> Result<(), CliError> {
        let files = [
            (&self.json, Format::Json),
            (&self.markdown, Format::Markdown),
            (&self.junit, Format::Junit),
            (&self.benchmark, Format::GithubActionBenchmark),
        ];
        for (file, format) in files {
            let Some(file) = file else { continue };
            let text = self.text(diff, format)?;
            files::whole(file, |out| out.write_all(text.as_bytes())).map_err(|error| unwritten(&error))?;
        }
        Ok(())
    }
}

/// A limit of all metrics, which count in different units.
fn percentage(text: &str) -> Result<Limit, String> {
    match text.parse()? {
        limit @ Limit::Relative(_) => Ok(limit),
        _ => Err("metrics count in different units: write a percentage, such as 10%".into()),
    }
}
