//! Starts the program on a scenario and reads back what it left. No test lives here.

use p2pfl_sim::metrics::result::{Account, Outcome, RunResult};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The binary under test, in `folder`.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2pfl-sim"));
    command.current_dir(folder).env_remove("NO_COLOR").env("TERM", "dumb");
    command
}

/// How a process ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }
}

/// A folder of its own for a test, with a scenario in it.
pub struct Place {
    pub folder: TempDir,
    pub scenario: PathBuf,
}

impl Place {
    pub fn with(scenario: &Value) -> Self {
        Self::with_text(&serde_json::to_string_pretty(scenario).expect("it is JSON"))
    }

    pub fn with_text(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let scenario = folder.path().join("scenario.json");
        std::fs::write(&scenario, text).expect("a scenario file");
        Self { folder, scenario }
    }

    /// Types `p2pfl-sim ARGS...` with the scenario file in place of `FILE`.
    pub fn types(&self, args: &[&str]) -> Ended {
        self.command(args).output().expect("the program starts").into()
    }

    /// The same, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        for arg in args {
            match *arg {
                "FILE" => command.arg(&self.scenario),
                other => command.arg(other),
            };
        }
        command
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn result(&self, name: &str) -> RunResult {
        let text = std::fs::read_to_string(self.file(name)).expect("there is a result");
        serde_json::from_str(&text).expect("the result has the form that is documented")
    }
}

/// A run, and what it left.
pub struct Ran {
    pub place: Place,
    pub ended: Ended,
    pub result: RunResult,
}

/// Runs a scenario with more options; whatever comes of it, its accounts must balance.
pub fn run_with(scenario: &Value, options: &[&str]) -> Ran {
    let place = Place::with(scenario);
    let mut args = vec!["run", "FILE", "--out", "out"];
    args.extend(options);
    let ended = place.types(&args);
    assert!(place.file("out/result.json").exists(), "exit code {:?}: {}", ended.code, ended.stderr);
    let result = place.result("out/result.json");
    balanced(&result);
    Ran { place, ended, result }
}

/// Runs a scenario.
pub fn run(scenario: &Value) -> Ran {
    run_with(scenario, &[])
}

impl Ran {
    /// The run went well: all is done, and every threshold holds.
    #[track_caller]
    pub fn completed(self) -> Self {
        let Self { ended, result, .. } = &self;
        assert_eq!(
            (ended.code, result.outcome),
            (Some(0), Outcome::Completed),
            "{:?}\n{}",
            result.reason,
            ended.stderr
        );
        self
    }

    /// The rows of a table, as its columns name them.
    pub fn table(&self, name: &str) -> Vec<std::collections::BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.place.file(&format!("out/{name}"))).expect("a table");
        reader.deserialize().collect::<Result<_, _>>().expect("it is CSV with a header")
    }

    /// Messages lost for a cause.
    pub fn dropped(&self, cause: &str) -> u64 {
        let value = serde_json::to_value(&self.result.messages.total.dropped).expect("counts");
        value[cause].as_u64().unwrap_or_else(|| panic!("no cause `{cause}` in {value}"))
    }

    /// What became of a node, as `nodes.csv` has it.
    pub fn state(&self, node: usize) -> String {
        self.table("nodes.csv")[node]["state"].clone()
    }
}

/// Every message is accounted for: taken, lost or still under way; all commands and the total.
#[track_caller]
pub fn balanced(result: &RunResult) {
    let adds_up = |name: &str, it: &Account| {
        let out = i128::from(it.sent) + i128::from(it.network_copies);
        let into = i128::from(it.delivered) + i128::from(it.duplicate) + i128::from(it.dropped_total());
        assert_eq!(out, into + i128::from(it.in_flight), "{name}: {it:?}");
        assert!(it.in_flight >= 0, "more `{name}` were taken than sent: {it:?}");
    };
    adds_up("total", &result.messages.total);
    result.messages.by_command.iter().for_each(|(command, account)| adds_up(command.name(), account));
    let sum = |of: fn(&Account) -> u64| result.messages.by_command.values().map(of).sum::<u64>();
    let total = &result.messages.total;
    assert_eq!(sum(|it| it.sent), total.sent);
    assert_eq!(sum(|it| it.delivered), total.delivered);
    assert_eq!(sum(|it| it.duplicate), total.duplicate);
    assert_eq!(sum(Account::dropped_total), total.dropped_total());
    assert_eq!(sum(|it| it.payload_bytes), total.payload_bytes);
    assert!(!result.warnings.iter().any(|it| it.contains("does not add up")), "{:?}", result.warnings);
}

/// A network of `p2pfl` peers that is done within a second: periods of a second and patient timeouts, at a hundred
/// times the ordinary pace. Models only weigh.
pub fn p2pfl(nodes: u32, topology: Value, change: Value) -> Value {
    let mut scenario = json!({
        "name": "small",
        "seed": 7,
        "nodes": nodes,
        "topology": topology,
        "speedup": 100,
        "workflow": { "kind": "p2pfl", "variant": "repaired", "rounds": 2, "trainset_size": 3 },
        "settings": {
            "heartbeat": { "period": "5s", "timeout": "200s" },
            "gossip": { "period": "1s", "ttl": 20, "messages_per_period": 1000 },
            "training": { "vote_timeout": "200s" }
        },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } },
        "limits": { "wall": "60s" }
    });
    merge(&mut scenario, change);
    scenario
}

/// A network of `dpsgd` nodes.
pub fn dpsgd(nodes: u32, topology: Value, change: Value) -> Value {
    let mut scenario = json!({
        "name": "small",
        "seed": 7,
        "nodes": nodes,
        "topology": topology,
        "speedup": 100,
        "workflow": { "kind": "dpsgd", "rounds": 4 },
        "settings": { "training": { "aggregation_timeout": "20s" } },
        "learning": { "model": { "kind": "synthetic", "size": "2KiB" } },
        "limits": { "wall": "60s" }
    });
    merge(&mut scenario, change);
    scenario
}

/// Changes the fields that `change` has, deeply; `null` takes a field away.
pub fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                match value {
                    Value::Null => drop(into.shift_remove(&key)),
                    value => merge(into.entry(key).or_insert(Value::Null), value),
                }
            }
        }
        (into, change) => *into = change,
    }
}
