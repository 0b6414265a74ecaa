//! Whether a run is over, and what is told of one that is, whichever engine runs it.

use crate::engine::{Action, Fate, NodeReport, Run, Step};
use crate::metrics::result::{Outcome, StalledGroup};
use crate::metrics::{Cause, Counts, Phase, Recorder, ranges};
use crate::network::churn::Churns;
use crate::node::Stage;
use crate::node::spec::Workflow;
use crate::scenario::script::At;
use crate::wire::{Command, PeerId};
use std::collections::BTreeMap;

/// Faults of nodes that are told one by one.
const SHOWN: usize = 3;

/// Why a run is over.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reason: Option<String>,
}

/// How the nodes of a run stand after learning began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// Nodes that are up and take part, but have not finished.
    pub awaited: u64,
    /// Nodes that came up later, and that nobody has told yet where learning stands.
    pub newcomers: u64,
    /// Nodes that have finished, or were stopped.
    pub done: u64,
    /// Of these, those that were stopped before their time.
    pub stopped: u64,
    /// The scenario has told a node to stop.
    pub asked: bool,
    /// A node was just brought up and may not have come to anything yet.
    pub arriving: bool,
}

impl Standing {
    /// Whether the run is over because nobody is left who could go on: everyone who is up has finished, and no timed
    /// entry `brings` another node. `fires` says whether any timed entry is left at all.
    pub fn over(&self, workflow: &Workflow, brings: impl FnOnce() -> bool, fires: bool) -> Option<Verdict> {
        if self.awaited > 0 || self.arriving {
            return None;
        }
        // P2PFL's own newcomers idle for ever, and where learning was ended for everyone all do.
        let ended = self.stopped > 0 && matches!(workflow, Workflow::P2pfl(_));
        let waits = workflow.takes_latecomers() && !ended;
        if waits && (self.newcomers > 0 || brings()) {
            return None;
        }
        if self.done > 0 && self.stopped == self.done && !self.asked {
            let reason = "every node was told to stop by a peer outside, before its rounds were over";
            return Some(Verdict { outcome: Outcome::Stopped, reason: Some(reason.into()) });
        }
        if self.done > 0 {
            return Some(Verdict { outcome: Outcome::Completed, reason: None });
        }
        // Those that are up and idle have stalled.
        (self.newcomers == 0 && !fires)
            .then(|| Verdict { outcome: Outcome::Failed, reason: Some("no node is left".into()) })
    }
}

/// What has become of a node that is not up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Churn brings it back, and so does the script.
    Crashed,
    /// It has left, or has not come yet: the script alone can bring it.
    Out,
}

/// Whether timed entries of the script that have not been played, or churn, bring a node that is away and has never
/// finished. `away` tells of each node whether it is one.
pub fn brings<'a>(
    unplayed: impl Iterator<Item = &'a Step>,
    churns: &Churns,
    mut away: impl FnMut(PeerId) -> Option<Away>,
) -> bool {
    let mut entries = unplayed.filter(|step| matches!(step.at, At::Time(_)));
    if churns.nodes().any(|node| away(node) == Some(Away::Crashed)) {
        return true;
    }
    entries.any(|step| match &step.action {
        Action::Restart(nodes) | Action::Join(nodes) => nodes.iter().any(|&node| away(node).is_some()),
        Action::Churn(model) => model.nodes.iter().any(|&node| away(node) == Some(Away::Crashed)),
        Action::Crash(_)
        | Action::Leave(_)
        | Action::Partition { .. }
        | Action::Heal
        | Action::Loss { .. }
        | Action::Slow(..)
        | Action::StopLearning(_) => false,
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::spec::{P2pfl, Variant};
    use crate::scenario::units::Span;

    fn workflow(variant: Variant) -> Workflow {
        Workflow::P2pfl(P2pfl { variant, ..P2pfl::default() })
    }

    fn outcome(standing: Standing, variant: Variant, brings: bool, fires: bool) -> Option<Outcome> {
        standing.over(&workflow(variant), || brings, fires).map(|it| it.outcome)
    }

    #[test]
    fn a_run_is_over_when_everyone_who_is_up_has_finished_and_nobody_will_come() {
        let done = Standing { done: 3, ..Standing::default() };
        assert_eq!(outcome(done, Variant::Repaired, false, true), Some(Outcome::Completed));
        assert_eq!(outcome(done, Variant::Repaired, true, true), None);
        assert_eq!(outcome(Standing { awaited: 1, ..done }, Variant::Repaired, false, false), None);
        assert_eq!(outcome(Standing { newcomers: 1, ..done }, Variant::Repaired, false, false), None);
        assert_eq!(outcome(Standing { arriving: true, ..done }, Variant::Repaired, false, false), None);
    }

    #[test]
    fn nobody_waits_for_who_will_never_take_part() {
        let idle = Standing { done: 3, newcomers: 1, ..Standing::default() };
        for variant in [Variant::Faithful, Variant::FaithfulMemory] {
            assert_eq!(outcome(idle, variant, true, true), Some(Outcome::Completed));
        }
        let stopped = Standing { stopped: 3, asked: true, ..idle };
        assert_eq!(outcome(stopped, Variant::Repaired, true, true), Some(Outcome::Completed));
        let from_outside = Standing { asked: false, ..stopped };
        assert_eq!(outcome(from_outside, Variant::Repaired, true, true), Some(Outcome::Stopped));
        let some_finished = Standing { stopped: 2, ..from_outside };
        assert_eq!(outcome(some_finished, Variant::Repaired, true, true), Some(Outcome::Completed));
    }

    #[test]
    fn without_anyone_a_run_has_failed_unless_somebody_may_come() {
        let nobody = Standing::default();
        assert_eq!(outcome(nobody, Variant::Repaired, false, false), Some(Outcome::Failed));
        assert_eq!(outcome(nobody, Variant::Repaired, false, true), None);
        let idle = Standing { newcomers: 2, ..nobody };
        assert_eq!(outcome(idle, Variant::Faithful, false, false), None);
    }

    #[test]
    fn entries_bring_whom_they_name_if_they_are_away() {
        let step = |at: &str, action| Step { at: At::Time(at.parse::<Span>().expect("a time")), action };
        let away = |node| match node {
            0 => None,
            1 => Some(Away::Crashed),
            _ => Some(Away::Out),
        };
        let brings = |action| brings([step("1s", action)].iter(), &Churns::default(), away);
        assert!(brings(Action::Restart(vec![0, 1])) && brings(Action::Join(vec![2])));
        assert!(
            !brings(Action::Restart(vec![0])) && !brings(Action::Crash(vec![1])) && !brings(Action::Heal)
        );
    }
}
