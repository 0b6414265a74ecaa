//! Runs a scenario on the virtual clock and says what came of it, to the nanosecond where that is wanted. No test lives
//! here.

use p2pfl_sim::engine::{self, Plan, Run, Snapshot, Watch};
use p2pfl_sim::metrics::Meter;
use p2pfl_sim::metrics::result::{Outcome, RunResult};
use p2pfl_sim::scenario::{self, Loaded};
use p2pfl_sim::simulation::{self, Options, Prepared};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

struct Nobody;

impl Watch for Nobody {
    fn update(&mut self, _: &Snapshot) {}

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}

fn prepared(scenario: &Value) -> (Loaded, Prepared) {
    let mut scenario = scenario.clone();
    scenario["name"] = "theory".into();
    scenario["clock"] = "virtual".into();
    let mut loaded = scenario::parse(&scenario.to_string(), "theory.json", &[]).expect("a scenario");
    let prepared = simulation::prepare(&mut loaded, Options { threads: 2, ..Options::default() });
    (loaded, prepared.expect("it can be run"))
}

/// What is drawn and built before a run, for formulas that speak of it.
pub fn plan(scenario: &Value) -> Plan {
    prepared(scenario).1.plan
}

/// Runs a scenario to its end; what goes into `result.json`.
pub fn result(scenario: &Value) -> RunResult {
    let (loaded, prepared) = prepared(scenario);
    let ran = simulation::run(&loaded, prepared, &Meter::beside_others(), &mut Nobody).expect("threads");
    assert_eq!(ran.findings.result.outcome, Outcome::Completed, "{:?}", ran.findings.result.reason);
    ran.findings.result
}

/// Runs a scenario to whatever end; what was warned of before, and what goes into `result.json`.
pub fn tried(scenario: &Value) -> (Vec<&'static str>, RunResult) {
    let (loaded, prepared) = prepared(scenario);
    let warned = loaded.warnings.0.iter().map(|it| it.code).collect();
    let ran = simulation::run(&loaded, prepared, &Meter::beside_others(), &mut Nobody).expect("threads");
    (warned, ran.findings.result)
}

/// Runs a scenario to its end; the raw measurements.
pub fn run(scenario: &Value) -> Run {
    let run = engine::run(plan(scenario), &mut Nobody).expect("threads");
    assert_eq!(run.outcome, Outcome::Completed, "{:?}", run.reason);
    run
}

/// An input of a node.
pub struct Happening {
    /// Nanoseconds since learning began; negative before that.
    pub at: i64,
    pub node: u32,
    /// The line of the event log.
    pub what: Value,
}

impl Happening {
    /// What kind of input it is.
    pub fn is(&self, event: &str) -> bool {
        self.what["event"] == event
    }

    /// The sender and the round of a message of the command.
    pub fn message(&self, command: &str) -> Option<(u32, u32)> {
        if !self.is("message") || self.what["command"] != command {
            return None;
        }
        Some((self.what["from"].as_u64()? as u32, self.what["round"].as_u64().unwrap_or(0) as u32))
    }
}

/// Runs a scenario to its end; the raw measurements, and every input of every node in the order of time.
pub fn watched(scenario: &Value) -> (Run, Vec<Happening>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.jsonl");
    let mut plan = plan(scenario);
    plan.event_log = Some(path.clone());
    let run = engine::run(plan, &mut Nobody).expect("a log");
    assert_eq!(run.outcome, Outcome::Completed, "{:?}", run.reason);
    let zero = run.zero.expect("learning began").as_nanos() as i64;
    let happening = |line: &str| {
        let what: Value = serde_json::from_str(line).expect("a line of JSON");
        let number = |name: &str| what[name].as_i64().expect("a number");
        Happening { at: number("at_ns") - zero, node: number("node") as u32, what }
    };
    let log = std::fs::read_to_string(path).expect("a log");
    (run, log.lines().map(happening).collect())
}

/// The models that reached nodes: from whom, to whom, in which round, and when.
pub fn models(happenings: &[Happening]) -> impl Iterator<Item = (u32, u32, u32, i64)> + '_ {
    happenings
        .iter()
        .filter_map(|it| it.message("partial_model").map(|(from, round)| (from, it.node, round, it.at)))
}
