//! `p2pfl-sim report`: makes a page of what a run has left, or of several runs side by side.

use super::CliError;
use super::batch::unwritten;
use crate::report::html::{self, Named};
use crate::report::{Compare, Findings, files};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Make a page of a result: one file to open, send and keep, without network.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Result folders, as `run` leaves them, or that of a comparison. Several are set side by side, the others against the first.
    #[arg(required = true, value_name = "RUN_DIR")]
    runs: Vec<PathBuf>,
    /// Open it in the browser.
    #[arg(long)]
    open: bool,
    /// Where the page goes. Default: `report.html` in the result folder; of several, beside the first folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
What is on the page: what happened in one sentence; accuracy and loss by round; latency as a spectrum of percentiles, by
command and stage, and over time; throughput; who did what when, and who waited for whom; the topology; what became of
messages; the scenario that made it all. Every chart has its numbers in a table and can be saved as SVG. How to read it
is in docs/report.md.

Examples:
  p2pfl-sim report runs/ring-100-1 --open
  p2pfl-sim report runs/ring-100-1 runs/ring-100-2 runs/ring-100-3 --out three.html
  p2pfl-sim run scenarios/star-64.json --out star && p2pfl-sim report star

A page of an earlier time is replaced; nothing else is.";

/// What `compare` leaves.
const COMPARISON: &str = "compare.json";

/// How a page of ours begins to be known: see the template.
const MARK: &str = "<meta name=\"generator\" content=\"p2pfl-sim ";

/// Makes the page.
///
/// # Errors
/// What is no result (exit code 2), a page that cannot be written, a browser that cannot be started.
pub fn run(args: &Args) -> Result<(), CliError> {
    if let [path] = &args.runs[..]
        && path.join(COMPARISON).exists()
    {
        return comparison(args, path);
    }
    let runs = args.runs.iter().zip(names(&args.runs));
    let runs = runs.map(|(path, name)| Ok(Named { name, findings: read(path)? }));
    let runs = runs.collect::<Result<Vec<Named>, CliError>>()?;
    let path = match &args.out {
        Some(path) => spared(path)?.to_owned(),
        None => place(&args.runs),
    };
    let page = html::pages(&runs).map_err(|error| CliError::Failed(error.to_string()))?;
    left(args, &path, &page)
}

/// What `compare` has left, as a page.
fn comparison(args: &Args, folder: &Path) -> Result<(), CliError> {
    let path = match &args.out {
        Some(path) => spared(path)?.to_owned(),
        None => folder.join(html::NAME),
    };
    let compare = Compare::read(&folder.join(COMPARISON)).map_err(CliError::Usage)?;
    let page = html::comparison(&compare).map_err(|error| CliError::Failed(error.to_string()))?;
    left(args, &path, &page)
}

/// Writes the page, says where it is, and shows it if that is wanted.
fn left(args: &Args, path: &Path, page: &str) -> Result<(), CliError> {
    files::whole(path, |out| out.write_all(page.as_bytes())).map_err(|error| unwritten(&error))?;
    super::print(&format!("{}\n", path.display()))?;
    if args.open {
        open::that_detached(path).map_err(|error| {
            CliError::Failed(format!("cannot start a browser: {error}; open {} yourself", path.display()))
        })?;
    }
    Ok(())
}

/// Everything that a result folder has.
fn read(path: &Path) -> Result<Findings, CliError> {
    let many = ["summary.json", "sweep.json", COMPARISON];
    if path.is_dir() && !path.join("result.json").exists() {
        let text = match many.iter().find(|name| path.join(name).exists()) {
            Some(name) => format!(
                "{} has the results of many runs ({name}); name one or several of the folders in it",
                path.display()
            ),
            None => format!("{} is no result folder: it has no result.json", path.display()),
        };
        return Err(CliError::Usage(text));
    }
    Findings::read(path).map_err(|error| CliError::Usage(error.to_string()))
}

/// What runs are called side by side: by their folders, and where two are called the same by their whole paths.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &PathBuf| {
        let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
        let folder =
            if whole.is_file() { whole.parent().map(Path::to_owned).unwrap_or(whole) } else { whole };
        folder
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let names: Vec<String> = paths.iter().map(short).collect();
    let alone = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
    let named = names.iter().zip(paths);
    named.map(|(name, path)| if alone(name) { name.clone() } else { path.display().to_string() }).collect()
}

/// Where a page goes that nobody has said a place for.
fn place(runs: &[PathBuf]) -> PathBuf {
    let first = &runs[0];
    let folder =
        if first.is_dir() { first.clone() } else { first.parent().unwrap_or(Path::new("")).to_owned() };
    match runs {
        [_] => folder.join(html::NAME),
        _ => folder.canonicalize().unwrap_or(folder).with_file_name(html::NAME),
    }
}

/// The path, if nothing is there that is no report.
fn spared(path: &Path) -> Result<&Path, CliError> {
    let is_there = path.symlink_metadata().is_ok();
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(1_024).read_to_end(&mut head));
    let is_report = read.is_ok() && String::from_utf8_lossy(&head).contains(MARK);
    if is_there && !is_report {
        let text = format!("{} is there, and is no report; --out replaces nothing else", path.display());
        return Err(CliError::Usage(text));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Folder, sample};

    fn left_by_a_run(folder: &Path, name: &str) -> PathBuf {
        let folder = Folder::at(&folder.join(name)).unwrap();
        folder.write(&sample::findings(), None).unwrap();
        folder.path().to_owned()
    }

    fn report(runs: &[PathBuf], out: Option<PathBuf>) -> Result<(), CliError> {
        run(&Args { runs: runs.to_vec(), open: false, out })
    }

    #[test]
    fn a_page_goes_into_the_folder_and_of_several_beside_the_first() {
        let root = tempfile::tempdir().unwrap();
        let runs = [left_by_a_run(root.path(), "a"), left_by_a_run(root.path(), "b")];
        report(&runs[..1], None).unwrap();
        let alone = std::fs::read_to_string(runs[0].join(html::NAME)).unwrap();
        assert!(alone.starts_with("<!doctype html>"), "{}", &alone[..100]);
        report(&runs, None).unwrap();
        assert!(root.path().join(html::NAME).exists());
        report(&runs[..1], None).unwrap();
        assert_eq!(std::fs::read_to_string(runs[0].join(html::NAME)).unwrap(), alone);
    }

    #[test]
    fn nothing_but_a_report_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let runs = [left_by_a_run(root.path(), "a")];
        let theirs = root.path().join("thesis.html");
        std::fs::write(&theirs, "<!doctype html><title>my thesis</title>").unwrap();
        let error = report(&runs, Some(theirs.clone())).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("is no report"), "{error}");
        assert!(std::fs::read_to_string(&theirs).unwrap().contains("my thesis"));
        let ours = root.path().join("ours.html");
        report(&runs, Some(ours.clone())).unwrap();
        report(&runs, Some(ours)).unwrap();
    }

    #[test]
    fn what_is_no_result_folder_is_said_to_be_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| {
            let error = report(&[path.to_owned()], None).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            error.to_string()
        };
        assert!(refusal(root.path()).contains("has no result.json"));
        std::fs::write(root.path().join("summary.json"), "{}").unwrap();
        assert!(refusal(root.path()).contains("many runs (summary.json)"));
        let folder = left_by_a_run(root.path(), "a");
        std::fs::remove_file(folder.join(html::NAME)).unwrap();
        std::fs::write(folder.join("nodes.csv"), "node,address\n0,node-0\n").unwrap();
        assert!(refusal(&folder).contains("nodes.csv"));
        std::fs::write(folder.join("result.json"), "{\"schema\":").unwrap();
        assert!(refusal(&folder).contains("a part of one"));
        assert!(!folder.join(html::NAME).exists(), "nothing is left of a report that failed");
    }

    #[test]
    fn runs_of_the_same_name_are_told_apart_by_their_paths() {
        let root = tempfile::tempdir().unwrap();
        let runs = [
            left_by_a_run(root.path(), "x/1"),
            left_by_a_run(root.path(), "y/1"),
            left_by_a_run(root.path(), "y/2"),
        ];
        let names = names(&runs);
        assert!(names[0].ends_with("x/1") && names[1].ends_with("y/1") && names[2] == "2", "{names:?}");
    }
}
