//! The files of a result folder, read by programs that know nothing of this one: HdrHistogram's port to Python, and
//! Python's own readers of CSV and JSON. What they find is held against `result.json`.

#[path = "../python/mod.rs"]
mod python;

use python::Environment;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const READERS: Environment = Environment {
    name: "readers",
    what: "readers of HdrHistogram's files",
    requirements: include_str!("requirements.txt"),
    import: "import hdrh.log",
    required_by: "P2PFL_SIM_REQUIRE_READERS",
};

/// Runs a scenario with these changes; the folder that it leaves.
fn run(scenario: &str, changes: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
    let output = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"))
        .arg("run")
        .arg(path)
        .args(changes)
        .args(["--quiet", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// What the readers find in a folder.
fn read(folder: &Path) -> Option<Value> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/read.py");
    let output = Command::new(READERS.python(&PYTHON)?).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn result(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("result.json")).unwrap()).unwrap()
}

/// What has to hold of every folder.
fn holds(folder: &Path) -> Option<(Value, Value)> {
    let (found, result) = (read(folder)?, result(folder));
    let count = |name: &str| result["latency"][name]["count"].as_f64().unwrap();
    for (name, counted) in found["counts"].as_object().unwrap() {
        assert_eq!(counted.as_f64(), Some(count(name)), "{name}");
    }
    for name in ["message", "rpc", "round", "dissemination"] {
        let of = found["intervals"].as_array().unwrap().iter().filter(|it| it["tag"] == name);
        assert_eq!(of.map(|it| it["count"].as_f64().unwrap()).sum::<f64>(), count(name), "{name}");
        if count(name) > 0.0 {
            // A digit less than in the other file.
            let apart = found["percentiles"][name].as_f64().unwrap();
            assert!(apart < 0.015, "{name}: percentiles are {apart} apart");
        }
    }
    let total = &result["messages"]["total"];
    assert_eq!(found["messages"]["sent"], total["sent"]);
    assert_eq!(found["messages"]["payload"], total["payload_bytes"]);
    assert_eq!(found["nodes"]["rows"], result["nodes"]["total"]);
    let handled = found["series"]["handled"].as_u64().unwrap();
    assert!(handled > 0 && handled <= found["nodes"]["handled"].as_u64().unwrap());
    assert!(found["nodes"]["bytes"].as_u64().unwrap() >= total["payload_bytes"].as_u64().unwrap());
    let ended: Vec<Option<f64>> =
        result["rounds"].as_array().unwrap().iter().map(|round| round["ended_s"].as_f64()).collect();
    assert_eq!(found["rounds"].as_array().unwrap().iter().map(Value::as_f64).collect::<Vec<_>>(), ended);
    Some((found, result))
}

#[test]
fn the_files_of_a_run_on_the_virtual_clock_say_what_the_result_says() {
    let changes = ["--nodes", "12", "--rounds", "2", "--event-log"];
    let folder = run("ring-100-virtual.json", &changes);
    let Some((found, result)) = holds(folder.path()) else { return };
    assert!(
        found["events"].as_u64().unwrap() > result["messages"]["total"]["delivered"].as_u64().unwrap() / 10
    );
}

#[test]
fn the_files_of_a_run_on_the_real_clock_say_what_the_result_says() {
    let folder = run("full-64.json", &["--nodes", "8", "--rounds", "1", "--speedup", "20"]);
    holds(folder.path());
}

/// The bytes of every file of a run are the scenario's affair, and not that of the threads.
#[test]
fn every_file_is_the_same_at_any_number_of_threads() {
    let folders =
        ["1", "2", "3"].map(|threads| run("churn-100.json", &["--clock", "virtual", "--threads", threads]));
    let mut names: Vec<PathBuf> = vec!["intervals.hlog".into(), "trace.json".into(), "topology.json".into()];
    names.extend(["nodes.csv", "series.csv", "messages.csv", "rounds.csv"].map(PathBuf::from));
    for entry in std::fs::read_dir(folders[0].path().join("histograms")).unwrap() {
        names.push(Path::new("histograms").join(entry.unwrap().file_name()));
    }
    for name in names {
        let text = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(&name)).unwrap();
        let first = text(&folders[0]);
        assert!(!first.is_empty());
        for other in &folders[1..] {
            assert!(first == text(other), "{} differs between numbers of threads", name.display());
        }
    }
}
