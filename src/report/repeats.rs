//! `summary.json`: what runs of the same scenario with different seeds say together.

use super::figures::kept;
use super::many::{self, Held, Outcomes, RunRow};
use crate::metrics::Sample;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the format.
pub const SCHEMA: &str = "p2pfl-sim/summary/1";

/// Runs of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// [`SCHEMA`].
    pub schema: String,
    /// The scenario with all its defaults written out, and the seed of the first run.
    pub scenario: Value,
    /// How many runs were asked for.
    pub repeat: usize,
    /// Whether the user ended it before all were done.
    pub interrupted: bool,
    /// How the runs ended.
    pub outcomes: Outcomes,
    /// What they say of each figure, by its path in `result.json`; `null` if no run has it.
    pub figures: BTreeMap<String, Option<Sample>>,
    /// In how many runs each threshold holds.
    pub thresholds: Vec<Held>,
    /// The runs that began, in the order of their seeds.
    pub runs: Vec<RunRow>,
}

impl Repeats {
    /// Of the runs that began, in any order.
    pub fn of(scenario: Value, repeat: usize, interrupted: bool, mut runs: Vec<RunRow>) -> Self {
        runs.sort_by_key(|row| row.run);
        Self {
            schema: SCHEMA.into(),
            scenario,
            repeat,
            interrupted,
            outcomes: Outcomes::of(&runs),
            figures: kept().map(|it| (it.path.to_owned(), many::sample(&runs, it.path))).collect(),
            thresholds: Held::of(&runs),
            runs,
        }
    }
}
