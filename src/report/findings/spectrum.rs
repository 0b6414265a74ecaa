//! A histogram as a spectrum of percentiles: what a `.hgrm` file has, and what is drawn of it.

use crate::metrics::Histogram;

/// The percentiles of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spectrum {
    /// The steps, ascending; the last has quantile 1. Empty if nothing was recorded.
    pub steps: Vec<Step>,
    /// How many values were recorded.
    pub count: u64,
    /// Their mean, in seconds.
    pub mean_s: f64,
    /// Their standard deviation, in seconds.
    pub stdev_s: f64,
}

/// So many values are no larger than this.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// In seconds.
    pub value_s: f64,
    /// Which share of all values is no larger, from 0 to 1.
    pub quantile: f64,
    /// How many values that is.
    pub count: u64,
}

/// Steps for each halving of the distance to 100 %, as HdrHistogram's own tools have it by default.
pub const TICKS_PER_HALF: u32 = 5;

impl Spectrum {
    /// Of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram) -> Self {
        let Some(hdr) = histogram.as_hdr().filter(|it| !it.is_empty()) else { return Self::default() };
        let step = |it: hdrhistogram::iterators::IterationValue<u64>| Step {
            value_s: it.value_iterated_to() as f64 / 1e9,
            quantile: it.quantile_iterated_to(),
            count: 0,
        };
        let mut steps = Vec::new();
        let mut until = 0;
        for it in hdr.iter_quantiles(TICKS_PER_HALF) {
            until += it.count_since_last_iteration();
            steps.push(Step { count: until, ..step(it) });
        }
        Self { steps, count: hdr.len(), mean_s: hdr.mean() / 1e9, stdev_s: hdr.stdev() / 1e9 }
    }
}
