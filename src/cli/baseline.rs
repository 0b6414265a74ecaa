//! `p2pfl-sim baseline`: results that are kept under a name, in a folder that can be committed.

use super::CliError;
use crate::metrics::result::{RunResult, Threshold};
use crate::metrics::{Cost, Sample};
use crate::report::diff::Side;
use crate::report::figures::{FIGURES, Judged};
use crate::report::folder::RESULT;
use crate::report::{Folder, FolderError, Style, files, readable, summary};
use crate::say;
use crate::scenario::nearest;
use crate::scenario::thresholds::Threshold as Written;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The folder of baselines, unless another is named.
pub const DIR: &str = "baselines";

/// Keep results under a name, as baselines that `diff` compares with.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  p2pfl-sim baseline save ring-100 runs/ring-100-virtual-1
  p2pfl-sim baseline list
  p2pfl-sim diff ring-100 runs/ring-100-virtual-2

A baseline is a folder with a result.json, or one for each run; commit it. A limits.json beside it sets the limits of
`diff`: see docs/ci.md.";

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Keep a result, or several runs of the same scenario, under a name.
    Save {
        /// The name: letters, digits, and - _ . between them.
        name: String,
        /// Result folders, folders of `run --repeat`, or files.
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Replace a baseline of this name.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        shelf: Shelf,
    },
    /// Show what there is.
    List {
        #[command(flatten)]
        shelf: Shelf,
    },
    /// Show what a baseline holds.
    Show {
        /// Its name.
        name: String,
        #[command(flatten)]
        shelf: Shelf,
    },
}

/// The folder that baselines are in.
#[derive(Clone, Debug, clap::Args)]
pub struct Shelf {
    /// The folder of baselines.
    #[arg(long, value_name = "DIR", default_value = DIR)]
    dir: PathBuf,
}

/// Does what is asked for.
///
/// # Errors
/// Names that are none, results that cannot be read, a baseline that is there already, and files that cannot be written.
pub fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::Save { name, runs, force, shelf } => shelf.save(name, runs, *force),
        Command::List { shelf } => super::print(&shelf.list()?),
        Command::Show { name, shelf } => super::print(&shelf.show(name)?),
    }
}

impl Shelf {
    /// In this folder.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// A side by its path, or by its name if there is no such path; and the folder in which its limits would be.
    ///
    /// # Errors
    /// If there is neither, or it cannot be read.
    pub fn side(&self, named: &Path) -> Result<(Side, Option<PathBuf>), CliError> {
        let shown = named.display().to_string();
        let standing = Place::of(named.to_owned()).standing();
        let path = if standing.exists() { standing } else { self.find(&shown)? };
        let side = Side::read(&path, &shown).map_err(|error| CliError::Usage(error.to_string()))?;
        let folder = if path.is_dir() { Some(path) } else { path.parent().map(Path::to_owned) };
        Ok((side, folder))
    }

    fn save(&self, name: &str, runs: &[PathBuf], force: bool) -> Result<(), CliError> {
        refuse_name(name)?;
        let mut kept: Vec<RunResult> = Vec::new();
        for path in runs {
            let side = Side::read(path, name).map_err(|error| CliError::Usage(error.to_string()))?;
            if side.outcomes.all() > side.runs.len() {
                let n = side.outcomes.all() - side.runs.len();
                say::line(&format!(
                    "p2pfl-sim: {}: {n} runs that did not come to an end are left out",
                    path.display()
                ));
            }
            kept.extend(side.runs.into_iter().map(|run| run.result));
        }
        let together = Side::of(name, kept);
        refuse_mixed(&together)?;
        let cannot = |error: FolderError| CliError::Failed(error.to_string());
        // Held until the new one stands where the old one was.
        let _shelf = Folder::at(&self.dir).map_err(|error| match error.source.kind() {
            ErrorKind::ResourceBusy => CliError::Usage(error.to_string()),
            _ => cannot(error),
        })?;
        let place = Place::of(self.dir.join(name));
        place.settle().map_err(cannot)?;
        let path = &place.path;
        if path.exists() && !force {
            return Err(CliError::Usage(format!(
                "there is a baseline {name} in {} already; --force replaces it",
                self.dir.display()
            )));
        }
        let written = match together.runs.as_slice() {
            [only] => write(&place.new, &only.result),
            several => {
                (1..).zip(several).try_for_each(|(n, run)| write(&place.new.join(n.to_string()), &run.result))
            }
        };
        written.and_then(|()| place.replace()).map_err(cannot)?;
        say::line(&format!("Kept {} of {} in {}", runs_told(&together), scenario(&together), path.display()));
        Ok(())
    }

    fn list(&self) -> Result<String, CliError> {
        let names =
            self.names().map_err(|error| CliError::Usage(format!("{}: {error}", self.dir.display())))?;
        if names.is_empty() {
            return Ok(format!("There is no baseline in {}.\n", self.dir.display()));
        }
        let mut table = vec![
            ["name", "scenario", "runs", "clock", "version", "time to finish", "messages"].map(str::to_owned),
        ];
        for name in names {
            let row = match Side::read(&Place::of(self.dir.join(&name)).standing(), &name) {
                Ok(side) => row(&name, &side),
                Err(error) => [
                    name,
                    format!("({error})"),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                    String::new(),
                ],
            };
            table.push(row);
        }
        Ok(columns(&table))
    }

    fn show(&self, name: &str) -> Result<String, CliError> {
        let path = self.find(name)?;
        let side = Side::read(&path, name).map_err(|error| CliError::Usage(error.to_string()))?;
        let first = &side.runs[0].result;
        let mut text = format!("{name}: {} of {}\n\n", runs_told(&side), scenario(&side));
        if let [only] = side.runs.as_slice() {
            return Ok(text + &summary(&only.result, Style::stdout()));
        }
        let mut table = vec![["figure", "median", "min", "max"].map(str::to_owned)];
        for metric in FIGURES.iter().filter(|it| it.judged != Judged::Never) {
            let values =
                side.runs.iter().filter_map(|run| crate::report::diff::figure(&run.document, metric.path));
            let Some(Sample { median, min, max, .. }) = Sample::of(values) else { continue };
            table.push([
                metric.path.to_owned(),
                readable::digits(median),
                readable::digits(min),
                readable::digits(max),
            ]);
        }
        text += &columns(&table);
        Ok(text + &format!("\np2pfl-sim {}, {} clock\n", first.engine.version, first.engine.clock))
    }

    /// The folder of a baseline.
    fn find(&self, name: &str) -> Result<PathBuf, CliError> {
        let path = Place::of(self.dir.join(name)).standing();
        let plain = refuse_name(name).is_ok();
        if plain && path.is_dir() {
            return Ok(path);
        }
        let names = self.names().unwrap_or_default();
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "there are none".into(),
            None => format!("there are {}", names.join(", ")),
        };
        Err(CliError::Usage(format!(
            "{name}: there is no such file or folder, and no baseline of this name in {}; {hint}",
            self.dir.display()
        )))
    }

    /// All names, in order. A folder that is not there has none.
    fn names(&self) -> std::io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.path().is_dir() {
                continue;
            }
            match name.strip_prefix('.') {
                None => names.push(name),
                // Its new one was not there yet when the program was killed.
                Some(hidden) => names.extend(hidden.strip_suffix(OLD).map(str::to_owned)),
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}

fn refuse_name(name: &str) -> Result<(), CliError> {
    let ends = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
    let plain = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.');
    if ends(name.chars().next())
        && ends(name.chars().next_back())
        && name.chars().all(plain)
        && name.len() <= 100
    {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "`{name}` is no name of a baseline: write letters and digits, with - _ or . between them"
    )))
}

fn refuse_mixed(side: &Side) -> Result<(), CliError> {
    let scenario = |i: usize| crate::report::diff::without_seed(&side.runs[i].result.scenario);
    let seeds = side.runs.iter().map(crate::report::diff::Run::seed);
    if (1..side.runs.len()).any(|i| scenario(i) != scenario(0)) {
        return Err(CliError::Usage(
            "these are runs of different scenarios; keep each under a name of its own".into(),
        ));
    }
    let repeated = seeds.clone().zip(seeds.skip(1)).any(|(a, b)| a == b);
    if repeated && side.runs[0].result.engine.clock == "virtual" {
        return Err(CliError::Usage(
            "two of these runs have the same seed: on the virtual clock they are the same; keep one".into(),
        ));
    }
    Ok(())
}

/// How the name of a baseline that has had to make room for another ends; it begins with a dot.
const OLD: &str = ".old";

/// Where a baseline is, where it is made, and where the one that it takes the place of is until then. Whenever the program
/// is killed, the one or the other is there, and whole.
struct Place {
    path: PathBuf,
    new: PathBuf,
    old: PathBuf,
}

impl Place {
    fn of(path: PathBuf) -> Self {
        let beside = |end: &str| {
            let mut name = std::ffi::OsString::from(".");
            name.push(path.file_name().unwrap_or_default());
            name.push(end);
            path.with_file_name(name)
        };
        Self { new: beside(".new"), old: beside(OLD), path }
    }

    /// The baseline that there is, even if the program was killed while it was making room.
    fn standing(self) -> PathBuf {
        if !self.path.exists() && self.old.is_dir() { self.old } else { self.path }
    }

    /// Brings what a program that was killed has left in order.
    fn settle(&self) -> Result<(), FolderError> {
        if !self.path.exists() && self.old.is_dir() {
            files::rename(&self.old, &self.path)?;
        }
        files::remove_all(&self.old)?;
        files::remove_all(&self.new)
    }

    /// Puts the new one where the old one is. All but the runs of the old one is the user's, such as limits, and stays.
    fn replace(&self) -> Result<(), FolderError> {
        if self.path.exists() {
            let entries =
                fs::read_dir(&self.path).map_err(|source| FolderError { path: self.path.clone(), source })?;
            for entry in entries.filter_map(Result::ok) {
                let name = entry.file_name();
                let is_run =
                    name.to_str().is_some_and(|it| it.parse::<u64>().is_ok()) && entry.path().is_dir();
                if name != RESULT && !is_run {
                    files::copy(&entry.path(), &self.new.join(name))?;
                }
            }
            files::sync(&self.new)?;
            files::rename(&self.path, &self.old)?;
        }
        files::rename(&self.new, &self.path)?;
        files::remove_all(&self.old)
    }
}

fn write(path: &Path, result: &RunResult) -> Result<(), FolderError> {
    files::make(path)?;
    Folder::there(path).json(RESULT, &kept(result))
}

/// What is kept of a result: on the virtual clock nothing that differs between two runs of it, so that saving it again leaves
/// the same bytes.
fn kept(result: &RunResult) -> RunResult {
    let mut kept = result.clone();
    if kept.engine.clock == "virtual" {
        kept.engine.threads = 1;
        kept.cost = Cost {
            machine: None,
            wall_s: 0.0,
            cpu_s: f64::NAN,
            peak_rss_bytes: None,
            events: kept.cost.events,
            events_per_cpu_s: f64::NAN,
            messages_per_cpu_s: f64::NAN,
            bytes_per_node: f64::NAN,
        };
        let reads_cost =
            |it: &Threshold| it.threshold.parse::<Written>().is_ok_and(|threshold| threshold.reads("cost"));
        kept.thresholds.retain(|it| !reads_cost(it));
    }
    kept
}

fn row(name: &str, side: &Side) -> [String; 7] {
    let first = &side.runs[0].result;
    let commit = first.engine.commit.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
    [
        name.to_owned(),
        scenario(side),
        side.runs.len().to_string(),
        first.engine.clock.clone(),
        first.engine.version.clone() + &commit,
        first.ended_s.map_or_else(|| "-".into(), readable::time),
        readable::amount(first.messages.total.sent as f64),
    ]
}

fn runs_told(side: &Side) -> String {
    match side.runs.len() {
        1 => "a run".into(),
        n => format!("{n} runs"),
    }
}

fn scenario(side: &Side) -> String {
    let name = side.runs[0].result.scenario["name"].as_str().unwrap_or("unnamed");
    say::escaped(name).replace(['\n', '\t'], " ")
}

/// Rows with their columns below each other.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
