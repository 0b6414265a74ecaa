//! `sweep.json` and `sweep.csv`: a row for each run of a sweep.

use super::figures::kept;
use super::many::{self, Outcomes, RunRow};
use crate::metrics::Sample;
use crate::metrics::result::Outcome;
use crate::say::cell;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};
use xxhash_rust::xxh3::xxh3_128;

/// The version of the format.
pub const SCHEMA: &str = "p2pfl-sim/sweep/1";

/// What is known of a sweep so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// [`SCHEMA`].
    pub schema: String,
    /// The name of the scenario.
    pub name: String,
    /// What is set, and to what; the last changes fastest.
    pub settings: Vec<Setting>,
    /// Runs with different seeds of each combination.
    pub repeat: u32,
    /// How many runs there are.
    pub total: usize,
    /// A hash over the scenarios of all runs: two sweeps with the same one are the same.
    pub sweep_hash: String,
    /// The runs that are done, in their order.
    pub rows: Vec<SweepRow>,
    /// What the seeds of each combination say together; empty while the sweep goes on, and if each has one seed.
    pub combinations: Vec<Combination>,
}

/// What the runs of one combination of settings say together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Combination {
    /// The value of each setting, by path.
    pub settings: Map<String, Value>,
    /// How its runs ended.
    pub outcomes: Outcomes,
    /// What they say of each figure, by its path in `result.json`; `null` if no run has it.
    pub figures: BTreeMap<String, Option<Sample>>,
}

/// A setting and its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The path of a field in the scenario.
    pub path: String,
    /// The values that it takes.
    pub values: Vec<Value>,
}

/// A run of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// The value of each setting, by path.
    pub settings: Map<String, Value>,
    /// The run.
    #[serde(flatten)]
    pub row: RunRow,
}

/// The hash of a sweep whose runs have these scenarios.
pub fn hash<'a>(scenario_hashes: impl IntoIterator<Item = &'a str>) -> String {
    let all = scenario_hashes.into_iter().collect::<Vec<_>>().join("\n");
    format!("{:032x}", xxh3_128(all.as_bytes()))
}

impl Sweep {
    /// Takes in a run that is done. One that the user broke off is not.
    pub fn add(&mut self, settings: Map<String, Value>, row: RunRow) {
        if row.outcome != Outcome::Interrupted {
            let at = self.rows.partition_point(|it| it.row.run < row.run);
            self.rows.insert(at, SweepRow { settings, row });
        }
    }

    /// Tells of each combination what its seeds say together, if there are several.
    pub fn combine(&mut self) {
        if self.repeat > 1 {
            let runs: Vec<&[SweepRow]> = self.rows.chunk_by(|a, b| a.settings == b.settings).collect();
            self.combinations = runs.into_par_iter().map(Combination::of).collect();
        }
    }

    /// What is set and to what, as it was typed or nearly so.
    pub fn told(&self) -> String {
        let setting = |it: &Setting| {
            let values: Vec<String> = it.values.iter().map(plain).collect();
            format!("{}={}", it.path, values.join(","))
        };
        let mut told: Vec<String> = self.settings.iter().map(setting).collect();
        if self.repeat > 1 {
            told.push(format!("{} seeds", self.repeat));
        }
        told.join(" ")
    }

    /// Writes `sweep.csv`. A setting has a column of its own, unless it is the seed, which has one anyway.
    pub fn csv(&self, out: impl Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        let settings = || self.settings.iter().map(|it| it.path.as_str()).filter(|path| *path != "seed");
        csv.write_field("run")?;
        settings().try_for_each(|path| csv.write_field(&*cell(path)))?;
        for name in ["seed", "outcome", "overloaded", "thresholds_failed", "folder"] {
            csv.write_field(name)?;
        }
        kept().try_for_each(|figure| csv.write_field(figure.path))?;
        csv.write_record(None::<&[u8]>)?;
        for SweepRow { settings: values, row } in &self.rows {
            csv.write_field(row.run.to_string())?;
            settings().try_for_each(|path| {
                csv.write_field(&*cell(&values.get(path).map(plain).unwrap_or_default()))
            })?;
            csv.write_field(row.seed.to_string())?;
            csv.write_field(row.outcome.name())?;
            csv.write_field(row.overloaded.to_string())?;
            csv.write_field(row.thresholds.iter().filter(|it| !it.passed).count().to_string())?;
            csv.write_field(row.folder.as_deref().unwrap_or_default())?;
            kept().try_for_each(|figure| {
                csv.write_field(row.figures.get(figure.path).map(plain).unwrap_or_default())
            })?;
            csv.write_record(None::<&[u8]>)?;
        }
        csv.flush()
    }
}

impl Combination {
    fn of(runs: &[SweepRow]) -> Self {
        let rows: Vec<RunRow> = runs.iter().map(|it| it.row.clone()).collect();
        Self {
            settings: runs.first().map(|it| it.settings.clone()).unwrap_or_default(),
            outcomes: Outcomes::of(&rows),
            figures: kept().map(|it| (it.path.to_owned(), many::sample(&rows, it.path))).collect(),
        }
    }
}

/// A value without the quotes of a text; nothing for `null`.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
