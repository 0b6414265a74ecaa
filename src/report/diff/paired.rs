//! How far exact runs of the same seed lie apart on average, and how far that can be trusted for seeds that were not run:
//! the interval of Student's t for the mean of differences within pairs. A single pair is exact, and says nothing of others.

use crate::metrics::Interval;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The part of the distribution below the upper end of an interval of 95 %.
const UPPER: f64 = 0.975;

/// What is known of the differences within several pairs, in the unit of the figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Pairs of which both runs have a value.
    pub n: usize,
    /// The mean of the baseline in these.
    pub baseline: f64,
    /// The mean of the current side.
    pub current: f64,
    /// The mean of current minus baseline within pairs.
    pub difference: f64,
    /// The 95 % interval of that mean; nothing of a single pair.
    pub interval: Option<Interval>,
}

/// The pair in which a figure came out worst.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// The seed of its current run.
    pub seed: u64,
    /// What its baseline has, if it has it.
    pub baseline: Option<f64>,
    /// What its current run has.
    pub current: Option<f64>,
    /// By how much it changed, as a part of its baseline.
    pub change: Option<f64>,
}

impl Paired {
    /// Of values in the order of their pairs; nothing of none.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let n = pairs.len();
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n as f64;
        let difference = mean(&|(was, is)| is - was);
        let squares: f64 = pairs.iter().map(|(was, is)| is - was - difference).map(|it| it * it).sum();
        let freedom = n.checked_sub(1)?;
        let interval = StudentsT::new(0.0, 1.0, freedom as f64).ok().map(|it| {
            let error = (squares / freedom as f64 / n as f64).sqrt();
            let reach = if error > 0.0 { it.inverse_cdf(UPPER) * error } else { 0.0 };
            Interval { low: difference - reach, high: difference + reach }
        });
        Some(Self { n, baseline: mean(&|it| it.0), current: mean(&|it| it.1), difference, interval })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mean difference and its interval, as SciPy 1.17.1 gives them:
    ///
    /// ```python
    /// from scipy.stats import ttest_rel
    /// (np.array(current) - np.array(baseline)).mean()
    /// ttest_rel(current, baseline).confidence_interval(0.95)
    /// ```
    #[track_caller]
    fn is_scipys(baseline: &[f64], current: &[f64], difference: f64, low: f64, high: f64) {
        let pairs: Vec<(f64, f64)> = baseline.iter().copied().zip(current.iter().copied()).collect();
        let found = Paired::of(&pairs).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!(found.n, baseline.len());
        let near = |value: f64, expected: f64| (value - expected).abs() <= 1e-9 * (high - low);
        assert!(near(found.difference, difference), "{found:?}");
        assert!(near(interval.low, low) && near(interval.high, high), "{found:?}");
    }

    #[test]
    fn an_interval_is_that_of_scipy() {
        is_scipys(&[24.0, 22.0], &[25.5, 22.25], 0.875, -7.066377960109184, 8.816377960109184);
        is_scipys(
            &[7650.0, 7250.0, 8180.0, 7700.0, 7540.0],
            &[7710.0, 7240.0, 8420.0, 7698.0, 7601.0],
            69.8,
            -55.393970640229824,
            194.9939706402298,
        );
        is_scipys(
            &[0.912, 0.934, 0.925],
            &[0.905, 0.941, 0.902],
            -0.0076666666666667105,
            -0.04495632365782862,
            0.029622990324495196,
        );
        // a = [100 + (i * 37 % 101) / 10 for i in range(40)]; b = [x * 1.01 + (i * 53 % 89) / 40 for i, x in enumerate(a)]
        let a: Vec<f64> = (0..40).map(|i| 100.0 + f64::from(i * 37 % 101) / 10.0).collect();
        let b: Vec<f64> = (0..40).zip(&a).map(|(i, x)| x * 1.01 + f64::from(i * 53 % 89) / 40.0).collect();
        is_scipys(&a, &b, 2.134225000000001, 1.9231998766141238, 2.3452501233858785);
        // a = [1e-3 * (1 + (i * 7 % 13) / 100) for i in range(300)]
        // b = [x * (1 + ((i * 11 % 17) - 8) / 1000) for i, x in enumerate(a)]
        let a: Vec<f64> = (0..300).map(|i| 1e-3 * (1.0 + f64::from(i * 7 % 13) / 100.0)).collect();
        let b: Vec<f64> =
            (0..300).zip(&a).map(|(i, x)| x * (1.0 + f64::from(i * 11 % 17 - 8) / 1000.0)).collect();
        is_scipys(&a, &b, 2.8299999999972156e-08, -5.635690060991788e-07, 6.201690060991231e-07);
    }

    #[test]
    fn one_pair_has_no_interval_and_equal_differences_have_a_point() {
        assert_eq!(Paired::of(&[]), None);
        let one = Paired::of(&[(2.0, 3.0)]).unwrap();
        assert_eq!((one.n, one.difference, one.interval), (1, 1.0, None));
        let alike = Paired::of(&[(2.0, 3.0), (7.0, 8.0), (1.0, 2.0)]).unwrap();
        assert_eq!((alike.baseline, alike.current), (10.0 / 3.0, 13.0 / 3.0));
        assert_eq!(alike.interval, Some(Interval { low: 1.0, high: 1.0 }));
    }
}
