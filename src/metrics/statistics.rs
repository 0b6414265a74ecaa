//! What several runs say together: the median of a figure, and how far it can be trusted.
//!
//! A median, since one run that went wrong must not decide; an interval by the bootstrap, since nothing is known of how
//! the values of a figure are distributed.

use crate::random::{NO_NODE, Purpose, Stream};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

/// Resamples that an interval is taken from.
const RESAMPLES: usize = 10_000;
/// The part of the resamples that lies outside the interval, on each side.
const TAIL: f64 = 0.025;

/// What is told of the values of one figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How many values there are.
    pub n: usize,
    /// Half of them are at most this, half at least; with an even number the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// A 95 % interval of the median; nothing of a single value.
    pub interval: Option<Interval>,
}

/// From where to where.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Sample {
    /// Of the values that are finite; nothing if none is. Their order makes no difference.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let interval = (sorted.len() > 1).then(|| bootstrap(&sorted));
        Some(Self { n: sorted.len(), median: median(&sorted), min, max, interval })
    }
}

/// The median of values in ascending order, of which there is at least one.
fn median(sorted: &[f64]) -> f64 {
    let (low, high) = middle(sorted.len());
    midpoint(sorted[low], sorted[high])
}

/// The places of the two values in the middle of so many in order; the same twice of an odd number.
const fn middle(n: usize) -> (usize, usize) {
    ((n - 1) / 2, n / 2)
}

fn midpoint(low: f64, high: f64) -> f64 {
    // The half of each first, as their sum may be too large; but not of one value, which is its own median.
    if low == high { low } else { low / 2.0 + high / 2.0 }
}

/// The percentile interval of the median (Efron 1979, "Bootstrap methods: another look at the jackknife"; the interval
/// in Efron 1981, "Nonparametric standard errors and confidence intervals"): the median is taken of many samples of
/// the same size, drawn from the values with replacement, and the middle 95 % of these medians is the interval.
///
/// As it can only end at values that there are, it is not exactly 95 %: of five values it is their range, which holds
/// the median of a continuous distribution with 94 %, of 21 values it holds it with 92 %.
///
/// The draws depend on nothing but the number of values, so that the same values have the same interval everywhere.
fn bootstrap(sorted: &[f64]) -> Interval {
    let n = sorted.len();
    let (low, high) = middle(n);
    let mut stream = Stream::new(0, NO_NODE, Purpose::Bootstrap, n as u64);
    let mut drawn = vec![0_u32; n];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            // Places rather than values: the values are in order, so places in order are values in order.
            drawn.fill_with(|| stream.random_range(0..n as u32));
            let (below, &mut upper, _) = drawn.select_nth_unstable(high);
            let lower = if low == high { upper } else { below.iter().copied().max().unwrap_or(upper) };
            midpoint(sorted[lower as usize], sorted[upper as usize])
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let outside = (TAIL * RESAMPLES as f64) as usize;
    Interval { low: medians[outside], high: medians[RESAMPLES - 1 - outside] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Sample {
        Sample::of(values.iter().copied()).unwrap()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(of(&[3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(of(&[7.0]).median, 7.0);
        assert_eq!(of(&[f64::MAX, f64::MAX]).median, f64::MAX);
    }

    #[test]
    fn nothing_is_told_of_nothing_and_no_interval_of_one_value() {
        assert_eq!(Sample::of([]), None);
        assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
        let one = Sample::of([f64::NAN, 5.0]).unwrap();
        assert_eq!((one.n, one.min, one.max, one.interval), (1, 5.0, 5.0, None));
    }

    /// The median of a resample of five is the smallest value if three or more of its five draws are: with the
    /// probability of 3 or more of 5 at 1/5 each, 0.058, which is more than a tail. So the interval is the range.
    #[test]
    fn five_values_have_their_range_as_interval() {
        let interval = of(&[10.0, 20.0, 30.0, 40.0, 50.0]).interval.unwrap();
        assert_eq!((interval.low, interval.high), (10.0, 50.0));
    }

    /// With odd n a resample's median is at most the k-th value if more than half of its draws are among the first k:
    /// the binomial distribution says how often, and the bootstrap must find the same place.
    #[test]
    fn the_interval_is_where_the_binomial_distribution_puts_it() {
        for n in [11_usize, 15, 25, 41] {
            let values: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let interval = of(&values).interval.unwrap();
            let at_most = |k: usize| {
                let p = (k + 1) as f64 / n as f64;
                (n / 2 + 1..=n).map(|draws| binomial(n, draws, p)).sum::<f64>()
            };
            let exact = (0..n).find(|&k| at_most(k) > TAIL).unwrap();
            // A place whose probability is within the noise of the resamples of a tail may fall on either side.
            let clear =
                (at_most(exact) - TAIL).abs() > 0.005 && (exact == 0 || TAIL - at_most(exact - 1) > 0.005);
            if clear {
                assert_eq!(interval.low, exact as f64, "n = {n}");
                assert_eq!(interval.high, (n - 1 - exact) as f64, "n = {n}");
            }
            assert!((interval.low - exact as f64).abs() <= 1.0, "n = {n}: {interval:?}, exactly {exact}");
        }
    }

    fn binomial(n: usize, k: usize, p: f64) -> f64 {
        let ways = (0..k).map(|i| (n - i) as f64 / (k - i) as f64).product::<f64>();
        ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    }

    /// Of samples from a known distribution, the interval holds the true median as often as it should. Of 21 values the
    /// interval goes from the 7th to the 15th (see the test above), and the median of a continuous distribution lies
    /// between those with the probability of 7 to 14 heads in 21 tosses of a coin: 0.922.
    #[test]
    fn the_interval_covers_the_median_of_a_known_distribution() {
        let (experiments, n) = (200, 21);
        let mut covered = 0;
        for experiment in 0..experiments {
            let mut stream = Stream::new(1, experiment, Purpose::Sample, 0);
            // The square of a uniform value: skewed, with median 1/4.
            let values = (0..n).map(|_| stream.random_range(0.0..1.0_f64)).map(|value| value * value);
            let interval = Sample::of(values).unwrap().interval.unwrap();
            covered += usize::from((interval.low..=interval.high).contains(&0.25));
        }
        let share = covered as f64 / experiments as f64;
        // Three standard deviations of so many experiments.
        assert!((share - 0.922).abs() < 0.057, "{share} of the intervals hold the median");
    }

    proptest! {
        #[test]
        fn the_order_of_values_makes_no_difference_and_all_lie_in_order(
            mut values in proptest::collection::vec(-1e6..1e6_f64, 1..40),
        ) {
            let sample = of(&values);
            values.reverse();
            prop_assert_eq!(sample, of(&values));
            prop_assert!(sample.min <= sample.median && sample.median <= sample.max);
            if let Some(Interval { low, high }) = sample.interval {
                prop_assert!(sample.min <= low && low <= high && high <= sample.max);
                // A resample's median is as often below as above.
                prop_assert!(low <= sample.median && sample.median <= high);
            }
        }

        #[test]
        fn an_interval_moves_and_grows_with_its_values(
            values in proptest::collection::vec(-1000..1000_i32, 2..30), shift in -1000..1000_i32, scale in 1..8_i32,
        ) {
            // Whole numbers, so that the sums are exact.
            let sample = Sample::of(values.iter().map(|&it| f64::from(it))).unwrap();
            let moved = Sample::of(values.iter().map(|&it| f64::from(it * scale + shift))).unwrap();
            let expected = |value: f64| value * f64::from(scale) + f64::from(shift);
            prop_assert_eq!(moved.median, expected(sample.median));
            let (was, is) = (sample.interval.unwrap(), moved.interval.unwrap());
            prop_assert_eq!((is.low, is.high), (expected(was.low), expected(was.high)));
        }
    }
}
