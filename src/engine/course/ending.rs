//! What is told of a run that is over, whichever engine ran it.

use super::script::Script;
use super::verdict::Verdict;
use crate::engine::evaluate::Evaluator;
use crate::engine::{Fate, NodeReport, Run};
use crate::metrics::result::{Nodes, Outcome, StalledGroup};
use crate::metrics::{Cause, Counts, Phase, Recorder, RoundLog, Series, Tracer, ranges};
use crate::node::Stage;
use crate::time::Time;
use crate::wire::{Command, PeerId};
use std::collections::BTreeMap;

/// Faults of nodes that are told one by one.
const SHOWN: usize = 3;

/// What both engines know of a run that is over.
pub struct Facts {
    pub verdict: Verdict,
    /// When learning began, if it did.
    pub zero: Option<Time>,
    pub warnings: Vec<String>,
    /// What is told of nodes that went by a fault.
    pub faults: Vec<String>,
    pub script: Script,
    /// What became of all nodes, together and of each.
    pub nodes: Nodes,
    pub reports: Vec<NodeReport>,
    pub rounds: RoundLog,
    pub evaluator: Evaluator,
    pub recorder: Recorder,
    /// What the nodes did.
    pub tracer: Tracer,
    /// Messages and bytes handled over time.
    pub series: Series,
    /// Inputs that nodes handled.
    pub inputs: u64,
    /// Threads that ran nodes.
    pub threads: u32,
}

/// Makes a run's raw measurements of them. What one of the engines alone knows is left out, and for it to add.
pub fn conclude(facts: Facts) -> Run {
    let Facts { verdict: Verdict { outcome, reason, end }, script, mut warnings, mut rounds, .. } = facts;
    warnings.extend(told(facts.faults));
    warnings.extend(script.left_over());
    let mut reports = facts.reports;
    for (node, accuracy) in facts.evaluator.end(&mut rounds, &mut warnings) {
        reports[node as usize].accuracy = Some(accuracy);
    }
    let nodes = Nodes { joined: script.joined(), ..facts.nodes };
    let mut tracer = script.tracer;
    tracer.merge(facts.tracer);
    Run {
        stalled: if outcome == Outcome::Completed { Vec::new() } else { waiting(&reports) },
        outcome,
        reason,
        overloaded: Vec::new(),
        warnings,
        nodes,
        reports,
        zero: facts.zero,
        end,
        rounds,
        recorder: facts.recorder,
        series: facts.series,
        trace: tracer.trace(facts.zero.unwrap_or(end), end),
        laps: None,
        inputs: facts.inputs,
        threads: facts.threads,
        speedup: 1.0,
        interval_s: 1.0,
        lookahead: None,
        events_per_window: None,
        fingerprint: None,
        sockets: None,
        model: None,
    }
}

/// The first of many faults, and how many more there are.
fn told(mut all: Vec<String>) -> Vec<String> {
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    if more > 0 {
        all.push(format!("… and {more} more nodes like these"));
    }
    all
}

/// What became of the models of a run has the last word: one that completed although models were sent and none ever
/// arrived has learnt nothing of what it is about, and has failed. Other outcomes stay what they are.
pub fn judged(run: Run) -> Run {
    match no_model_arrived(&run.recorder) {
        Some(reason) if run.outcome == Outcome::Completed => {
            Run { outcome: Outcome::Failed, reason: Some(reason), ..run }
        }
        _ => run,
    }
}

/// That models were sent and none arrived, and what became of them instead.
fn no_model_arrived(recorder: &Recorder) -> Option<String> {
    let mut models = Counts::default();
    for phase in [Phase::Setup, Phase::Learning] {
        let commands = Command::all().filter(|it| it.carries_model());
        commands.for_each(|command| models.merge(recorder.counts(phase, command)));
    }
    if models.sent == 0 || models.delivered + models.duplicate > 0 {
        return None;
    }
    let lost = Cause::ALL.into_iter().zip(models.dropped).map(|(cause, count)| (cause.name(), count));
    let in_flight = ("still in flight", models.in_flight().max(0) as u64);
    let fates: Vec<String> = lost
        .chain([in_flight])
        .filter(|(_, count)| *count > 0)
        .map(|(fate, count)| format!("{fate} {count}"))
        .collect();
    Some(format!("{} models were sent and none arrived ({})", models.sent, fates.join(", ")))
}

/// Nodes that wait for the same, together: the largest group first.
fn waiting(reports: &[NodeReport]) -> Vec<StalledGroup> {
    let mut groups: BTreeMap<(Option<Stage>, &str), Vec<PeerId>> = BTreeMap::new();
    for (node, report) in reports.iter().enumerate().filter(|(_, report)| report.fate == Fate::Up) {
        groups.entry((report.stage, &report.waits_for)).or_default().push(node as PeerId);
    }
    let mut groups: Vec<StalledGroup> = groups
        .into_iter()
        .map(|((stage, waiting_for), nodes)| StalledGroup {
            nodes: ranges(&nodes),
            count: nodes.len() as u32,
            stage,
            waiting_for: waiting_for.to_owned(),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}
