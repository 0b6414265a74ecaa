//! What has changed from one build, or one day, to the next: two sides of runs set against each other, metric by metric,
//! with a verdict that a CI job can rely on.
//!
//! On the virtual clock a result is exact: every figure that differs is told, and a limit applies to it as it is; of several
//! seeds to the mean of the differences within pairs. On the real clock several runs of each side are needed, and a regression has to be both beyond chance and beyond the limit.
//! docs/ci.md says what that means for who uses it. The table on a terminal is in `report::terminal`; running is not done
//! here.

mod action;
mod document;
mod enough;
mod exact;
mod judge;
mod junit;
mod limits;
mod markdown;
mod origin;
mod paired;
mod ranks;
#[cfg(test)]
pub mod sample;
mod shift;
mod side;
#[cfg(test)]
mod tests;
mod told;

pub use crate::report::figures::nature::Better;
pub use document::{About, Judged, Row, Verdict};
pub use enough::{PAIRS, are_enough};
pub use exact::Difference;
pub use judge::{ALPHA, Test};
pub use limits::{Assigned, FILE as LIMITS_FILE, Limit, Limits, LimitsError, SCHEMA as LIMITS_SCHEMA};
pub use origin::Origin;
pub use paired::{Paired, Worst};
pub use side::{Run, Side, SideError, without_seed};
pub(super) use told::{percent, value};

use crate::report::figures::{self, nature};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
pub const SCHEMA: &str = "p2pfl-sim/diff/1";

/// How two sides are compared.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// By how much figures may be worse.
    pub limits: Limits,
    /// Whether runs of the same place belong together: they ran by turns.
    pub paired: bool,
    /// Whether any difference at all is a regression. Virtual clock only.
    pub exact: bool,
    /// Whether scenarios may differ.
    pub different_scenarios: bool,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// [`SCHEMA`].
    pub schema: String,
    /// The name of the scenario.
    pub name: String,
    /// What all of it comes to.
    pub verdict: Verdict,
    /// `real` or `virtual`.
    pub clock: String,
    /// Whether the runs went by turns, and are compared pair by pair.
    pub paired: bool,
    /// What the current side is compared with.
    pub baseline: About,
    /// What is judged.
    pub current: About,
    /// What differs between the scenarios: names and thresholds, and more if that was allowed.
    pub scenario: Vec<Difference>,
    /// How the ends of the runs compare.
    pub outcome: Judged,
    /// The metrics that are judged, in the order in which they are shown.
    pub metrics: Vec<Row>,
    /// Every figure that differs, the most telling first. Virtual clock only.
    pub differences: Vec<Difference>,
    /// What to know before relying on the verdict.
    pub notes: Vec<String>,
}

/// Why two sides cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// One is exact and the other is not.
    #[error(
        "{baseline} ran on the {} clock and {current} on the other: what one measures says nothing of the other. Run the \
         scenario again with --clock {}",
        clock,
        clock
    )]
    Clocks {
        /// The clock of the baseline.
        clock: String,
        /// The baseline.
        baseline: String,
        /// The other.
        current: String,
    },
    /// The scenarios differ.
    #[error(
        "{baseline} and {current} ran different scenarios, so what differs says nothing of the program:\n{}\nRun the same \
         scenario again, save the baseline anew, or add --allow-different-scenarios if this is what you want to compare",
        told::scenario_lines(differences).join("\n")
    )]
    Scenarios {
        /// The baseline.
        baseline: String,
        /// The other.
        current: String,
        /// In what.
        differences: Vec<Difference>,
    },
    /// A limit of something that has none.
    #[error("{0}")]
    Limit(String),
    /// Something is asked for that this clock cannot give.
    #[error("{0}")]
    Clock(String),
}

impl Diff {
    /// Sets two sides against each other.
    ///
    /// # Errors
    /// If they cannot be compared, or a limit is of something that is no metric.
    pub fn of(mut baseline: Side, mut current: Side, how: &How) -> Result<Self, Refused> {
        let clock = |side: &Side| side.runs[0].result.engine.clock.clone();
        if clock(&baseline) != clock(&current) {
            return Err(Refused::Clocks {
                clock: clock(&baseline),
                baseline: baseline.name.clone(),
                current: current.name,
            });
        }
        let is_virtual = clock(&baseline) == "virtual";
        if how.exact && !is_virtual {
            return Err(Refused::Clock(
                "--exact needs the virtual clock: on the real one no two runs are the same".into(),
            ));
        }
        let scenario = scenarios(&baseline, &current, is_virtual);
        if scenario.iter().any(changes_what_happens) && !how.different_scenarios && !how.paired {
            let (baseline, current) = (baseline.name.clone(), current.name);
            return Err(Refused::Scenarios { baseline, current, differences: scenario });
        }
        let documents = || baseline.runs.iter().chain(&current.runs).map(|run| &run.document);
        how.limits.check(documents()).map_err(Refused::Limit)?;
        let mut diff = Self {
            schema: SCHEMA.into(),
            name: current.runs[0].result.scenario["name"].as_str().unwrap_or("unnamed").to_owned(),
            verdict: Verdict::Passed,
            clock: clock(&baseline),
            paired: how.paired,
            outcome: judge::outcome(&baseline, &current),
            baseline: About::of(&baseline),
            current: About::of(&current),
            scenario,
            metrics: Vec::new(),
            differences: Vec::new(),
            notes: Vec::new(),
        };
        let paths = how.paths(documents(), !is_virtual);
        if is_virtual {
            diff.judge_exactly(&baseline, &current, &paths, how);
        } else {
            drop_overloaded(&mut baseline, &mut current, how.paired);
        }
        let by_chance: Vec<&str> =
            paths.iter().map(String::as_str).filter(|path| !is_virtual || nature::is_cost(path)).collect();
        let test = if how.paired { Test::Pairs } else { Test::Sides };
        let tested = judge::by_chance(&by_chance, &baseline, &current, how, test);
        diff.note(&baseline, &current, &tested, test);
        diff.metrics.extend(tested);
        diff.baseline.runs = baseline.runs.len();
        diff.current.runs = current.runs.len();
        diff.verdict = diff.conclude(how, is_virtual);
        Ok(diff)
    }

    fn judge_exactly(&mut self, baseline: &Side, current: &Side, paths: &[String], how: &How) {
        let pairs = pairs(baseline, current, how.paired);
        for (was, is) in &pairs {
            let seed = (pairs.len() > 1).then(|| is.seed());
            let found = exact::of_results(&was.document, &is.document);
            self.differences.extend(found.into_iter().map(|it| Difference { seed, ..it }));
        }
        let unmatched = baseline.runs.len() + current.runs.len() - 2 * pairs.len();
        if unmatched > 0 {
            self.notes.push(format!(
                "{unmatched} runs have a seed that the other side does not have, and are compared with nothing."
            ));
        }
        let exact = paths.iter().filter(|path| !nature::is_cost(path));
        self.metrics =
            exact.filter_map(|path| judge::exact(path, &pairs, how.limits.of(path, 0.0))).collect();
    }

    fn conclude(&self, how: &How, is_virtual: bool) -> Verdict {
        let worst =
            self.metrics.iter().map(|row| row.verdict).max().unwrap_or(Judged::Same).max(self.outcome);
        let same = is_virtual && self.differences.is_empty();
        match worst {
            Judged::Worse | Judged::Gone => Verdict::Regressed,
            _ if how.exact && !same => Verdict::Regressed,
            Judged::Undecided if !is_virtual => Verdict::Undecided,
            _ if self.metrics.is_empty() && !is_virtual => Verdict::Undecided,
            _ if same => Verdict::Same,
            _ => Verdict::Passed,
        }
    }

    /// The metrics that are worse than they may be.
    pub fn regressions(&self) -> impl Iterator<Item = &Row> {
        self.metrics.iter().filter(|row| row.verdict.is_regression())
    }
}

impl How {
    /// What is judged: the usual metrics that a run has, and those that have a limit of their own.
    fn paths<'a>(&self, documents: impl Iterator<Item = &'a Value>, on_real_clock: bool) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for document in documents {
            for path in figures::judged(document, on_real_clock) {
                if !paths.iter().any(|it| it == path) {
                    paths.push(path.to_owned());
                }
            }
        }
        // What a run costs is the machine's affair on either clock: runs by turns alone can tell.
        paths.retain(|path| on_real_clock || self.paired || !nature::is_cost(path));
        paths.extend(
            self.limits.by_path.keys().filter(|path| !paths.contains(path)).cloned().collect::<Vec<_>>(),
        );
        paths.retain(|path| self.limits.by_path.get(path) != Some(&Limit::None));
        paths
    }
}

/// A figure of a result by its path, in which `*` stands for all entries; nothing if it has none.
pub fn figure(document: &Value, path: &str) -> Option<f64> {
    nature::value(document, path).ok().flatten()
}

/// What differs between the scenarios. Seeds count where there is one run of each: of several each has its own.
fn scenarios(baseline: &Side, current: &Side, is_virtual: bool) -> Vec<Difference> {
    let (was, is) = (&baseline.runs[0].result.scenario, &current.runs[0].result.scenario);
    let single = baseline.runs.len() == 1 && current.runs.len() == 1;
    let mut found = exact::of_documents(&side::without_seed(was), &side::without_seed(is));
    let shared = baseline.runs.iter().any(|run| current.runs.iter().any(|other| other.seed() == run.seed()));
    if is_virtual && (single || !shared) {
        found.extend(exact::of_documents(was, is).into_iter().filter(|it| it.path == "seed"));
    }
    found
}

/// Names, remarks and thresholds are no part of what nodes do.
fn changes_what_happens(difference: &Difference) -> bool {
    let field = difference.path.split('.').next().unwrap_or_default();
    !["$schema", "name", "description", "thresholds"].contains(&field)
}

/// Runs that belong together: by turns as they come, else those of the same seed. If no seeds are the same, as they come.
fn pairs<'a>(baseline: &'a Side, current: &'a Side, paired: bool) -> Vec<(&'a Run, &'a Run)> {
    let as_they_come = || baseline.runs.iter().zip(&current.runs).collect::<Vec<_>>();
    if paired {
        return as_they_come();
    }
    let same = |run: &'a Run| Some((run, current.runs.iter().find(|other| other.seed() == run.seed())?));
    let found: Vec<(&Run, &Run)> = baseline.runs.iter().filter_map(same).collect();
    if found.is_empty() { as_they_come() } else { found }
}

/// Leaves out runs that measure the machine: of pairs, both.
fn drop_overloaded(baseline: &mut Side, current: &mut Side, paired: bool) {
    if paired {
        let good: Vec<bool> = baseline
            .runs
            .iter()
            .zip(&current.runs)
            .map(|(was, is)| !was.result.overloaded && !is.result.overloaded)
            .collect();
        for side in [baseline, current] {
            let before = side.runs.len();
            let mut good = good.iter();
            side.runs.retain(|_| good.next() == Some(&true));
            side.overloaded = before - side.runs.len();
        }
    } else {
        baseline.drop_overloaded();
        current.drop_overloaded();
    }
}
