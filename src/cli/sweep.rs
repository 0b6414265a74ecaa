//! `p2pfl-sim sweep`: runs a scenario with every combination of settings.

use super::axis::Axis;
use super::batch::{Conditions, Planned, seeds, unwritten};
use super::setting::Named;
use super::watch::on_ctrl_c;
use super::{CliError, Format, place, verdict};
use crate::bounded;
use crate::metrics::Recording;
use crate::metrics::result::Outcome;
use crate::report::findings;
use crate::report::sweep::{self, SCHEMA, Setting};
use crate::report::{Folder, RunRow, Style, Sweep, sweep_table};
use crate::say;
use crate::scenario::{Override, ScenarioFile};
use crate::simulation::Options;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Run a scenario with every combination of settings: a row for each run, in CSV and JSON.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// The scenario file.
    scenario: PathBuf,
    /// A field and the values that it takes, divided by commas; a list, object or text with a comma in it goes in its
    /// brackets, braces or double quotes. Repeat it for more fields: every combination is run.
    #[arg(long = "set", value_name = "PATH=V1,V2,…", required = true)]
    set: Vec<Axis>,
    /// Run each combination so many times, with the seeds `seed`, `seed` + 1, …
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: u32,
    /// Threads that run the nodes of each run. On the virtual clock as many runs go side by side as there are cores, and
    /// one thread for each is best; on the real clock runs go one after another.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,
    /// Where the results go; the folder of a sweep that was interrupted to go on with it. Default:
    /// `runs/<name>-sweep-<n>`, with the next free n.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What is printed to standard output: a table, or all rows.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Neither progress nor warnings.
    #[arg(long, short)]
    quiet: bool,
    /// Run even what would not fit this machine's memory.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    named: Named,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim sweep scenarios/full-64.json --set workflow.trainset_size=4,8,16 --set nodes=32,64
  p2pfl-sim sweep scenarios/ring-100.json --set topology.kind=ring,star --repeat 5 --out runs/shapes
  p2pfl-sim sweep scenarios/dpsgd-10k.json --nodes 100 --set 'network.latency=\"20ms\",{\"kind\":\"uniform\",\"min\":\"1ms\",\"max\":\"9ms\"}'

Every combination is checked before anything runs. Ctrl-C ends a sweep; the same command with the same --out goes on with it: what is done is not run again. The exit code is that of the worst run.";

/// What tells of the sweep.
const DOCUMENT: &str = "sweep.json";

/// More runs than this are a mistake.
const MOST_RUNS: usize = 1_000_000;

/// The rows are written at most so often: each time means writing all of them.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// A run, and what is set in it.
type Cell = (Planned, Map<String, Value>);

/// Runs the sweep, or what is left of it.
///
/// # Errors
/// A combination that cannot run, a folder that holds something else, results that cannot be written, Ctrl-C, and the
/// worst of what single runs come to.
pub fn run(args: &Args) -> Result<(), CliError> {
    let file = ScenarioFile::read(&args.scenario)?;
    let named = args.named.overrides();
    refuse_contradictions(args, &named)?;
    let (planned, settings): (Vec<Planned>, Vec<_>) = plan(args, &file, &named)?.into_iter().unzip();
    let options = Options { threads: usize::from(args.threads), recording: Recording::On };
    let conditions = Conditions { file: &file, options, quiet: args.quiet, force: args.force };
    let mut sweep = Sweep {
        schema: SCHEMA.into(),
        name: file.with(&planned[0].overrides)?.scenario.name,
        settings: args.set.iter().map(setting).collect(),
        repeat: args.repeat,
        total: planned.len(),
        sweep_hash: sweep::hash(planned.iter().map(|it| it.hash.as_str())),
        rows: Vec::new(),
        combinations: Vec::new(),
    };
    if let Some(out) = &args.out {
        refuse_another(out, &sweep)?;
        for (it, settings) in planned.iter().zip(&settings) {
            if let Some(row) = done(out, it) {
                sweep.add(settings.clone(), row);
            }
        }
    }
    let is_done = |it: &Planned| sweep.rows.binary_search_by_key(&it.run, |row| row.row.run).is_ok();
    let jobs: Vec<usize> = (0..planned.len()).filter(|&i| !is_done(&planned[i])).collect();
    // Whether a combination can run does not depend on the seed, or hardly ever.
    let each = args.repeat as usize;
    let chosen: Vec<usize> = jobs.chunk_by(|a, b| a / each == b / each).map(|runs| runs[0]).collect();
    conditions.check(&planned, &chosen)?;
    let folder = place::folder(args.out.as_deref(), &format!("{}-sweep", sweep.name), Some(DOCUMENT))?;
    // Another may have begun and ended since.
    refuse_another(folder.path(), &sweep)?;
    // Before the first run, so that the folder says whose it is.
    write(&folder, &sweep)?;
    let interrupted = on_ctrl_c();
    let mut last = None;
    let written = conditions.run(
        &planned,
        &jobs,
        &folder,
        || Ok(()),
        &interrupted,
        |row, _| {
            sweep.add(settings[row.run - 1].clone(), row);
            #[expect(
                clippy::disallowed_methods,
                reason = "how often files are written is a matter of the real clock"
            )]
            let now = Instant::now();
            if last.is_none_or(|last| now.duration_since(last) >= WRITE_EVERY) {
                last = Some(now);
                write(&folder, &sweep)?;
            }
            Ok(())
        },
    );
    sweep.combine();
    let written = written.and(write(&folder, &sweep));
    super::print(&match args.format {
        Format::Text => sweep_table(&sweep, Style::stdout()),
        Format::Json => super::json(&sweep)?,
    })?;
    written?;
    let broken_off = sweep.rows.len() < sweep.total && interrupted.load(Ordering::Relaxed);
    if !args.quiet {
        let place = folder.path().display();
        match broken_off {
            true => {
                say::line(&format!("Results are in {place}; the same command with --out {place} goes on"))
            }
            false => say::line(&format!("Results are in {place}")),
        }
    }
    let rows: Vec<RunRow> = sweep.rows.into_iter().map(|it| it.row).collect();
    verdict::of_many(&rows, broken_off)
}

/// Fields that are set in two ways.
fn refuse_contradictions(args: &Args, named: &[Override]) -> Result<(), CliError> {
    let usage = |text: String| Err(CliError::Usage(text));
    for (i, axis) in args.set.iter().enumerate() {
        let path = axis.path();
        if args.set[..i].iter().any(|other| other.path() == path) {
            return usage(format!("`{path}` is set twice; give all its values in one --set {path}=V1,V2"));
        }
        if named.iter().any(|other| other.path() == path) {
            return usage(format!(
                "`{path}` is set with --set and with an option of its own; leave one away"
            ));
        }
        if path == "seed" && args.repeat > 1 {
            return usage("--repeat chooses the seeds; leave it away, or --set seed".into());
        }
    }
    Ok(())
}

/// All runs: every combination, the last setting changing fastest, with all its seeds.
fn plan(args: &Args, file: &ScenarioFile, named: &[Override]) -> Result<Vec<Cell>, CliError> {
    let counts = args.set.iter().map(|axis| axis.values().len()).chain([args.repeat as usize]);
    let total = counts.fold(1, usize::saturating_mul);
    if total > MOST_RUNS {
        return Err(CliError::Usage(format!("these are {total} runs; a sweep has at most {MOST_RUNS}")));
    }
    let mut combinations: Vec<Vec<&Override>> = vec![Vec::new()];
    for axis in &args.set {
        let longer = |chosen: &Vec<_>| {
            let chosen = chosen.clone();
            axis.values().iter().map(move |value| chosen.iter().copied().chain([value]).collect())
        };
        combinations = combinations.iter().flat_map(longer).collect();
    }
    let mut cells = Vec::with_capacity(total);
    for chosen in combinations {
        let settings: Map<String, Value> =
            chosen.iter().map(|it| (it.path().to_owned(), it.value().clone())).collect();
        let told: Vec<String> =
            chosen.iter().map(|it| format!("{}={}", it.path(), sweep::plain(it.value()))).collect();
        let told = told.join(" ");
        let overrides: Vec<Override> = chosen.into_iter().chain(named).cloned().collect();
        let first = Planned::new(file, cells.len() + 1, told.clone(), overrides.clone())?;
        if args.repeat == 1 {
            cells.push((first, settings));
            continue;
        }
        for seed in seeds(first.seed, args.repeat)? {
            let overrides = overrides.iter().cloned().chain([Override::seed(seed)]).collect();
            let planned = Planned::new(file, cells.len() + 1, format!("{told}, seed {seed}"), overrides)?;
            cells.push((planned, settings.clone()));
        }
    }
    Ok(cells)
}

fn setting(axis: &Axis) -> Setting {
    let values = axis.values().iter().map(|it| it.value().clone()).collect();
    Setting { path: axis.path().to_owned(), values }
}

/// Refuses a folder that holds something else than this sweep.
fn refuse_another(out: &Path, sweep: &Sweep) -> Result<(), CliError> {
    let usage =
        |text: String| Err(CliError::Usage(format!("{} {text}; choose another --out", out.display())));
    let there = match bounded::read(&out.join(DOCUMENT), bounded::RESULT) {
        Ok(text) => serde_json::from_slice::<Sweep>(&text),
        Err(_) => {
            let visible = |name: std::ffi::OsString| !name.to_string_lossy().starts_with('.');
            let entries = std::fs::read_dir(out).into_iter().flatten().filter_map(Result::ok);
            return match entries.map(|entry| entry.file_name()).any(visible) {
                true => usage("holds other files and no sweep".into()),
                false => Ok(()),
            };
        }
    };
    match there {
        Err(error) => usage(format!("holds a sweep.json that cannot be read ({error})")),
        Ok(there) if there.sweep_hash == sweep.sweep_hash => Ok(()),
        Ok(there) if there.told() != sweep.told() => usage(format!(
            "holds another sweep: {} of `{}`, and this one is {} of `{}`",
            there.told(),
            there.name,
            sweep.told(),
            sweep.name
        )),
        Ok(_) => usage("holds another sweep: the scenario was different then".into()),
    }
}

/// The row of a run that is done: all that it leaves is there, is of the same scenario, and was not broken off.
fn done(out: &Path, it: &Planned) -> Option<RunRow> {
    let name = it.run.to_string();
    let folder = out.join(&name);
    let result = Folder::is_whole(&folder).then(|| findings::result(&folder).ok())??;
    let same = result.scenario_hash == it.hash && result.outcome != Outcome::Interrupted;
    same.then(|| RunRow::of(it.run, &name, it.seed, &result))
}

fn write(folder: &Folder, sweep: &Sweep) -> Result<(), CliError> {
    // First that by which the folder is known for this sweep's.
    let document = folder.json(DOCUMENT, sweep);
    let rows = folder.file("sweep.csv", |out| sweep.csv(out));
    document.and(rows).map_err(|error| unwritten(&error))
}
