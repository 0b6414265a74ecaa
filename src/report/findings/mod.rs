//! Everything that is known of a finished run, whether it has just ended or is read back from its folder: what reports
//! are made of. How its files look is told here, file by file; what is made of them is not.

mod drawing;
mod interval;
mod read;
mod spectrum;
pub mod trace;

pub use drawing::Drawing;
pub use interval::Interval;
pub(super) use read::{HGRM, HISTOGRAMS, INTERVALS, NODES, SERIES, TOPOLOGY, TRACE};
pub use read::{ReadError, Unreadable, result};
pub use spectrum::{Spectrum, Step};

use super::tables::NodeRow;
use crate::metrics::result::RunResult;
use crate::metrics::{Point, Trace};
use std::collections::BTreeMap;

/// Everything that is known of a finished run. What its folder does not have, since an older version or one of many runs
/// left it out, is empty.
#[derive(Clone, Debug)]
pub struct Findings {
    /// `result.json`.
    pub result: RunResult,
    /// `nodes.csv`: a row for each node, in the order of their numbers.
    pub nodes: Vec<NodeRow>,
    /// `series.csv`: messages and bytes handled over time.
    pub series: Vec<Point>,
    /// `histograms/<name>.hgrm`: the whole of each latency, by the names that `result.latency` has.
    pub spectra: BTreeMap<String, Spectrum>,
    /// `intervals.hlog`: latencies over time, in the order of time.
    pub intervals: Vec<Interval>,
    /// `trace.json`: what some nodes did when.
    pub trace: Trace,
    /// `topology.json`: a part of the topology that can be drawn.
    pub drawing: Drawing,
}

impl Findings {
    /// The name of the scenario.
    pub fn name(&self) -> &str {
        self.result.scenario.get("name").and_then(|it| it.as_str()).unwrap_or_default()
    }
}
