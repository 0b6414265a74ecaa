//! Reads results back: says of what is no result what it is instead, and changes nothing.

use super::{Findings, Interval, Spectrum, trace};
use crate::bounded;
use crate::metrics::result::{RunResult, SCHEMA};
use crate::report::folder::{MESSAGES, RESULT, ROUNDS};
use crate::report::tables;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Something that cannot be read as a result.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct ReadError {
    /// Which file or folder.
    pub path: PathBuf,
    /// Why not.
    pub why: Unreadable,
}

/// Why something cannot be read as a result.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The operating system does not let us.
    #[error("cannot be read: {0}")]
    System(#[from] io::Error),
    /// It ends in the middle, or is something else.
    #[error("is no JSON document, or only a part of one: {0}")]
    NotJson(serde_json::Error),
    /// It is JSON of some other program.
    #[error("is no result of p2pfl-sim: it has no \"schema\" that says so")]
    Foreign,
    /// It tells of many runs.
    #[error("tells of many runs (\"{0}\"), not of one; each of them has a folder beside it")]
    Many(String),
    /// It was written by another version.
    #[error(
        "has the format \"{0}\"; this version of p2pfl-sim reads \"{SCHEMA}\". Run the scenario again with this version, \
             or use the one that wrote it"
    )]
    Version(String),
    /// It is none of the run that the result beside it is of.
    #[error(
        "is of another run than the {RESULT} beside it: {0}. Move what does not belong there away, or run the scenario again"
    )]
    OfAnother(String),
    /// A value is not what it should be.
    #[error("is damaged: {0}")]
    Damaged(String),
}

/// The names of the files beside `result.json`.
pub const SERIES: &str = "series.csv";
/// One row for each node.
pub const NODES: &str = "nodes.csv";
/// The folder of histograms, one file for each latency.
pub const HISTOGRAMS: &str = "histograms";
/// What their names end with.
pub const HGRM: &str = "hgrm";
/// Latencies over time.
pub const INTERVALS: &str = "intervals.hlog";
/// What some nodes did when.
pub const TRACE: &str = "trace.json";
/// What can be drawn of the topology.
pub const TOPOLOGY: &str = "topology.json";

impl Findings {
    /// Reads all that a result folder has. Of the files beside `result.json` any may be missing; none may be damaged.
    ///
    /// # Errors
    /// Names the file that cannot be read, and says why.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let result = result(folder)?;
        // The result itself may have been named.
        let folder = if folder.is_dir() { folder } else { folder.parent().unwrap_or(Path::new("")) };
        let found = Self {
            result,
            nodes: part(folder, NODES, rows)?,
            series: part(folder, SERIES, rows)?,
            spectra: spectra(&folder.join(HISTOGRAMS))?,
            intervals: part(folder, INTERVALS, Interval::parse)?,
            trace: part(folder, TRACE, trace::parse)?,
            drawing: part(folder, TOPOLOGY, |text| {
                serde_json::from_slice(text).map_err(|it| it.to_string())
            })?,
        };
        found.refuse_two_runs(folder)?;
        Ok(found)
    }

    /// Refuses a folder whose files are of two runs, which comes about by hand or by versions that were killed. A file that
    /// is not there says nothing.
    fn refuse_two_runs(&self, folder: &Path) -> Result<(), ReadError> {
        let refuse = |name: &str, why: String| {
            Err(ReadError { path: folder.join(name), why: Unreadable::OfAnother(why) })
        };
        let result = &self.result;
        for (name, wanted) in [
            (MESSAGES, written(|out| tables::messages(out, result))),
            (ROUNDS, written(|out| tables::rounds(out, &result.rounds))),
        ] {
            let found = part(folder, name, |text| Ok(text.to_vec()))?;
            let columns = |text: &[u8]| text.split(|it| *it == b'\n').next().map(<[u8]>::to_vec);
            // Older versions may have had other columns.
            if !found.is_empty() && columns(&found) == columns(&wanted) && found != wanted {
                return refuse(name, "its rows differ from what the result says".into());
            }
        }
        let (rows, nodes) = (self.nodes.len(), result.nodes.total as usize);
        if rows > 0 && rows != nodes {
            return refuse(NODES, format!("it tells of {rows} nodes, the result of {nodes}"));
        }
        let drawn = [(TRACE, self.trace.nodes.last()), (TOPOLOGY, self.drawing.nodes.last())];
        for (name, last) in drawn {
            if let Some(last) = last.filter(|last| **last as usize >= nodes) {
                return refuse(name, format!("it tells of node {last}, the result of {nodes} nodes"));
            }
        }
        if let Some(ended_s) = result.ended_s.filter(|_| !self.trace.nodes.is_empty()) {
            let traced_s = self.trace.end_ns as f64 / 1e9;
            if (traced_s - ended_s).abs() > 1e-3 {
                return refuse(TRACE, format!("it ends at {traced_s} s, the result at {ended_s} s"));
            }
        }
        Ok(())
    }
}

/// A table as it is written. Memory takes all of it.
fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut text = Vec::new();
    let _ = write(&mut text);
    text
}

/// What is in a file of the folder; nothing if there is no such file.
fn part<T: Default>(
    folder: &Path,
    name: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, ReadError> {
    let path = folder.join(name);
    let text = match bounded::read(&path, bounded::RESULT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        other => other.map_err(Unreadable::System),
    };
    let found = text.and_then(|text| parse(&text).map_err(Unreadable::Damaged));
    found.map_err(|why| ReadError { path, why })
}

fn rows<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, String> {
    let mut reader = csv::Reader::from_reader(text);
    reader.deserialize().collect::<Result<_, _>>().map_err(|error: csv::Error| error.to_string())
}

/// The histograms of a folder, by name.
fn spectra(folder: &Path) -> Result<BTreeMap<String, Spectrum>, ReadError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other.map_err(|error| ReadError { path: folder.to_owned(), why: error.into() })?,
    };
    let mut found = BTreeMap::new();
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let Some(latency) = name.strip_suffix(HGRM).and_then(|it| it.strip_suffix('.')) else { continue };
        let parse = |text: &[u8]| {
            let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
            Spectrum::parse(text)
        };
        found.insert(latency.to_owned(), part(folder, &name, parse)?);
    }
    Ok(found)
}

/// Reads a `result.json`, or that of a result folder.
///
/// # Errors
/// If it cannot be read, is of another version, or is something else.
pub fn result(path: &Path) -> Result<RunResult, ReadError> {
    let path = if path.is_dir() { path.join(RESULT) } else { path.to_owned() };
    read(&path).map_err(|why| ReadError { path, why })
}

fn read(path: &Path) -> Result<RunResult, Unreadable> {
    /// What every document of this program begins with.
    #[derive(Deserialize)]
    struct Head {
        schema: Option<serde_json::Value>,
    }
    let text = bounded::read(path, bounded::RESULT)?;
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
        return Err(Unreadable::NotJson(error));
    }
    let head: Head = serde_json::from_slice(&text).map_err(|_| Unreadable::Foreign)?;
    match head.schema.as_ref().and_then(|it| it.as_str()) {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with("p2pfl-sim/result/") => {
            return Err(Unreadable::Version(other.into()));
        }
        Some(other) if other.starts_with("p2pfl-sim/") => return Err(Unreadable::Many(other.into())),
        _ => return Err(Unreadable::Foreign),
    }
    let mut json = serde_json::Deserializer::from_slice(&text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| Unreadable::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Folder, sample};
    use serde_json::{Value, json};

    fn of(text: &str) -> Result<RunResult, ReadError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("result.json"), text).unwrap();
        result(folder.path())
    }

    fn refusal(document: &Value) -> String {
        of(&document.to_string()).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_result_reads_back() {
        for result in sample::all() {
            let text = serde_json::to_string(&result).unwrap();
            let back = of(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }

    #[test]
    fn all_that_a_folder_has_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let written = sample::findings();
        Folder::at(root.path()).unwrap().write(&written, None).unwrap();
        let read = Findings::read(root.path()).unwrap();
        assert_eq!((&read.nodes, &read.series), (&written.nodes, &written.series));
        assert_eq!((&read.trace, &read.drawing), (&written.trace, &written.drawing));
        let names = |of: &Findings| {
            of.spectra.iter().filter(|it| it.1.count > 0).map(|it| it.0.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&read), names(&written));
        assert_eq!(read.intervals.len(), written.intervals.len());
        assert!(!written.intervals.is_empty() && !written.trace.spans.is_empty());
        // What reads back is written again as it was.
        let again = tempfile::tempdir().unwrap();
        Folder::at(again.path()).unwrap().write(&read, None).unwrap();
        for file in [SERIES, NODES, INTERVALS, TRACE, TOPOLOGY, "result.json", "histograms/message.hgrm"] {
            let text = |root: &Path| fs::read(root.join(file)).unwrap();
            assert!(text(root.path()) == text(again.path()), "{file}");
        }
    }

    #[test]
    fn a_file_that_is_missing_is_empty_and_one_that_is_damaged_is_named() {
        let root = tempfile::tempdir().unwrap();
        Folder::at(root.path()).unwrap().write(&sample::findings(), None).unwrap();
        for file in [NODES, SERIES, INTERVALS, TRACE, TOPOLOGY, "histograms/message.hgrm"] {
            let path = root.path().join(file);
            let text = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            Findings::read(root.path()).unwrap();
            fs::write(&path, b"Tag=x,y\n\xff\"{").unwrap();
            let error = Findings::read(root.path()).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains("damaged"), "{error}");
            fs::write(&path, text).unwrap();
        }
        fs::remove_dir_all(root.path().join(HISTOGRAMS)).unwrap();
        assert!(Findings::read(&root.path().join("result.json")).unwrap().spectra.is_empty());
    }

    #[test]
    fn what_is_no_result_is_said_to_be_what_it_is() {
        let full = serde_json::to_value(sample::full()).unwrap();
        let with = |field: &str, value: Value| {
            let mut changed = full.clone();
            changed[field] = value;
            refusal(&changed)
        };
        assert!(with("schema", json!("p2pfl-sim/result/2")).contains("p2pfl-sim/result/2"));
        assert!(with("schema", json!("p2pfl-sim/sweep/1")).contains("many runs"));
        assert!(with("schema", json!(7)).contains("no result of p2pfl-sim"));
        assert!(refusal(&json!({ "benches": [] })).contains("no result of p2pfl-sim"));
        assert!(refusal(&json!([1, 2])).contains("no result of p2pfl-sim"));
        let damaged = with("nodes", json!({ "total": "many" }));
        assert!(damaged.contains("nodes.total"), "{damaged}");
        let text = full.to_string();
        let cut = of(&text[..text.len() / 2]).unwrap_err().to_string();
        assert!(cut.contains("a part of one"), "{cut}");
        let nowhere = result(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(nowhere.contains("no/such/folder"), "{nowhere}");
    }
}
