//! `p2pfl-sim diff --run`: runs a scenario with two binaries by turns. What comes of it is compared like any two sides.

use super::watch::on_ctrl_c;
use super::{CliError, place};
use crate::metrics::result::{Outcome, RunResult};
use crate::report::diff::{PAIRS, Side, are_enough};
use crate::report::findings;
use crate::report::folder::RESULT;
use crate::say;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How binaries are run by turns.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With --run")]
pub struct Options {
    /// Pairs of runs. Those of a pair have the same seed: `seed`, `seed` + 1, … Default: as many as it takes to know what
    /// handling costs to 1 %, from 12 to 40; on the virtual clock, where figures are exact, 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: Option<u32>,
    /// Where the results go. Default: `runs/<scenario>-diff-<n>`, with the next free n.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// No progress.
    #[arg(long, short)]
    quiet: bool,
    /// Options of `run` for both binaries, such as --nodes 20.
    #[arg(last = true, value_name = "RUN_OPTIONS")]
    options: Vec<String>,
}

/// How often a run is looked after.
const LOOKS_EVERY: Duration = Duration::from_millis(20);
/// How long a run may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// What it said is shown so far, in bytes.
const SAID_AT_MOST: u64 = 1 << 16;

/// Options of `run` that are this command's affair.
const OURS: [&str; 8] = ["--out", "--repeat", "--seed", "--format", "--quiet", "-q", "--replay", "--live"];

impl Options {
    /// They mean nothing to results that there are already.
    pub fn refuse_without_run(&self) -> Result<(), CliError> {
        let given = [self.repeat.is_some(), self.out.is_some(), !self.options.is_empty()];
        match given.contains(&true) {
            true => Err(CliError::Usage(
                "--repeat, --out and options of runs go with --run: here nothing is run".into(),
            )),
            false => Ok(()),
        }
    }
}

/// Runs both binaries by turns: old new, new old, and so on, so that a machine that grows slower does so for both.
///
/// # Errors
/// A binary or scenario that does not run, results that cannot be read, and Ctrl-C.
pub fn run(old: &Path, new: &Path, scenario: &Path, options: &Options) -> Result<(Side, Side), CliError> {
    let is_ours = |it: &&String| OURS.contains(&it.split('=').next().unwrap_or_default());
    if let Some(option) = options.options.iter().find(is_ours) {
        return Err(CliError::Usage(format!(
            "{option} cannot stand behind --: where runs go, and how many there are with which seeds, is decided here; \
             --set seed=N changes the first seed"
        )));
    }
    for binary in [old, new] {
        if !binary.is_file() {
            return Err(CliError::Usage(format!("{} is no program that could be run", binary.display())));
        }
    }
    if !scenario.is_file() {
        return Err(CliError::Usage(format!("{}: there is no such scenario", scenario.display())));
    }
    let name = scenario.file_stem().map_or_else(|| "scenario".into(), |it| it.to_string_lossy());
    let folder = place::folder(options.out.as_deref(), &format!("{name}-diff"), None)?;
    let interrupted = on_ctrl_c();
    let mut sides: [Vec<RunResult>; 2] = [Vec::new(), Vec::new()];
    let of = options.repeat.map_or_else(String::new, |pairs| format!(" of {pairs}"));
    let mut first_seed = None;
    for pair in 1..=options.repeat.unwrap_or(*PAIRS.end()) {
        let order = if pair % 2 == 1 { [0, 1] } else { [1, 0] };
        for side in order {
            let binary = [old, new][side];
            let name = ["old", "new"][side];
            if !options.quiet {
                say::line(&format!("pair {pair}{of}: {name}"));
            }
            let out = folder.path().join(name).join(pair.to_string());
            let seed = first_seed.map(|first: u64| first.saturating_add(u64::from(pair) - 1));
            let result = once(binary, scenario, options, &out, seed, &interrupted)?;
            if interrupted.load(Ordering::Relaxed) || result.outcome == Outcome::Interrupted {
                return Err(CliError::Interrupted);
            }
            first_seed = first_seed.or_else(|| result.scenario["seed"].as_u64());
            sides[side].push(result);
        }
        let is_virtual = sides[0].first().is_some_and(|it| it.engine.clock == "virtual");
        if options.repeat.is_none() && (is_virtual || are_enough(&sides[0], &sides[1])) {
            break;
        }
    }
    if !options.quiet {
        say::line(&format!("Results are in {}", folder.path().display()));
    }
    let [old_runs, new_runs] = sides;
    Ok((Side::of(&old.display().to_string(), old_runs), Side::of(&new.display().to_string(), new_runs)))
}

/// Waits for a run. Ctrl-C reaches it as it reaches this program; SIGTERM it has to be told of.
fn ended(mut child: Child, interrupted: &AtomicBool) -> io::Result<ExitStatus> {
    let mut patience = PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(LOOKS_EVERY);
        if interrupted.load(Ordering::Relaxed) {
            patience = patience.saturating_sub(LOOKS_EVERY);
            if patience.is_zero() {
                let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
                patience = PATIENCE;
            }
        }
    }
}

/// One run of one binary. Whether it completes is for the comparison to judge; that it leaves a result is needed.
fn once(
    binary: &Path,
    scenario: &Path,
    options: &Options,
    out: &Path,
    seed: Option<u64>,
    interrupted: &AtomicBool,
) -> Result<RunResult, CliError> {
    let cannot = |why: String| CliError::Usage(format!("{}: {why}", binary.display()));
    // A bare name would be looked for in PATH.
    let program = binary.canonicalize().map_err(|error| cannot(error.to_string()))?;
    let mut command = Command::new(program);
    command.arg("run").arg(scenario).arg("--quiet").arg("--out").arg(out).args(&options.options);
    command.args(seed.map(|seed| format!("--seed={seed}")));
    let failed = |error: io::Error| cannot(format!("cannot be run: {error}"));
    let mut said = tempfile::tempfile().map_err(failed)?;
    let stderr = said.try_clone().map_err(failed)?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn();
    let status = child.and_then(|child| ended(child, interrupted)).map_err(failed)?;
    if interrupted.load(Ordering::Relaxed) {
        return Err(CliError::Interrupted);
    }
    if status.code() == Some(2) || !out.join(RESULT).exists() {
        let mut text = Vec::new();
        let _ = said.rewind().and_then(|()| said.take(SAID_AT_MOST).read_to_end(&mut text));
        let said = String::from_utf8_lossy(&text);
        return Err(cannot(format!("left no result ({status}):\n{}", said.trim_end())));
    }
    findings::result(out).map_err(|error| CliError::Usage(error.to_string()))
}
