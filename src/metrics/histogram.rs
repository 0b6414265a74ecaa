//! Histograms of durations and of other whole numbers, and what is told of them.
//!
//! A thin shell around HdrHistogram: it costs nothing until something is recorded, is never out of range, and
//! counts what it had to clip. Which histograms there are is `recorder`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values above this are recorded as this, and counted as clipped: 24 hours in nanoseconds.
pub const MAX_NANOS: u64 = 24 * 3_600 * 1_000_000_000;

/// A histogram with 3 significant digits, unless others are asked for, that takes no memory until the first value.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Option<Box<hdrhistogram::Histogram<u64>>>,
    clipped: u64,
    digits: u8,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::with_digits(3)
    }
}

impl Histogram {
    /// An empty one of so many significant digits, from 1 to 5.
    pub const fn with_digits(digits: u8) -> Self {
        Self { counts: None, clipped: 0, digits }
    }

    /// An empty one of as many digits.
    pub const fn like(&self) -> Self {
        Self::with_digits(self.digits)
    }

    /// Records `count` times `value`; above [`MAX_NANOS`] it is clipped to that.
    pub fn record(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        if value > MAX_NANOS {
            self.clipped = self.clipped.saturating_add(count);
        }
        let counts = self.counts.get_or_insert_with(|| empty(self.digits));
        counts.record_n(value.min(MAX_NANOS), count).expect("a histogram grows to any value below 24 h");
    }

    /// Adds all that `other` has. The order in which histograms are merged makes no difference.
    pub fn merge(&mut self, other: &Self) {
        self.clipped = self.clipped.saturating_add(other.clipped);
        if let Some(theirs) = &other.counts {
            let ours = self.counts.get_or_insert_with(|| empty(self.digits));
            ours.add(&**theirs).expect("a histogram grows to any value below 24 h");
        }
    }

    /// What was recorded since `earlier`, an earlier state of this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.like();
        let before = |value| earlier.counts.as_ref().map_or(0, |counts| counts.count_at(value));
        for (value, count) in self.values() {
            since.record(value, count.saturating_sub(before(value)));
        }
        Self { clipped: self.clipped.saturating_sub(earlier.clipped), ..since }
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.counts.as_ref().map_or(0, |counts| counts.len())
    }

    /// How many of them were clipped.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// The values in ascending order with how often each was recorded, equal to 3 digits.
    pub fn values(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let recorded = self.counts.iter().flat_map(|counts| counts.iter_recorded());
        recorded.map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// What is told of it, each value divided by `unit`: 1e9 makes seconds of nanoseconds.
    pub fn summary(&self, unit: f64) -> Summary {
        self.counts.as_ref().map_or_else(Summary::default, |counts| Self::summary_of(counts, unit))
    }

    /// The same of one of HdrHistogram's own type.
    pub fn summary_of(counts: &hdrhistogram::Histogram<u64>, unit: f64) -> Summary {
        if counts.is_empty() {
            return Summary::default();
        }
        let at = |quantile: f64| counts.value_at_quantile(quantile) as f64 / unit;
        Summary {
            count: counts.len(),
            min: counts.min() as f64 / unit,
            mean: counts.mean() / unit,
            stdev: counts.stdev() / unit,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: counts.max() as f64 / unit,
        }
    }

    /// HdrHistogram's own type, for its file formats; nothing if nothing was recorded.
    pub fn as_hdr(&self) -> Option<&hdrhistogram::Histogram<u64>> {
        self.counts.as_deref()
    }
}

fn empty(digits: u8) -> Box<hdrhistogram::Histogram<u64>> {
    Box::new(hdrhistogram::Histogram::new(digits).expect("from 1 to 5 significant digits are possible"))
}

/// What is told of a histogram. Where nothing was recorded, `count` is 0 and everything else NaN (`null` in JSON).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Summary {
    /// How many values.
    pub count: u64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub min: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub mean: f64,
    /// The standard deviation of the values themselves (not an estimate from a sample).
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub stdev: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub p50: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub p90: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub p99: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub p999: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub max: f64,
}

impl Default for Summary {
    fn default() -> Self {
        let none = f64::NAN;
        Self {
            count: 0,
            min: none,
            mean: none,
            stdev: none,
            p50: none,
            p90: none,
            p99: none,
            p999: none,
            max: none,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_costs_nothing_until_something_is_recorded() {
        let mut histogram = Histogram::default();
        histogram.record(7, 0);
        assert!(histogram.as_hdr().is_none());
        assert_eq!(histogram.summary(1.0).count, 0);
        assert!(size_of::<Histogram>() <= 24);
    }

    #[test]
    fn what_came_since_is_what_was_not_there_before() {
        let mut histogram = Histogram::default();
        [3, 3, 70_000_001].iter().for_each(|it| histogram.record(*it, 1));
        let earlier = histogram.clone();
        assert_eq!(histogram.since(&earlier).count(), 0);
        [3, 900_000_001, 70_000_001].iter().for_each(|it| histogram.record(*it, 1));
        let since = histogram.since(&earlier);
        assert_eq!(since.values().map(|(_, count)| count).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(since.summary(1.0).min, 3.0);
        assert_eq!(histogram.since(&Histogram::default()).summary(1.0), histogram.summary(1.0));
    }

    #[test]
    fn quantiles_keep_three_digits() {
        let mut histogram = Histogram::default();
        (1..=1_000u64).for_each(|i| histogram.record(i * 1_000_000, 1));
        let summary = histogram.summary(1e9);
        assert_eq!(summary.count, 1_000);
        for (name, got, wanted) in [
            ("min", summary.min, 0.001),
            ("p50", summary.p50, 0.5),
            ("p90", summary.p90, 0.9),
            ("p99", summary.p99, 0.99),
            ("p999", summary.p999, 0.999),
            ("max", summary.max, 1.0),
            ("mean", summary.mean, 0.5005),
            ("stdev", summary.stdev, 0.288_675),
        ] {
            assert!((got / wanted - 1.0).abs() < 1e-3, "{name}: {got} is not {wanted} to 3 digits");
        }
    }

    #[test]
    fn what_is_out_of_range_is_clipped_and_counted() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX, 3);
        histogram.record(MAX_NANOS, 1);
        assert_eq!((histogram.count(), histogram.clipped()), (4, 3));
        assert!((histogram.summary(1e9).max / 86_400.0 - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_order_of_merging_makes_no_difference() {
        let with = |values: &[u64]| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.record(*value, 2));
            histogram
        };
        let parts = [with(&[5, 900_001]), with(&[u64::MAX]), with(&[]), with(&[77_777_777, 1])];
        let merged = |order: [usize; 4]| {
            let mut all = Histogram::default();
            order.iter().for_each(|part| all.merge(&parts[*part]));
            (all.summary(1e9), all.clipped(), all.values().collect::<Vec<_>>())
        };
        assert_eq!(merged([0, 1, 2, 3]), merged([3, 2, 1, 0]));
        assert_eq!(merged([0, 1, 2, 3]), merged([2, 0, 3, 1]));
    }
}
