//! What is told of a run that is over, whichever engine ran it.

use crate::engine::{Fate, NodeReport, Run};
use crate::metrics::result::{Outcome, StalledGroup};
use crate::metrics::{Cause, Counts, Phase, Recorder, ranges};
use crate::node::Stage;
use crate::wire::{Command, PeerId};
use std::collections::BTreeMap;

/// Faults of nodes that are told one by one.
const SHOWN: usize = 3;

/// The first of many faults, and how many more there are.
pub fn faults(mut all: Vec<String>) -> Vec<String> {
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
        let commands = Command::ALL.into_iter().filter(|it| it.carries_model());
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
pub fn waiting(reports: &[NodeReport]) -> Vec<StalledGroup> {
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
