//! Reads results back: says of what is no result what it is instead, and changes nothing.

use crate::metrics::result::{RunResult, SCHEMA};
use serde::Deserialize;
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
    /// A value is not what it should be.
    #[error("is damaged: {0}")]
    Damaged(String),
}

/// Reads a `result.json`, or that of a result folder.
///
/// # Errors
/// If it cannot be read, is of another version, or is something else.
pub fn result(path: &Path) -> Result<RunResult, ReadError> {
    let path = if path.is_dir() { path.join("result.json") } else { path.to_owned() };
    read(&path).map_err(|why| ReadError { path, why })
}

fn read(path: &Path) -> Result<RunResult, Unreadable> {
    /// What every document of this program begins with.
    #[derive(Deserialize)]
    struct Head {
        schema: Option<serde_json::Value>,
    }
    let text = fs::read(path)?;
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
    use crate::report::sample;
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
