//! One side of a comparison: a result, or those of a scenario that was run several times. What is read here is compared
//! elsewhere.

use crate::bounded;
use crate::metrics::result::{Outcome, RunResult};
use crate::report::findings::{self, ReadError};
use crate::report::many::Outcomes;
use crate::report::repeats::{self, Repeats};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs of one scenario.
#[derive(Clone, Debug)]
pub struct Side {
    /// What it is called: as the user named it.
    pub name: String,
    /// The runs that count, in the order of their seeds: never empty.
    pub runs: Vec<Run>,
    /// How all of them ended, those that could not begin or that the user broke off included.
    pub outcomes: Outcomes,
    /// How many of `runs` were left out since they measure the machine.
    pub overloaded: usize,
}

/// A run that left a result.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its result.
    pub result: RunResult,
    /// The same as a document, in which paths can be looked up.
    pub document: Value,
}

/// Something that is no side of a comparison.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// A result that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// A folder or file that is something else.
    #[error("{}: {why}", path.display())]
    Other {
        /// Which.
        path: PathBuf,
        /// Why it cannot be compared.
        why: String,
    },
}

impl Side {
    /// Reads a `result.json`, a result folder, or a folder of repeats.
    ///
    /// # Errors
    /// If it is none of them, or a result in it cannot be read, or no run in it counts.
    pub fn read(path: &Path, name: &str) -> Result<Self, SideError> {
        let other = |why: &str| SideError::Other { path: path.to_owned(), why: why.to_owned() };
        let (results, not_begun) = results(path)?;
        let mut read = Vec::new();
        for result in results {
            read.push(findings::result(&result)?);
        }
        let mut side = Self::of(name, read);
        side.outcomes.failed += not_begun;
        if side.runs.is_empty() {
            return Err(other(
                "no run in it can be compared: the user broke off all there are, or none could begin",
            ));
        }
        let scenario = |run: &Run| without_seed(&run.result.scenario);
        let first = scenario(&side.runs[0]);
        if side.runs.iter().any(|run| scenario(run) != first) {
            return Err(other("has runs of different scenarios; name one of them"));
        }
        Ok(side)
    }

    /// Of runs whose results are at hand, in any order. What the user broke off does not count.
    pub fn of(name: &str, results: Vec<RunResult>) -> Self {
        let mut outcomes = Outcomes::default();
        let mut runs: Vec<Run> = Vec::new();
        for result in results {
            match result.outcome {
                Outcome::Completed => outcomes.completed += 1,
                Outcome::Stalled => outcomes.stalled += 1,
                Outcome::Failed => outcomes.failed += 1,
                Outcome::Stopped => outcomes.stopped += 1,
                Outcome::Interrupted => {
                    outcomes.interrupted += 1;
                    continue;
                }
            }
            let document = serde_json::to_value(&result).unwrap_or_default();
            runs.push(Run { result, document });
        }
        runs.sort_by_key(Run::seed);
        Self { name: name.to_owned(), runs, outcomes, overloaded: 0 }
    }

    /// Leaves out runs that measure the machine rather than the scenario.
    pub fn drop_overloaded(&mut self) {
        let before = self.runs.len();
        self.runs.retain(|run| !run.result.overloaded);
        self.overloaded += before - self.runs.len();
    }
}

impl Run {
    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.result.scenario["seed"].as_u64().unwrap_or_default()
    }
}

/// The scenario but for its seed: what runs that repeat have in common.
pub fn without_seed(scenario: &Value) -> Value {
    let mut scenario = scenario.clone();
    if let Some(fields) = scenario.as_object_mut() {
        fields.shift_remove("seed");
    }
    scenario
}

/// The files with results, and how many runs have none.
fn results(path: &Path) -> Result<(Vec<PathBuf>, usize), SideError> {
    let other = |why: String| SideError::Other { path: path.to_owned(), why };
    if !path.is_dir() || path.join("result.json").exists() {
        return Ok((vec![path.to_owned()], 0));
    }
    if let Some(many) = ["sweep.json", "compare.json"].into_iter().find(|name| path.join(name).exists()) {
        return Err(other(format!(
            "has a {many}, which tells of runs of different scenarios; name the folder of one of them"
        )));
    }
    let summary = path.join(SUMMARY);
    if summary.exists() {
        let repeats = summary_of(&summary)?;
        let folders = repeats.runs.iter().filter_map(|row| row.folder.as_ref());
        let found: Vec<PathBuf> = folders.map(|folder| path.join(folder)).collect();
        let not_begun = repeats.runs.len() - found.len();
        return Ok((found, not_begun));
    }
    let found = numbered(path).map_err(|error| other(format!("cannot be read: {error}")))?;
    if found.is_empty() {
        return Err(other("is no result folder: it has neither a result.json nor a summary.json".into()));
    }
    Ok((found, 0))
}

const SUMMARY: &str = "summary.json";

fn summary_of(path: &Path) -> Result<Repeats, SideError> {
    let other = |why: String| SideError::Other { path: path.to_owned(), why };
    let text =
        bounded::read(path, bounded::RESULT).map_err(|error| other(format!("cannot be read: {error}")))?;
    let document: Value = serde_json::from_slice(&text)
        .map_err(|error| other(format!("is no JSON document, or only a part of one: {error}")))?;
    match document["schema"].as_str() {
        Some(repeats::SCHEMA) => {}
        Some(schema) if schema.starts_with("p2pfl-sim/summary/") => {
            let why = format!(
                "has the format \"{schema}\"; this version of p2pfl-sim reads \"{}\"",
                repeats::SCHEMA
            );
            return Err(other(why));
        }
        _ => return Err(other("is no summary of p2pfl-sim: it has no \"schema\" that says so".into())),
    }
    serde_path_to_error::deserialize(document).map_err(|error| other(format!("is damaged: {error}")))
}

/// The folders in it that are numbers and have a result, in order.
fn numbered(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|it| it.parse::<u64>().ok());
        if let Some(number) = number.filter(|_| entry.path().join("result.json").exists()) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{RunRow, sample};
    use serde_json::json;

    fn with_seed(seed: u64) -> RunResult {
        let mut result = sample::full();
        result.scenario["seed"] = json!(seed);
        result
    }

    fn write(path: &Path, document: &impl serde::Serialize) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, serde_json::to_string(document).unwrap()).unwrap();
    }

    #[test]
    fn a_folder_of_repeats_is_read_whole_and_in_order() {
        let root = tempfile::tempdir().unwrap();
        for (run, seed) in [(1, 9), (2, 8), (10, 7)] {
            write(&root.path().join(format!("{run}/result.json")), &with_seed(seed));
        }
        let side = Side::read(root.path(), "it").unwrap();
        assert_eq!(side.runs.iter().map(Run::seed).collect::<Vec<_>>(), [7, 8, 9]);
        // With a summary, those that it names; one could not begin.
        let rows = vec![RunRow::of(1, "1", 9, &with_seed(9)), RunRow::failed(2, 8, "", "no room".into())];
        write(&root.path().join("summary.json"), &Repeats::of(json!({}), 2, false, rows));
        let side = Side::read(root.path(), "it").unwrap();
        assert_eq!((side.runs.len(), side.outcomes.completed, side.outcomes.failed), (1, 1, 1));
    }

    #[test]
    fn what_the_user_broke_off_does_not_count() {
        let side = Side::of("it", vec![sample::full(), sample::interrupted()]);
        assert_eq!((side.runs.len(), side.outcomes.interrupted), (1, 1));
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("result.json"), &sample::interrupted());
        assert!(Side::read(root.path(), "it").unwrap_err().to_string().contains("broke off"));
    }

    #[test]
    fn what_is_no_side_is_said_to_be_what_it_is() {
        let root = tempfile::tempdir().unwrap();
        let told = |path: &str| Side::read(&root.path().join(path), "it").unwrap_err().to_string();
        fs::create_dir(root.path().join("empty")).unwrap();
        assert!(told("empty").contains("neither a result.json nor a summary.json"));
        write(&root.path().join("sweep/sweep.json"), &json!({}));
        assert!(told("sweep").contains("different scenarios"));
        write(&root.path().join("newer/summary.json"), &json!({ "schema": "p2pfl-sim/summary/9" }));
        assert!(told("newer").contains("summary/9"));
        write(&root.path().join("foreign/summary.json"), &json!([]));
        assert!(told("foreign").contains("no summary of p2pfl-sim"));
        write(
            &root.path().join("damaged/summary.json"),
            &json!({ "schema": "p2pfl-sim/summary/1", "runs": 3 }),
        );
        assert!(told("damaged").contains("is damaged"));
        write(&root.path().join("mixed/1/result.json"), &with_seed(1));
        write(&root.path().join("mixed/2/result.json"), &sample::one_node());
        assert!(told("mixed").contains("different scenarios"));
        assert!(told("nowhere").contains("nowhere"));
    }
}
