//! `compare.json`: what transports cost, side by side. A row for each transport (and each cell of a probe), with every
//! figure's spread over the repeats and its ratio to the first transport.
//!
//! Its forms as a table are beside it, that on a terminal is in `report::terminal`. Running is not done here.

mod costs;
mod csv;
mod figures;
mod markdown;
mod notes;
#[cfg(test)]
pub mod sample;

pub use costs::{CostFigure, CostTable, Shown, both};
pub use figures::Figures;

use super::many::{Outcomes, RunRow};
use crate::bounded;
use crate::costs::Costs;
use crate::metrics::Sample;
use crate::metrics::result::{Outcome, RunResult};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// How often all is run again at half the pace, at most.
const SLOWER: usize = 2;
/// Ratios that are no farther apart say the same.
const ALIKE: f64 = 0.05;

/// The version of the format.
pub const SCHEMA: &str = "p2pfl-sim/compare/1";

/// What is known of a comparison so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compare {
    /// [`SCHEMA`].
    pub schema: String,
    /// The name of the scenario.
    pub name: String,
    /// What is compared, in the order in which it was named. All else is set against the first.
    pub transports: Vec<String>,
    /// Runs of each; 0 if the transports were measured by themselves alone.
    pub repeat: u32,
    /// Seconds of scenario time in a second of wall time, in all runs.
    pub speedup: f64,
    /// Whether `auto` chose it: the lowest that it chooses for any of the transports.
    pub speedup_is_auto: bool,
    /// Faster paces at which all was run before, and a run was overloaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paces: Vec<Pace>,
    /// Threads that ran the nodes of each run.
    pub threads: usize,
    /// Whether the user ended it before all runs were done.
    pub interrupted: bool,
    /// What the transports cost by themselves, if that was measured.
    #[serde(default)]
    pub costs: Option<Costs>,
    /// What the runs of each transport say together, by cell and then in the order of the transports.
    pub rows: Vec<Row>,
    /// The runs that began, in their order.
    pub runs: Vec<Run>,
}

/// A pace that was too fast for one of the transports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Seconds of scenario time in a second of wall time.
    pub speedup: f64,
    /// The transports of which a run was overloaded.
    pub overloaded: Vec<String>,
    /// How many times as long as over the first each transport took to finish, in scenario time: the median over turns.
    pub ended_s: BTreeMap<String, f64>,
}

/// What the runs of a transport say together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which.
    pub transport: String,
    /// Of a cell of a probe, what is exchanged; else nothing.
    pub cell: Option<Cell>,
    /// How its runs ended.
    pub outcomes: Outcomes,
    /// How many of them were overloaded.
    pub overloaded: usize,
    /// What they say of each figure; `null` where none has it.
    #[serde(flatten)]
    pub figures: Figures<Option<Sample>>,
    /// How many times as much as the first transport: the ratio within each repeat. Nothing of the first itself.
    pub relative: Option<Figures<Option<Sample>>>,
}

/// A cell of a probe: what nodes exchange in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Bytes that a message carries.
    pub payload_bytes: u64,
    /// Messages under way at a time; nothing at a rate.
    pub concurrency: Option<u64>,
}

/// A run of one of the transports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Which.
    pub transport: String,
    /// Runs with the same number have the same seed, and are set against each other. From 1.
    pub repeat: u32,
    /// What it measured, as a whole and then of each cell of a probe; nothing if it could not begin.
    pub measured: Vec<Measured>,
    /// The run.
    #[serde(flatten)]
    pub row: RunRow,
}

/// What a run measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Of a cell of a probe, what was exchanged; else nothing.
    pub cell: Option<Cell>,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures<Option<f64>>,
}

impl Compare {
    /// Reads what was written of one.
    ///
    /// # Errors
    /// What is wrong, with the file: it cannot be read, or is no `compare.json` of this version.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text =
            bounded::text(path, bounded::RESULT).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| format!("{}: {}: {}", path.display(), error.path(), error.inner()))?;
        if read.schema != SCHEMA {
            let schema = read.schema;
            return Err(format!(
                "{}: it has the form {schema}, and this program reads {SCHEMA}",
                path.display()
            ));
        }
        Ok(read)
    }

    /// Takes in a run that has ended. It has no result if it could not begin.
    pub fn add(&mut self, transport: &str, repeat: u32, row: RunRow, result: Option<&RunResult>) {
        let measured = result.map(Measured::of).unwrap_or_default();
        self.runs.push(Run { transport: transport.to_owned(), repeat, measured, row });
        self.combine();
    }

    /// Makes the rows of the runs that there are.
    fn combine(&mut self) {
        let mut cells: Vec<Option<Cell>> = Vec::new();
        for measured in self.runs.iter().flat_map(|run| &run.measured) {
            if !cells.contains(&measured.cell) {
                cells.push(measured.cell);
            }
        }
        if cells.is_empty() {
            // Nothing was measured, and the rows have to say so.
            cells.push(None);
        }
        let began = self.transports.iter().filter(|it| self.runs.iter().any(|run| run.transport == **it));
        let began: Vec<&str> = began.map(String::as_str).collect();
        let rows = cells.iter().flat_map(|&cell| began.iter().map(move |transport| (*transport, cell)));
        self.rows = rows.map(|(transport, cell)| self.row(transport, cell)).collect();
        // A ratio that the pace makes is none.
        let untold: Vec<String> = self.untold().into_iter().map(str::to_owned).collect();
        for row in self.rows.iter_mut().filter(|row| untold.contains(&row.transport)) {
            row.relative.iter_mut().for_each(|it| it.set("ended_s", None));
        }
    }

    /// Whether all is to be run again at a slower pace: a run was overloaded at the one that `auto` chose, and a slower one
    /// may still tell more.
    pub fn goes_slower(&self) -> bool {
        let overloaded = self.rows.iter().any(|row| row.overloaded > 0);
        self.speedup_is_auto && overloaded && self.paces.len() < SLOWER && self.speedup > 1.0
    }

    /// Begins anew at half the pace, which is returned. What was told at the faster one is kept beside.
    pub fn slower(&mut self) -> f64 {
        self.paces.push(self.pace());
        (self.runs, self.rows) = (Vec::new(), Vec::new());
        self.speedup = (self.speedup / 2.0).max(1.0);
        self.speedup
    }

    fn pace(&self) -> Pace {
        // As it is measured, whether or not it may be told.
        let rows: Vec<Row> = self.transports.iter().map(|name| self.row(name, None)).collect();
        let ended = |row: &Row| Some((row.transport.clone(), row.relative?.at("ended_s")?.median));
        Pace {
            speedup: self.speedup,
            overloaded: rows
                .iter()
                .filter(|row| row.overloaded > 0)
                .map(|row| row.transport.clone())
                .collect(),
            ended_s: rows.iter().filter_map(ended).collect(),
        }
    }

    /// The transports of which this machine cannot tell when they finish: one was overloaded even at the slowest pace, and
    /// that says something else than the one before.
    pub fn untold(&self) -> Vec<&str> {
        let Some(before) = self.paces.last() else { return Vec::new() };
        let now = self.pace();
        let overloaded = |name: &String| now.overloaded.contains(name);
        let agrees = |name: &String| {
            before
                .ended_s
                .get(name)
                .zip(now.ended_s.get(name))
                .is_some_and(|(was, is)| (was / is - 1.0).abs() <= ALIKE)
        };
        let others = self.transports.iter().skip(1);
        let first = self.transports.first().is_some_and(overloaded);
        others.filter(|name| (first || overloaded(name)) && !agrees(name)).map(String::as_str).collect()
    }

    fn row(&self, transport: &str, cell: Option<Cell>) -> Row {
        let runs = || self.runs.iter().filter(|run| run.transport == transport);
        let sample = |of: &dyn Fn(&Run, usize) -> Option<f64>| {
            Figures::from_fn(|i| Sample::of(runs().filter_map(|run| of(run, i))))
        };
        let value = |run: &Run, i: usize| run.figures(cell)?.all()[i];
        let first = self.first();
        let ratio = |run: &Run, i: usize| {
            let mut others = self.runs.iter().filter(|it| it.transport == first && it.repeat == run.repeat);
            Some(value(run, i)? / value(others.next()?, i)?)
        };
        Row {
            transport: transport.to_owned(),
            cell,
            outcomes: Outcomes::of(runs().map(|run| &run.row)),
            overloaded: runs().filter(|run| run.row.overloaded).count(),
            figures: sample(&value),
            relative: (transport != first).then(|| sample(&ratio)),
        }
    }

    /// What all else is set against.
    pub fn first(&self) -> &str {
        self.transports.first().map_or("", String::as_str)
    }

    /// The rows of each cell.
    pub fn blocks(&self) -> impl Iterator<Item = &[Row]> {
        self.rows.chunk_by(|a, b| a.cell == b.cell)
    }
}

impl Run {
    /// What counts of it. A run that the user broke off, or that reached a limit or could not go on, did not do the same
    /// as the others, and is compared with none of them.
    fn figures(&self, cell: Option<Cell>) -> Option<&Figures<Option<f64>>> {
        let counts = matches!(self.row.outcome, Outcome::Completed | Outcome::Stalled);
        let measured = self.measured.iter().find(|it| it.cell == cell);
        measured.filter(|_| counts).map(|it| &it.figures)
    }
}

impl Measured {
    /// Of a run as a whole, and of each cell if it was a probe.
    fn of(result: &RunResult) -> Vec<Self> {
        let document = serde_json::to_value(result).unwrap_or_default();
        let Some(cells) = document.pointer("/probe/cells").and_then(Value::as_array) else {
            return vec![Self { cell: None, figures: Figures::of(result, &document) }];
        };
        let cell = |it: &Value| {
            let cell = Cell {
                payload_bytes: it["payload_bytes"].as_u64()?,
                concurrency: it["concurrency"].as_u64(),
            };
            Some(Self { cell: Some(cell), figures: Figures::of_cell(it) })
        };
        let all = Self { cell: None, figures: Figures::of_all(result, &document) };
        std::iter::once(all).chain(cells.iter().filter_map(cell)).collect()
    }
}

impl Row {
    /// All that is told of a figure: its values, and the ratios to the first transport.
    pub fn told(&self, figure: usize) -> (Option<&Sample>, Option<&Sample>) {
        let relative = self.relative.as_ref().and_then(|it| it.all()[figure].as_ref());
        (self.figures.all()[figure].as_ref(), relative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(compare: &'a Compare, transport: &str) -> &'a Row {
        compare.rows.iter().find(|row| row.transport == transport).expect("there is a row")
    }

    /// Each turn is slower than the one before it, for all alike: within a turn gRPC takes twice as long, and that is
    /// what is told, exactly, however far the turns are from each other.
    #[test]
    fn drift_that_hits_all_alike_is_not_in_the_ratios() {
        let mut compare = sample::empty(&["memory", "grpc"], 3);
        for (turn, drift) in [(1, 1.0), (2, 3.0), (3, 10.0)] {
            sample::ran(&mut compare, "memory", turn, 2.0 * drift);
            sample::ran(&mut compare, "grpc", turn, 4.0 * drift);
        }
        let told = row(&compare, "grpc")
            .relative
            .expect("it is not the first")
            .at("wall_s")
            .expect("it was measured");
        assert_eq!((told.n, told.min, told.median, told.max), (3, 2.0, 2.0, 2.0));
        assert_eq!(row(&compare, "grpc").figures.at("wall_s").map(|it| (it.min, it.max)), Some((4.0, 40.0)));
        assert_eq!(row(&compare, "memory").relative, None);
    }

    #[test]
    fn a_ratio_needs_both_runs_of_a_turn() {
        let mut compare = sample::empty(&["memory", "grpc"], 3);
        sample::ran(&mut compare, "memory", 1, 2.0);
        sample::ran(&mut compare, "grpc", 1, 3.0);
        sample::failed(&mut compare, "memory", 2);
        sample::ran(&mut compare, "grpc", 2, 99.0);
        sample::ran(&mut compare, "memory", 3, 99.0);
        let grpc = row(&compare, "grpc");
        assert_eq!(grpc.figures.at("wall_s").map(|it| it.n), Some(2));
        assert_eq!(grpc.relative.unwrap().at("wall_s").map(|it| (it.n, it.median)), Some((1, 1.5)));
        assert_eq!((row(&compare, "memory").outcomes.failed, grpc.outcomes.failed), (1, 0));
    }

    #[test]
    fn a_transport_of_which_every_run_failed_has_a_row_without_figures() {
        let compare = sample::without_first();
        let memory = row(&compare, "memory");
        assert_eq!((memory.figures, memory.outcomes.failed), (Figures::default(), 1));
        assert_eq!(row(&compare, "grpc").relative, Some(Figures::default()));
    }

    /// A run of each of two transports, of which the second took so many times as long, and was overloaded or not.
    fn at_a_pace(compare: &mut Compare, ratio: f64, overloaded: bool) {
        for (number, name, ended_s, overloaded) in
            [(1, "grpc", 20.0, false), (2, "grpc+mtls", 20.0 * ratio, overloaded)]
        {
            let result = RunResult { overloaded, ended_s: Some(ended_s), ..crate::report::sample::full() };
            compare.add(name, 1, RunRow::of(number, name, 7, &result), Some(&result));
        }
    }

    #[test]
    fn an_overloaded_comparison_goes_slower_until_it_can_tell() {
        let begin =
            || Compare { speedup: 50.0, speedup_is_auto: true, ..sample::empty(&["grpc", "grpc+mtls"], 1) };
        let ratio =
            |compare: &Compare| row(compare, "grpc+mtls").relative.unwrap().at("ended_s").map(|it| it.median);

        let mut calm = begin();
        at_a_pace(&mut calm, 1.02, false);
        assert!(!calm.goes_slower());

        let mut slower = begin();
        at_a_pace(&mut slower, 1.25, true);
        assert!(slower.goes_slower());
        assert_eq!((slower.slower(), slower.runs.len()), (25.0, 0));
        at_a_pace(&mut slower, 1.01, false);
        assert!(!slower.goes_slower(), "nothing was overloaded");
        assert_eq!((ratio(&slower), slower.untold().len()), (Some(1.01), 0));
        assert_eq!((slower.paces[0].speedup, slower.paces[0].ended_s["grpc+mtls"]), (50.0, 1.25));

        // However slow, it was overloaded, and each pace says something else.
        let mut untold = begin();
        for (pace, said) in [(50.0, 1.5), (25.0, 1.25), (12.5, 1.12)] {
            assert_eq!(untold.speedup, pace);
            at_a_pace(&mut untold, said, true);
            assert_eq!(untold.goes_slower(), pace > 12.5);
            if untold.goes_slower() {
                untold.slower();
            }
        }
        assert_eq!((ratio(&untold), untold.untold()), (None, vec!["grpc+mtls"]));
        assert!(untold.notes().iter().any(|it| it.starts_with("Cannot tell")), "{:?}", untold.notes());

        // Or the same.
        let mut told = begin();
        at_a_pace(&mut told, 1.04, true);
        told.slower();
        at_a_pace(&mut told, 1.03, true);
        assert_eq!((ratio(&told), told.untold().len()), (Some(1.03), 0));

        let mut chosen = Compare { speedup_is_auto: false, ..begin() };
        at_a_pace(&mut chosen, 1.25, true);
        assert!(!chosen.goes_slower(), "the user has said how fast");
    }

    #[test]
    fn what_is_written_reads_back() {
        for compare in sample::all() {
            let text = serde_json::to_string(&compare).unwrap();
            assert_eq!(serde_json::from_str::<Compare>(&text).unwrap(), compare);
        }
    }

    #[test]
    fn every_figure_of_a_transport_is_a_row_of_the_table() {
        let compare = sample::repeated();
        let mut out = Vec::new();
        compare.csv(&mut out).unwrap();
        let mut reader = ::csv::Reader::from_reader(out.as_slice());
        let rows: Vec<std::collections::BTreeMap<String, String>> =
            reader.deserialize().collect::<Result<_, _>>().unwrap();
        let cell = |transport: &str, figure: &str, column: &str| {
            let found = rows.iter().find(|row| row["transport"] == transport && row["figure"] == figure);
            found.unwrap_or_else(|| panic!("no {figure} of {transport}"))[column].clone()
        };
        let wall = row(&compare, "grpc").figures.at("wall_s").unwrap();
        assert_eq!(cell("grpc", "wall_s", "median"), wall.median.to_string());
        assert_eq!(cell("grpc", "wall_s", "high"), wall.interval.unwrap().high.to_string());
        assert_eq!(
            (cell("grpc", "wall_s", "unit"), cell("memory", "wall_s", "relative")),
            ("s".into(), "".into())
        );
        assert!(cell("grpc", "latency.rpc.p99", "relative").parse::<f64>().unwrap() > 1.0);
        assert!(!rows.iter().any(|row| row["transport"] == "memory" && row["figure"] == "connecting.p50"));
    }

    #[test]
    fn the_text_for_a_page() {
        insta::assert_snapshot!(sample::troubled().markdown());
    }
}
