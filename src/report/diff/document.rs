//! What is told of each side, and of each metric of both: the parts of the document, without how they come about.

use super::{Better, Limit, Origin, Paired, Side, Worst};
use crate::metrics::{Interval, Sample};
use crate::report::figures::nature;
use crate::report::many::Outcomes;
use serde::{Deserialize, Serialize};

/// What the whole comparison comes to. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No figure differs. Virtual clock only.
    Same,
    /// Nothing is worse by more than its limit.
    Passed,
    /// There are not enough runs to tell.
    Undecided,
    /// Something is worse by more than its limit.
    Regressed,
}

/// The verdict on one metric. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// It did not change.
    Same,
    /// The baseline does not have it.
    New,
    /// It is better.
    Better,
    /// What it changed by is within limit, tolerance or chance.
    Within,
    /// There are not enough runs to tell.
    Undecided,
    /// The baseline has it, and the current side no longer.
    Gone,
    /// It is worse, beyond limit, tolerance and chance.
    Worse,
}

/// What is known of a side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// What the user calls it.
    pub name: String,
    /// Runs that were compared.
    pub runs: usize,
    /// How all of its runs ended.
    pub outcomes: Outcomes,
    /// The hash of the scenario of its first run.
    pub scenario_hash: String,
    /// The version of p2pfl-sim that made it.
    pub version: String,
    /// The commit that was built from, if known.
    pub commit: Option<String>,
    /// The fingerprint of its first run, if it has one.
    pub fingerprint: Option<String>,
}

/// A metric of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its path in `result.json`.
    pub path: String,
    /// Its unit: `s`, `bytes`, `1/s`, `bytes/s`, or nothing.
    pub unit: String,
    /// Which value is better.
    pub better: Better,
    /// Its values in the runs of the baseline.
    pub baseline: Option<Sample>,
    /// Its values in the current runs.
    pub current: Option<Sample>,
    /// By how much it changed, as a part of the baseline; nothing if that is zero, or one side does not have it.
    pub change: Option<f64>,
    /// The 95 % interval of the change: of figures that depend on chance, and of several exact runs.
    pub interval: Option<Interval>,
    /// By how much it may be worse.
    pub limit: Limit,
    /// How likely so large a change is if nothing changed, for as many metrics as there are; where chance is a question.
    pub p: Option<f64>,
    /// What it comes to.
    pub verdict: Judged,
    /// Which command or stage the change comes from most of all.
    pub from: Option<Origin>,
    /// How runs of the same seed compare on average, if there are several and each is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired: Option<Paired>,
    /// Of these, the pair in which it came out worst, if any differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
}

impl Judged {
    /// Whether it may not be so.
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::Worse | Self::Gone)
    }

    /// Whether it says that something changed.
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::Same | Self::New | Self::Gone)
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::New => "new",
            Self::Better => "better",
            Self::Within => "within",
            Self::Undecided => "undecided",
            Self::Gone => "gone",
            Self::Worse => "worse",
        }
    }
}

impl About {
    pub(super) fn of(side: &Side) -> Self {
        let first = &side.runs[0].result;
        Self {
            name: side.name.clone(),
            runs: side.runs.len(),
            outcomes: side.outcomes,
            scenario_hash: first.scenario_hash.clone(),
            version: first.engine.version.clone(),
            commit: first.engine.commit.clone(),
            fingerprint: first.fingerprint.clone(),
        }
    }
}

impl Row {
    /// A metric of which nothing is known yet.
    pub(super) fn empty(path: &str, better: Better, limit: Limit) -> Self {
        Self {
            path: path.to_owned(),
            unit: nature::unit(path).symbol().to_owned(),
            better,
            baseline: None,
            current: None,
            change: None,
            interval: None,
            limit,
            p: None,
            verdict: Judged::Same,
            from: None,
            paired: None,
            worst: None,
        }
    }
}
