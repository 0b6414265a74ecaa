//! The folder that a run leaves: `result.json` and the tables beside it.
//!
//! `result.json` is written last, and that of an earlier run goes first, with all else that it left: a folder that has one
//! is whole, and of one run. Each file is tried even if another failed, so that one that cannot be written does not cost the
//! rest. Whoever writes into a folder has it locked, from before the run to its end.

use super::files::{self, Part};
use super::findings::{
    Findings, HGRM, HISTOGRAMS, INTERVALS, Interval, NODES, SERIES, Spectrum, TOPOLOGY, TRACE, trace,
};
use super::{event_log, html, tables};
use crate::metrics::result::RunResult;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result: a folder that has it is whole.
pub const RESULT: &str = "result.json";
/// The result of a run some of whose other files could not be written.
pub const INCOMPLETE: &str = "result.incomplete.json";
/// What became of messages, by command.
pub const MESSAGES: &str = "messages.csv";
/// One row for each round.
pub const ROUNDS: &str = "rounds.csv";

/// The tables that every run leaves.
const TABLES: [&str; 4] = [SERIES, NODES, MESSAGES, ROUNDS];

/// What a run may leave besides result, tables and histograms.
const BESIDES: [&str; 6] = [INCOMPLETE, INTERVALS, TRACE, TOPOLOGY, html::NAME, event_log::NAME];

/// What tells of many runs: of `run --repeat`, `sweep` and `compare`.
pub const MANY: [&str; 3] = ["summary.json", "sweep.json", "compare.json"];

/// What they leave besides.
const BESIDES_MANY: [&str; 3] = ["sweep.csv", "compare.csv", "compare.md"];

/// A result folder that exists.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// Given back with the last of its clones, and by the system if the program dies.
    _lock: Option<Arc<Flock<File>>>,
}

/// A folder or file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct FolderError {
    /// Which.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl Folder {
    /// Makes `<root>/<name>-<n>` with the next free n from 1: one more than the highest there is. Runs that start
    /// at the same time get different ones.
    pub fn numbered(root: &Path, name: &str) -> Result<Self, FolderError> {
        files::make(root)?;
        let mut number = highest(root, name).map_or(1, |highest| highest.saturating_add(1));
        loop {
            let path = root.join(format!("{name}-{number}"));
            match files::make_new(&path) {
                Ok(()) => return Self::at(&path),
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists && number < u64::MAX => {
                    number += 1
                }
                Err(source) => return Err(FolderError { path, source }),
            }
        }
    }

    /// The folder at `path`, made if it is not there, for this process alone. What is in it stays until something is
    /// written.
    ///
    /// # Errors
    /// If it cannot be made, or another process has it.
    pub fn at(path: &Path) -> Result<Self, FolderError> {
        files::make(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)?.map(Arc::new) })
    }

    /// A folder that somebody else has made.
    pub fn there(path: &Path) -> Self {
        Self { path: path.to_owned(), _lock: None }
    }

    /// Finds out whether files can be written into it. Nothing is left of the attempt.
    ///
    /// # Errors
    /// Why none can.
    pub fn tried(&self) -> Result<(), FolderError> {
        files::try_in(&self.path).map_err(|source| FolderError { path: self.path.clone(), source })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a run has left all its tables at `path`, and its result.
    pub fn is_whole(path: &Path) -> bool {
        TABLES.iter().chain([&RESULT]).all(|name| path.join(name).is_file())
    }

    /// An event log that is to be written while a run goes on. [`Folder::write`] gives it its name.
    ///
    /// # Errors
    /// Names the file.
    pub fn event_log(&self) -> Result<Part, FolderError> {
        Part::empty(&self.path, event_log::NAME)
    }

    /// Writes all that is known of a run: what [`Folder::write_tables`] does, histograms, the trace, the topology and a
    /// page that shows it; and the event log, if one was written meanwhile.
    ///
    /// # Errors
    /// Names the first file that could not be written; the others are there.
    pub fn write(&self, run: &Findings, log: Option<Part>) -> Result<(), FolderError> {
        self.filled(&run.result, log, || {
            let mut parts = self.tables(run);
            parts.extend(self.histograms(&run.spectra));
            parts.extend([
                self.stage(INTERVALS, |out| Interval::write(&run.intervals, out)),
                self.stage(TRACE, |out| trace::write(&run.trace, run.name(), out)),
                self.stage(TOPOLOGY, |out| serde_json::to_writer(out, &run.drawing).map_err(io::Error::from)),
                self.stage(html::NAME, |out| {
                    let page = html::page(run).map_err(io::Error::other)?;
                    out.write_all(page.as_bytes())
                }),
            ]);
            parts
        })
    }

    /// Writes what every one of many runs leaves: `result.json`, `series.csv`, `nodes.csv`, `messages.csv` and
    /// `rounds.csv`.
    ///
    /// # Errors
    /// Names the first file that could not be written; the others are there.
    pub fn write_tables(&self, run: &Findings) -> Result<(), FolderError> {
        self.filled(&run.result, None, || self.tables(run))
    }

    /// Writes parts and the result beside an earlier run, and only then puts them in its place, the result last: what can
    /// take long is done by then.
    fn filled(
        &self,
        result: &RunResult,
        log: Option<Part>,
        parts: impl FnOnce() -> Vec<Result<Part, FolderError>>,
    ) -> Result<(), FolderError> {
        self.clear_parts(log.as_ref())?;
        let mut parts = parts();
        parts.extend(log.map(Part::synced));
        let last = self.stage(RESULT, |out| document(out, result));
        self.clear()?;
        // Each is tried, whatever became of those before.
        let kept: Vec<_> = parts.into_iter().map(|part| part.and_then(Part::keep)).collect();
        let written = kept.into_iter().collect::<Result<(), _>>().and_then(|()| {
            let histograms = self.path.join(HISTOGRAMS);
            if histograms.is_dir() { files::sync(&histograms) } else { Ok(()) }
        });
        let written = written.and_then(|()| files::sync(&self.path));
        // What was measured is not lost with a file beside it, but is not taken for whole either.
        let name = if written.is_ok() { RESULT } else { INCOMPLETE };
        let last = last.and_then(|part| part.keep_at(self.path.join(name)));
        written.and(last).and_then(|()| files::sync(&self.path))
    }

    fn tables(&self, run: &Findings) -> Vec<Result<Part, FolderError>> {
        let result = &run.result;
        vec![
            self.stage(SERIES, |out| tables::series(out, &run.series)),
            self.stage(NODES, |out| tables::nodes(out, &run.nodes)),
            self.stage(MESSAGES, |out| tables::messages(out, result)),
            self.stage(ROUNDS, |out| tables::rounds(out, &result.rounds)),
        ]
    }

    /// Takes away what an earlier run has left, its result first, and nothing of anybody else: until this one has a result,
    /// the folder has none.
    fn clear(&self) -> Result<(), FolderError> {
        if files::remove(&self.path.join(RESULT))? {
            files::sync(&self.path)?;
        }
        for name in TABLES.iter().chain(&BESIDES) {
            files::remove(&self.path.join(name))?;
        }
        let histograms = self.path.join(HISTOGRAMS);
        for entry in fs::read_dir(&histograms).into_iter().flatten().filter_map(Result::ok) {
            if entry.file_name().to_str().is_some_and(is_histogram) {
                files::remove(&entry.path())?;
            }
        }
        files::remove_if_empty(&histograms);
        Ok(())
    }

    /// Takes away what was being written when an earlier run was killed. An event log that was written meanwhile stays.
    fn clear_parts(&self, log: Option<&Part>) -> Result<(), FolderError> {
        files::remove_parts(&self.path.join(HISTOGRAMS), None, is_histogram)?;
        let is_ours = |name: &str| {
            name == RESULT || TABLES.contains(&name) || BESIDES.contains(&name) || is_of_many(name)
        };
        files::remove_parts(&self.path, log, is_ours)
    }

    /// Takes away what an earlier command has left of a run, or of many: first what tells of them all, then each of those
    /// whose folders are numbers in the folders of these names; "" is this folder.
    ///
    /// # Errors
    /// Names the first file that cannot be taken away.
    pub fn clear_all<'a>(&self, roots: impl IntoIterator<Item = &'a str>) -> Result<(), FolderError> {
        for name in MANY.iter().chain(&BESIDES_MANY) {
            files::remove(&self.path.join(name))?;
        }
        files::sync(&self.path)?;
        self.clear_parts(None)?;
        self.clear()?;
        for root in roots.into_iter().map(|name| self.path.join(name)).filter(|it| !it.is_symlink()) {
            for run in runs_in(&root) {
                let run = Self::at(&run)?;
                run.clear_parts(None)?;
                run.clear()?;
                files::remove_if_empty(&run.path);
            }
        }
        Ok(())
    }

    /// Writes a file for each latency.
    fn histograms(&self, spectra: &BTreeMap<String, Spectrum>) -> Vec<Result<Part, FolderError>> {
        let folder = Self::there(&self.path.join(HISTOGRAMS));
        if let Err(error) = files::make(&folder.path) {
            return vec![Err(error)];
        }
        let some = spectra.iter().filter(|(_, spectrum)| spectrum.count > 0);
        some.map(|(name, it)| folder.stage(&format!("{name}.{HGRM}"), |out| it.write(out))).collect()
    }

    /// Writes a document, whole or not at all.
    ///
    /// # Errors
    /// Names the file; nothing of it is left.
    pub fn json(&self, name: &str, it: &impl Serialize) -> Result<(), FolderError> {
        self.file(name, |out| document(out, it))
    }

    /// Writes one more file, whole or not at all.
    ///
    /// # Errors
    /// Names the file; nothing of it is left.
    pub fn file(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        files::put(&self.path, name, write).and_then(|()| files::sync(&self.path))
    }

    fn stage(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<Part, FolderError> {
        files::stage(&self.path, name, write)
    }
}

fn document(out: &mut BufWriter<File>, it: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, it)?;
    out.write_all(b"\n")
}

fn is_histogram(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == HGRM)
}

fn is_of_many(name: &str) -> bool {
    MANY.contains(&name) || BESIDES_MANY.contains(&name)
}

/// The folders in it that are called by a number.
fn runs_in(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let is_run = |entry: &fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|it| it.parse::<u64>().is_ok())
            && entry.file_type().is_ok_and(|it| it.is_dir())
    };
    entries.filter(is_run).map(|entry| entry.path()).collect()
}

/// Takes the folder for this process alone. Nothing of it is left in the folder, and the system gives it back when the
/// process ends, however it does. A file system that has no locks does without.
fn lock(path: &Path) -> Result<Option<Flock<File>>, FolderError> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => {
            let why = "another p2pfl-sim writes into it, and has to end first";
            let source = io::Error::new(io::ErrorKind::ResourceBusy, why);
            Err(FolderError { path: path.to_owned(), source })
        }
        Err(_) => Ok(None),
    }
}

/// The highest n of the `<name>-<n>` in `root`.
fn highest(root: &Path, name: &str) -> Option<u64> {
    let entries = fs::read_dir(root).ok()?.filter_map(Result::ok);
    let numbers = entries.filter_map(|entry| {
        entry.file_name().to_str()?.strip_prefix(name)?.strip_prefix('-')?.parse::<u64>().ok()
    });
    numbers.max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_result_reads_back_as_it_was_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::numbered(root.path(), "full").unwrap();
        let result = sample::findings().result;
        folder.write(&sample::findings(), None).unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "histograms",
                "intervals.hlog",
                "messages.csv",
                "nodes.csv",
                "report.html",
                "result.json",
                "rounds.csv",
                "series.csv",
                "topology.json",
                "trace.json"
            ]
        );
        let back = crate::report::findings::result(folder.path()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&result).unwrap());

        for (file, rows) in [("series.csv", 2), ("nodes.csv", 3), ("messages.csv", 4), ("rounds.csv", 2)] {
            let mut reader = csv::Reader::from_path(folder.path().join(file)).unwrap();
            assert_eq!(reader.records().collect::<Result<Vec<_>, _>>().unwrap().len(), rows, "{file}");
        }
    }

    #[test]
    fn a_table_has_the_values_under_their_names() {
        let mut out = Vec::new();
        tables::messages(&mut out, &sample::full()).unwrap();
        let mut reader = csv::Reader::from_reader(out.as_slice());
        let header = reader.headers().unwrap().clone();
        let beat = reader.records().map(Result::unwrap).find(|row| &row[0] == "beat").unwrap();
        let value = |name: &str| &beat[header.iter().position(|column| column == name).unwrap()];
        let account = &sample::full().messages.by_command[&crate::wire::Command::Beat];
        assert_eq!(value("sent"), account.sent.to_string());
        assert_eq!(value("dropped_crash"), account.dropped[&crate::metrics::Cause::Crash].to_string());
        assert_eq!(value("wire_bytes"), account.wire_bytes.to_string());
    }

    #[test]
    fn runs_that_start_together_get_folders_of_their_own() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("ring-7")).unwrap();
        fs::create_dir(root.path().join("ring-faithful-90")).unwrap();
        let mut paths = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Folder::numbered(root.path(), "ring").unwrap().path)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 8);
        assert!(paths.contains(&root.path().join("ring-8")), "{paths:?}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_the_others_are_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(&root.path().join("out")).unwrap();
        // A folder where the file should go; permissions would not stop a test that root runs.
        fs::create_dir_all(folder.path().join("nodes.csv/in the way")).unwrap();
        let error = folder.write_tables(&sample::findings()).unwrap_err();
        assert!(error.path.ends_with("nodes.csv"), "{error}");
        assert!(error.to_string().contains("nodes.csv"), "{error}");
        assert_eq!(
            names(folder.path()),
            ["messages.csv", "nodes.csv", "result.incomplete.json", "rounds.csv", "series.csv"]
        );
    }

    #[test]
    fn what_cannot_be_written_to_its_end_leaves_no_half_a_file_and_what_was_there() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path()).unwrap();
        folder.file("sweep.csv", |out| out.write_all(b"old")).unwrap();
        let error = folder
            .file("sweep.csv", |out| {
                out.write_all(b"half")?;
                Err(io::ErrorKind::StorageFull.into())
            })
            .unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert!(error.path.ends_with("sweep.csv"), "{error}");
        assert_eq!(names(root.path()), ["sweep.csv"]);
        assert_eq!(fs::read(root.path().join("sweep.csv")).unwrap(), b"old");
    }

    #[test]
    fn a_folder_is_of_one_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = Folder::at(root.path()).unwrap();
        let error = Folder::at(root.path()).unwrap_err();
        assert_eq!((error.source.kind(), &*error.path), (io::ErrorKind::ResourceBusy, root.path()));
        drop(first.clone());
        assert!(Folder::at(root.path()).is_err(), "the first still has it");
        drop(first);
        Folder::at(root.path()).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::numbered(&file, "ring").unwrap_err();
        assert_eq!(error.path, file);
    }
}
