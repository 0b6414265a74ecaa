//! Everything that is known of a finished run, whether it has just ended or is read back from its folder: what reports
//! are made of. How its files look is told here, file by file; what is made of them is not.

mod drawing;
mod read;
mod spectrum;

pub use drawing::Drawing;
pub use read::{ReadError, result};
pub use spectrum::{Spectrum, Step};

use super::tables::NodeRow;
use crate::metrics::result::RunResult;
use crate::metrics::{Point, Summary, Trace};
use std::collections::BTreeMap;

/// Everything that is known of a finished run. What its folder does not have, since an older version or an interrupted
/// copy left it out, is empty.
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
    /// `topology.csv`: a part of the topology that can be drawn.
    pub drawing: Drawing,
}

/// One latency in one stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// Which latency, by its name in `result.latency`.
    pub name: String,
    /// When it begins, in seconds as in `series`.
    pub start_s: f64,
    /// How long it is.
    pub length_s: f64,
    /// What was recorded in it, in seconds.
    pub latency: Summary,
}
