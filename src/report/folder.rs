//! The folder that a run leaves: `result.json` and the tables beside it.
//!
//! Each file is written to a temporary name and renamed, so that whoever looks sees a whole file or none; and each
//! is tried even if another failed, so that one that cannot be written does not cost the rest.

use super::findings::{
    Findings, HGRM, HISTOGRAMS, INTERVALS, Interval, NODES, SERIES, Spectrum, TOPOLOGY, TRACE, trace,
};
use super::{html, tables};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A result folder that exists.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
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
        fs::create_dir_all(root).map_err(|source| FolderError { path: root.to_owned(), source })?;
        let mut number = highest(root, name).map_or(1, |highest| highest.saturating_add(1));
        loop {
            let path = root.join(format!("{name}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists && number < u64::MAX => {
                    number += 1
                }
                Err(source) => return Err(FolderError { path, source }),
            }
        }
    }

    /// The folder at `path`, made if it is not there. Files of an earlier result in it are replaced.
    pub fn at(path: &Path) -> Result<Self, FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all that is known of a run: what [`Folder::write_tables`] does, histograms, the trace, the topology and a
    /// page that shows it.
    ///
    /// # Errors
    /// Names the first file that could not be written; the others are there.
    pub fn write(&self, run: &Findings) -> Result<(), FolderError> {
        let written = [
            self.write_tables(run),
            self.histograms(&run.spectra),
            self.file(INTERVALS, |out| Interval::write(&run.intervals, out)),
            self.file(TRACE, |out| trace::write(&run.trace, run.name(), out)),
            self.file(TOPOLOGY, |out| serde_json::to_writer(out, &run.drawing).map_err(io::Error::from)),
            self.file(html::NAME, |out| {
                let page = html::page(run).map_err(io::Error::other)?;
                out.write_all(page.as_bytes())
            }),
        ];
        written.into_iter().collect()
    }

    /// Writes what every one of many runs leaves: `result.json`, `series.csv`, `nodes.csv`, `messages.csv` and
    /// `rounds.csv`.
    ///
    /// # Errors
    /// Names the first file that could not be written; the others are there.
    pub fn write_tables(&self, run: &Findings) -> Result<(), FolderError> {
        let result = &run.result;
        let written = [
            self.json("result.json", result),
            self.file(SERIES, |out| tables::series(out, &run.series)),
            self.file(NODES, |out| tables::nodes(out, &run.nodes)),
            self.file("messages.csv", |out| tables::messages(out, result)),
            self.file("rounds.csv", |out| tables::rounds(out, &result.rounds)),
        ];
        written.into_iter().collect()
    }

    /// Writes a file for each latency. Those of an earlier result go.
    fn histograms(&self, spectra: &BTreeMap<String, Spectrum>) -> Result<(), FolderError> {
        let path = self.path.join(HISTOGRAMS);
        let emptied = fs::create_dir_all(&path).and_then(|()| {
            for entry in fs::read_dir(&path)? {
                let old = entry?.path();
                if old.extension().is_some_and(|it| it == HGRM) {
                    fs::remove_file(old)?;
                }
            }
            Ok(())
        });
        emptied.map_err(|source| FolderError { path: path.clone(), source })?;
        let folder = Self { path };
        let some = spectra.iter().filter(|(_, spectrum)| spectrum.count > 0);
        let write =
            |(name, it): (&String, &Spectrum)| folder.file(&format!("{name}.{HGRM}"), |out| it.write(out));
        // Each is tried, whatever became of those before.
        let written: Vec<_> = some.map(write).collect();
        written.into_iter().collect()
    }

    /// Writes a document, whole or not at all.
    ///
    /// # Errors
    /// Names the file; nothing of it is left.
    pub fn json(&self, name: &str, document: &impl Serialize) -> Result<(), FolderError> {
        self.file(name, |out| {
            serde_json::to_writer_pretty(&mut *out, document)?;
            out.write_all(b"\n")
        })
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
        let path = self.path.join(name);
        let part = self.path.join(format!(".{name}.part"));
        let written = File::create(&part).and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?;
            fs::rename(&part, &path)
        });
        written.map_err(|source| {
            let _ = fs::remove_file(&part);
            FolderError { path, source }
        })
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
        let result = sample::full();
        folder.write(&sample::findings()).unwrap();
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
            ["messages.csv", "nodes.csv", "result.json", "rounds.csv", "series.csv"]
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_leaves_no_half_a_file() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::at(root.path()).unwrap();
        // What is written through this link meets a full device, and not before the buffer is flushed.
        std::os::unix::fs::symlink("/dev/full", root.path().join(".rounds.csv.part")).unwrap();
        let error = folder.write_tables(&sample::findings()).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert!(error.path.ends_with("rounds.csv"), "{error}");
        assert_eq!(names(root.path()), ["messages.csv", "nodes.csv", "result.json", "series.csv"]);
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
