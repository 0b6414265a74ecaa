//! Whether a run is over, and how it ended. The same list holds on both clocks.

use super::roster::Counts;
use super::script::Script;
use crate::engine::Plan;
use crate::metrics::resident_bytes;
use crate::metrics::result::Outcome;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Why a run is over.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// When it was over.
    pub end: Time,
}

/// How a run stands.
pub struct State<'a> {
    pub plan: &'a Plan,
    pub script: &'a Script,
    pub counts: Counts,
    /// When learning began.
    pub zero: Time,
    /// Nothing has happened yet after this.
    pub reached: Time,
    /// When the next thing happens, if anything does; on the real clock, now.
    pub next: Option<Time>,
    /// Inputs that nodes have handled.
    pub inputs: u64,
    /// Nothing is pending that could move a node on, and nobody outside could either.
    pub idle: bool,
    /// Whether a node has finished all rounds.
    pub finished: &'a dyn Fn(PeerId) -> bool,
}

impl State<'_> {
    /// Whether the run is over, learning having begun.
    pub fn judge(&self) -> Option<Verdict> {
        let Self { plan, script, counts, reached, next, .. } = self;
        let over = |end, outcome, reason| Some(Verdict { outcome, reason, end });
        let fires = script.fires(plan);
        if let Some((outcome, reason)) = self.is_done(fires) {
            return over(counts.ended_at, outcome, reason);
        }
        let limit = self.zero + plan.time_limit;
        if next.is_some_and(|next| next >= limit) {
            let reason = format!("the limit of scenario time, {:?}, was reached", plan.time_limit);
            return over(limit, Outcome::Failed, Some(reason));
        }
        if let Some(reason) = too_many(plan, self.inputs) {
            return over(*reached, Outcome::Failed, Some(reason));
        }
        let unsettled = script.unsettled().max(counts.unsettled);
        if self.idle && !fires && next.is_none_or(|next| next >= unsettled) {
            let reason = "nothing is pending that could move any node on".into();
            return over(*reached, Outcome::Stalled, Some(reason));
        }
        None
    }

    /// Whether nobody is left who could go on: everyone who is up has finished, and no timed entry of the script brings another
    /// node. `fires` says whether any is left at all.
    fn is_done(&self, fires: bool) -> Option<(Outcome, Option<String>)> {
        let Self { plan, script, counts, .. } = self;
        if counts.awaited > 0 || script.is_bringing(self.reached) {
            return None;
        }
        let workflow = &plan.rules.workflow;
        // P2PFL's own newcomers idle for ever, and where learning was ended for everyone all do.
        let ended = counts.stopped > 0 && !workflow.starts_everyone();
        let waits = workflow.takes_latecomers() && !ended;
        if waits && (counts.newcomers > 0 || script.brings(plan, self.finished)) {
            return None;
        }
        if counts.done > 0 && counts.stopped == counts.done && !script.has_asked_to_stop() {
            let reason = "every node was told to stop by a peer outside, before its rounds were over";
            return Some((Outcome::Stopped, Some(reason.into())));
        }
        if counts.done > 0 {
            return Some((Outcome::Completed, None));
        }
        // Those that are up and idle have stalled.
        (counts.newcomers == 0 && !fires).then(|| (Outcome::Failed, Some("no node is left".into())))
    }
}

/// Scenario time that set-up has on the virtual clock: the limit of the scenario counts from where learning begins, and that has
/// to come, too. On the real clock there is the limit of wall time, and peers outside may let a node wait.
const SETUP: Duration = Duration::from_secs(3_600);

/// When set-up has taken too long on the virtual clock.
pub fn setup_limit() -> Time {
    Time::ZERO + SETUP
}

/// Whether a run on the virtual clock is over before learning has begun.
pub fn judge_setup(plan: &Plan, reached: Time, next: Option<Time>, inputs: u64) -> Option<Verdict> {
    let reason = if next.is_some_and(|next| next >= setup_limit()) {
        format!(
            "learning had not begun after {SETUP:?} of scenario time, for want of nodes that know each other"
        )
    } else {
        too_many(plan, inputs)?
    };
    Some(Verdict { outcome: Outcome::Failed, reason: Some(reason), end: reached })
}

/// The limit of events, if so many inputs of nodes have reached it.
fn too_many(plan: &Plan, inputs: u64) -> Option<String> {
    (inputs >= plan.event_limit).then(|| format!("the limit of {} events was reached", plan.event_limit))
}

/// What ends a run however far it is: the user, and the limits of wall time and memory.
#[derive(Clone, Debug)]
pub struct Halt {
    interrupted: Arc<AtomicBool>,
    wall_limit: Duration,
    memory_limit: u64,
}

impl Halt {
    /// The limits of a plan, and the user's wish.
    pub fn of(plan: &Plan, interrupted: Arc<AtomicBool>) -> Self {
        Self { interrupted, wall_limit: plan.wall_limit, memory_limit: plan.memory_limit }
    }

    /// Whether the user wants the run to end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Why the run has to end now, after so much wall time, if it has. Looking at memory takes a few microseconds.
    pub fn due(&self, wall: Duration) -> Option<(Outcome, String)> {
        if self.is_interrupted() {
            return Some((Outcome::Interrupted, "interrupted by the user".to_owned()));
        }
        if wall >= self.wall_limit {
            return Some((
                Outcome::Failed,
                format!("the limit of wall time, {:?}, was reached", self.wall_limit),
            ));
        }
        if self.memory_limit == u64::MAX {
            return None;
        }
        let used = resident_bytes().filter(|used| *used > self.memory_limit)?;
        let (used, limit) = (used >> 20, self.memory_limit >> 20);
        Some((
            Outcome::Failed,
            format!("the limit of memory, {limit} MiB, was reached: {used} MiB are in use"),
        ))
    }
}

#[cfg(test)]
mod tests;
