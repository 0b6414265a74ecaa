//! From raw measurements to a result.

use super::sample::drawing;
use crate::engine::{Fate, NodeReport, Plan, Run};
use crate::learning::Model;
use crate::metrics::result::{
    self, Engine, Final, Messages, Outcome, Probe, Rumor, RunResult, SCHEMA, Setup, Threshold,
};
use crate::metrics::{Cost, Round, seconds_after};
use crate::node::Spreading;
use crate::report::findings::{Drawing, Interval, Spectrum};
use crate::report::{Findings, NodeRow, NodeState};
use crate::scenario::thresholds::Threshold as Written;
use crate::scenario::{Clock, Loaded};
use crate::transport::socket::Refusal;
use crate::wire::{AddressBook, Command};
use serde_json::Value;
use std::sync::Arc;

/// What came of a run.
pub struct Concluded {
    /// All that is known of it.
    pub findings: Findings,
    /// The model with which node 0 finished its last round, on the real clock.
    pub model: Option<Arc<Model>>,
}

/// Makes the result of a run. `warnings` are those found before it ran.
pub fn conclude(loaded: &Loaded, facts: &Facts, run: Run, cost: Cost, warnings: Vec<String>) -> Concluded {
    let zero = run.zero.unwrap_or(run.end);
    let rounds = run.rounds.rounds(zero);
    let mut warnings = warnings;
    warnings.extend(run.warnings.iter().cloned());
    warnings.extend(result::doubts(&run.recorder));
    warnings.extend(disagreement(&rounds));
    warnings.extend(
        run.overloaded
            .iter()
            .map(|why| format!("{why}: the figures measure this machine, not the scenario; lower `speedup`")),
    );
    let mut result = RunResult {
        schema: SCHEMA.into(),
        scenario: serde_json::to_value(&loaded.scenario).unwrap_or(Value::Null),
        scenario_hash: loaded.hash.clone(),
        engine: Engine {
            clock: word(&loaded.scenario.clock),
            transport: word(&loaded.scenario.transport),
            threads: run.threads,
            speedup: run.speedup,
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("P2PFL_SIM_COMMIT").map(Into::into),
            lookahead_s: run.lookahead.map(|it| it.as_secs_f64()),
            events_per_window: run.events_per_window,
        },
        outcome: run.outcome,
        reason: run.reason.clone(),
        overloaded: !run.overloaded.is_empty(),
        warnings,
        ended_s: run.zero.map(|zero| seconds_after(zero, run.end)),
        nodes: run.nodes,
        setup: Setup::of(&run.recorder, zero.as_secs_f64()),
        r#final: Final::of(&rounds),
        rounds,
        latency: result::latency(&run.recorder),
        hops: run.recorder.hops_histogram().summary(1.0),
        hop_counts: result::hop_counts(&run.recorder),
        throughput: run.series.throughput(run.interval_s),
        messages: Messages::of(&run.recorder),
        sockets: run.sockets.clone(),
        rumor: None,
        probe: None,
        thresholds: Vec::new(),
        stalled: run.stalled.clone(),
        cost,
        fingerprint: run.fingerprint.clone(),
    };
    if let Spreading::Calls { .. } = loaded.scenario.workflow.spreading() {
        result.rumor = Some(Rumor::of(&result.rounds, &result.nodes));
    }
    if let Some(spec) = loaded.scenario.workflow.grid() {
        // What a run costs is not known of one beside others.
        let laps = run.laps.as_ref().filter(|_| result.cost.cpu_s.is_finite());
        let speedup = if loaded.scenario.clock == Clock::Real { run.speedup } else { 1.0 };
        let probe = Probe::of(spec, &run.recorder, &run.rounds, laps, run.end, speedup);
        result.warnings.extend(probe.doubts());
        result.probe = Some(probe);
    }
    judge(loaded, &mut result);
    let spectra = result::histograms(&run.recorder);
    let findings = Findings {
        nodes: rows(facts, &run),
        drawing: facts.drawing.clone(),
        result,
        series: run.series.points().copied().collect(),
        spectra: spectra.into_iter().map(|(name, histogram)| (name, Spectrum::of(&histogram))).collect(),
        intervals: Interval::all(run.recorder.intervals()),
        trace: run.trace,
    };
    Concluded { findings, model: run.model }
}

/// Rounds in which nodes elected different train sets: they trained and waited for different peers.
fn disagreement(rounds: &[Round]) -> Option<String> {
    let split: Vec<String> = rounds
        .iter()
        .filter(|round| round.train_sets.len() > 1)
        .map(|round| format!("{} ({})", round.round, round.train_sets.len()))
        .collect();
    let more = if split.len() > 8 { ", …" } else { "" };
    (!split.is_empty()).then(|| {
        format!(
            "nodes disagreed on the train set in round {}{more}: votes did not reach everyone in time, or nodes came \
             and went",
            split[..split.len().min(8)].join(", ")
        )
    })
}

/// What `nodes.csv` says of a node that does not depend on the run.
pub struct Facts {
    book: AddressBook,
    degrees: Vec<u32>,
    samples: Vec<u32>,
    drawing: Drawing,
}

impl Facts {
    /// Of the nodes of a plan.
    pub fn of(plan: &Plan) -> Self {
        let nodes = || 0..plan.nodes();
        Self {
            book: plan.rules.book.clone(),
            degrees: nodes().map(|node| plan.graph.degree(node)).collect(),
            samples: nodes().map(|node| plan.learner.samples(node)).collect(),
            drawing: drawing(&plan.graph, plan.rules.workflow.first().map_or(0, |(node, _)| node)),
        }
    }
}

/// Whether the thresholds hold. One whose path is not in the result does not.
fn judge(loaded: &Loaded, result: &mut RunResult) {
    let value = serde_json::to_value(with_zeros(result)).unwrap_or(Value::Null);
    for text in &loaded.scenario.thresholds {
        // The text was checked with the scenario.
        let Ok(threshold) = text.parse::<Written>() else { continue };
        let judged = match threshold.evaluate(&value) {
            Ok(it) => Threshold { threshold: it.threshold, value: it.value, passed: it.passed },
            Err(why) => {
                result.warnings.push(format!("threshold `{text}`: {why}"));
                Threshold { threshold: text.clone(), value: Value::Null, passed: false }
            }
        };
        result.thresholds.push(judged);
    }
}

/// The result with what did not occur, and so was left out: none of it was counted.
fn with_zeros(result: &RunResult) -> RunResult {
    let mut whole = result.clone();
    for command in Command::all() {
        whole.messages.by_command.entry(command).or_default();
    }
    if let Some(sockets) = &mut whole.sockets {
        for reason in Refusal::ALL {
            sockets.refused.entry(reason.name().to_owned()).or_default();
        }
    }
    whole
}

fn rows(facts: &Facts, run: &Run) -> Vec<NodeRow> {
    let zero = run.zero.unwrap_or(run.end);
    let row = |(node, report): (usize, &NodeReport)| NodeRow {
        node: node as u32,
        address: facts.book.name(node as u32).to_string(),
        degree: facts.degrees[node],
        state: state(report.fate, run.outcome),
        rounds_finished: report.rounds_finished,
        finished_at_s: report.finished_at.map(|at| seconds_after(zero, at)),
        trained_rounds: report.rounds_trained,
        samples: u64::from(facts.samples[node]),
        messages_sent: report.sent,
        messages_handled: report.handled,
        accuracy: report.accuracy,
        bytes_sent: report.bytes_sent,
        round_s: (report.rounds_finished > 0)
            .then(|| report.round_nanos as f64 / 1e9 / f64::from(report.rounds_finished)),
    };
    run.reports.iter().enumerate().map(row).collect()
}

fn state(fate: Fate, outcome: Outcome) -> NodeState {
    match fate {
        Fate::Finished => NodeState::Finished,
        Fate::Stopped => NodeState::Stopped,
        Fate::Crashed => NodeState::Crashed,
        Fate::Left => NodeState::Left,
        Fate::Failed => NodeState::Failed,
        Fate::Panicked => NodeState::Panicked,
        Fate::Absent => NodeState::Absent,
        Fate::Up if outcome == Outcome::Completed => NodeState::Idle,
        Fate::Up => NodeState::Stalled,
    }
}

/// The name of a value in the scenario.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|it| it.as_str().map(Into::into)).unwrap_or_default()
}
