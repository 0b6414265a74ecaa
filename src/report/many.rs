//! What is kept of each of many runs, and what they say together. Each run's whole result is in its own folder.

use super::figures::{self, Figure};
use crate::metrics::Sample;
use crate::metrics::result::{Outcome, RunResult, Threshold};
use crate::scenario::thresholds;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One of many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its number, from 1.
    pub run: usize,
    /// The folder of its result, within that of all; nothing if it has none.
    pub folder: Option<String>,
    /// Its seed.
    pub seed: u64,
    /// The hash of its scenario.
    pub scenario_hash: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it was completed.
    pub reason: Option<String>,
    /// Whether its figures measure this machine rather than the scenario.
    pub overloaded: bool,
    /// Its thresholds, and whether they hold.
    pub thresholds: Vec<Threshold>,
    /// Its fingerprint, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The figures by path; `null` where it has none.
    pub figures: BTreeMap<String, Value>,
}

impl RunRow {
    /// Of a run that left a result in `folder`.
    pub fn of(run: usize, folder: &str, seed: u64, result: &RunResult) -> Self {
        let document = serde_json::to_value(result).unwrap_or_default();
        let value = |figure: &'static Figure| {
            let found = thresholds::find(&document, figure.path).ok().filter(|value| value.is_number());
            (figure.path.to_owned(), found.cloned().unwrap_or_default())
        };
        Self {
            run,
            folder: Some(folder.to_owned()),
            seed,
            scenario_hash: result.scenario_hash.clone(),
            outcome: result.outcome,
            reason: result.reason.clone(),
            overloaded: result.overloaded,
            thresholds: result.thresholds.clone(),
            fingerprint: result.fingerprint.clone(),
            figures: figures::kept().map(value).collect(),
        }
    }

    /// Of a run that could not begin.
    pub fn failed(run: usize, seed: u64, scenario_hash: &str, reason: String) -> Self {
        Self {
            run,
            folder: None,
            seed,
            scenario_hash: scenario_hash.to_owned(),
            outcome: Outcome::Failed,
            reason: Some(reason),
            overloaded: false,
            thresholds: Vec::new(),
            fingerprint: None,
            figures: figures::kept().map(|figure| (figure.path.to_owned(), Value::Null)).collect(),
        }
    }
}

/// How runs ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Every live participant finished.
    pub completed: usize,
    /// Nothing was pending any more.
    pub stalled: usize,
    /// Reached a limit or could not go on.
    pub failed: usize,
    /// Ended by the user.
    pub interrupted: usize,
    /// Ended by a message from outside.
    #[serde(default)]
    pub stopped: usize,
}

impl Outcomes {
    /// Of these runs.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a RunRow>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            *match row.outcome {
                Outcome::Completed => &mut counts.completed,
                Outcome::Stalled => &mut counts.stalled,
                Outcome::Failed => &mut counts.failed,
                Outcome::Interrupted => &mut counts.interrupted,
                Outcome::Stopped => &mut counts.stopped,
            } += 1;
        }
        counts
    }

    /// How many there are.
    pub const fn all(&self) -> usize {
        self.completed + self.stalled + self.failed + self.interrupted + self.stopped
    }

    /// Those that there are: `4 completed, 1 stalled`.
    pub fn told(&self) -> String {
        let all = [
            (self.completed, Outcome::Completed),
            (self.stalled, Outcome::Stalled),
            (self.failed, Outcome::Failed),
            (self.interrupted, Outcome::Interrupted),
            (self.stopped, Outcome::Stopped),
        ];
        let there = all.into_iter().filter(|(count, _)| *count > 0);
        there.map(|(count, outcome)| format!("{count} {}", outcome.name())).collect::<Vec<_>>().join(", ")
    }
}

/// In how many runs a threshold holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// As the scenario has it.
    pub threshold: String,
    /// Runs in which it holds.
    pub passed: usize,
    /// Runs in which it was judged.
    pub n: usize,
}

impl Held {
    /// Of these runs, in the order of the scenario. What the user broke off is not judged.
    pub fn of(rows: &[RunRow]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for judged in ended(rows).flat_map(|row| &row.thresholds) {
            let i = all.iter().position(|it| it.threshold == judged.threshold).unwrap_or_else(|| {
                all.push(Self { threshold: judged.threshold.clone(), passed: 0, n: 0 });
                all.len() - 1
            });
            all[i].n += 1;
            all[i].passed += usize::from(judged.passed);
        }
        all
    }
}

/// What runs say of one figure; nothing if none of them has it. How a run ended makes no difference, but that the user
/// did not break it off: to leave out those that stalled would make the network look better than it is.
pub fn sample(rows: &[RunRow], path: &str) -> Option<Sample> {
    Sample::of(ended(rows).filter_map(|row| row.figures.get(path)?.as_f64()))
}

/// Runs that ended by themselves.
fn ended(rows: &[RunRow]) -> impl Iterator<Item = &RunRow> {
    rows.iter().filter(|row| row.outcome != Outcome::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample as results;

    fn row(run: usize, result: &RunResult) -> RunRow {
        RunRow::of(run, &run.to_string(), run as u64, result)
    }

    #[test]
    fn the_figures_of_a_run_are_those_of_its_result() {
        let full = row(1, &results::full());
        assert!(figures::kept().all(|figure| full.figures[figure.path].is_number()), "{:?}", full.figures);
        assert_eq!(full.figures["final.accuracy.mean"], 0.9123);
        assert_eq!(full.figures["messages.total.sent"], results::full().messages.total.sent);
        assert_eq!(full.fingerprint, results::full().fingerprint);
        let empty = row(2, &results::empty());
        assert_eq!(
            (&empty.figures["final.accuracy.mean"], &empty.figures["ended_s"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(serde_json::from_value::<RunRow>(serde_json::to_value(&full).unwrap()).unwrap(), full);
    }

    #[test]
    fn what_the_user_broke_off_says_nothing_and_what_stalled_does() {
        let rows = [row(1, &results::full()), row(2, &results::stalled()), row(3, &results::interrupted())];
        let ended = sample(&rows, "ended_s").unwrap();
        assert_eq!((ended.n, ended.min, ended.max), (2, 38.25, 61.5));
        assert_eq!(sample(&rows[2..], "ended_s"), None);
        assert_eq!(Outcomes::of(&rows).told(), "1 completed, 1 stalled, 1 interrupted");
    }

    #[test]
    fn a_threshold_is_judged_in_every_run_that_has_it() {
        let rows = [row(1, &results::full()), row(2, &results::stalled()), row(3, &results::full())];
        let held = Held::of(&rows);
        let of = |text: &str| held.iter().find(|it| it.threshold == text).map(|it| (it.passed, it.n));
        assert_eq!(of("nodes.finished >= 101"), Some((0, 2)));
        assert_eq!(of("outcome == completed"), Some((2, 2)));
        assert_eq!(of("outcome == stalled"), Some((1, 1)));
    }
}
