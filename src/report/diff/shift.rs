//! By how much current values differ from the baseline's, and how far that can be trusted: the estimates that belong to
//! the rank tests, so that an interval leaves out "no change" where the test of the same level does.
//!
//! Hodges and Lehmann 1963, "Estimates of location based on rank tests". Where all values are positive, as of times and
//! rates, a shift is one of their logarithms: a ratio.

use super::ranks;
use crate::metrics::Interval;

/// What part of the possible outcomes lies outside an interval on each side: it is one of 95 %.
const TAIL: f64 = 0.025;

/// How far current values are from the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// In the unit of the values.
    pub by: f64,
    /// As a part of the baseline: 0.05 is 5 % more. Nothing if the baseline is zero.
    pub change: Option<f64>,
    /// The 95 % interval of the change; nothing if there are too few values for one.
    pub interval: Option<Interval>,
}

/// Of two sides: the median of the differences between any value of one and any of the other.
pub fn of_sides(baseline: &[f64], current: &[f64]) -> Option<Shift> {
    let ratio = baseline.iter().chain(current).all(|it| *it > 0.0);
    let (a, b) = (scaled(baseline, ratio), scaled(current, ratio));
    let differences = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
    let (n, m) = (a.len(), b.len());
    let mean = (n * m) as f64 / 2.0;
    let deviation = ((n * m * (n + m + 1)) as f64 / 12.0).sqrt();
    let counted = ranks::is_exact(n + m).then(|| {
        let ways = ranks::without_ties(n + m, m);
        // The least sum is that of the first m ranks.
        ways[m * (m + 1)..].iter().step_by(2).copied().collect::<Vec<_>>()
    });
    shift(differences, counted, mean, deviation, median(baseline)?, ratio)
}

/// Of pairs: the median of the means of any two of the differences within pairs, each with itself included.
pub fn of_pairs(baseline: &[f64], current: &[f64]) -> Option<Shift> {
    let ratio = baseline.iter().chain(current).all(|it| *it > 0.0);
    let (a, b) = (scaled(baseline, ratio), scaled(current, ratio));
    let within: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
    let n = within.len();
    let means = (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).map(|(i, j)| (within[i] + within[j]) / 2.0);
    let mean = (n * (n + 1)) as f64 / 4.0;
    let deviation = ((n * (n + 1) * (2 * n + 1)) as f64 / 24.0).sqrt();
    let counted =
        ranks::is_exact(n).then(|| ranks::signs_without_ties(n).into_iter().step_by(2).collect::<Vec<_>>());
    shift(means.collect(), counted, mean, deviation, median(baseline)?, ratio)
}

/// Differences within pairs, as the signed-rank test takes them: on the same scale as [`of_pairs`].
pub fn differences(baseline: &[f64], current: &[f64]) -> Vec<f64> {
    let ratio = baseline.iter().chain(current).all(|it| *it > 0.0);
    scaled(baseline, ratio).iter().zip(scaled(current, ratio)).map(|(a, b)| b - a).collect()
}

/// From all differences, and how often chance puts each number of them below zero.
fn shift(
    mut differences: Vec<f64>,
    counted: Option<Vec<f64>>,
    mean: f64,
    deviation: f64,
    baseline: f64,
    ratio: bool,
) -> Option<Shift> {
    let middle = median(&differences)?;
    differences.sort_by(f64::total_cmp);
    // So many of the differences are left out at each end.
    let outside = match counted {
        Some(ways) => {
            let all: f64 = ways.iter().sum();
            let mut below = 0.0;
            ways.iter()
                .take_while(|it| {
                    below += **it;
                    below <= TAIL * all
                })
                .count()
        }
        None => (mean - 1.96 * deviation).max(0.0) as usize,
    };
    let told = |by: f64| match ratio {
        true => Some(libm::expm1(by)),
        false => Some(by / baseline.abs()).filter(|it| it.is_finite()),
    };
    let end = |place: usize| differences.get(place).copied().and_then(told);
    let interval = (outside > 0)
        .then(|| Some(Interval { low: end(outside - 1)?, high: end(differences.len() - outside)? }))
        .flatten();
    let change = told(middle);
    let by = if ratio { change.unwrap_or_default() * baseline } else { middle };
    Some(Shift { by, change, interval })
}

fn scaled(values: &[f64], ratio: bool) -> Vec<f64> {
    values.iter().map(|&it| if ratio { libm::log(it) } else { it }).collect()
}

/// The middle of values in any order; nothing of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(if low == high { *low } else { low / 2.0 + high / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Stream};
    use proptest::prelude::*;

    #[test]
    fn a_planted_ratio_is_found_whatever_the_values() {
        let baseline: Vec<f64> = (1..=9).map(|i| f64::from(i * i)).collect();
        let current: Vec<f64> = baseline.iter().map(|it| it * 1.05).collect();
        let pairs = of_pairs(&baseline, &current).unwrap();
        let interval = pairs.interval.unwrap();
        for value in [pairs.change.unwrap(), interval.low, interval.high] {
            assert!((value - 0.05).abs() < 1e-9, "{pairs:?}");
        }
        let sides = of_sides(&baseline, &current).unwrap();
        assert!((sides.change.unwrap() - 0.05).abs() < 1e-9, "{sides:?}");
        let interval = sides.interval.unwrap();
        assert!(
            interval.low < 0.0 && interval.high > 0.05,
            "sides are wide where pairs are narrow: {interval:?}"
        );
    }

    /// Of 4 and 4 values, one difference is left out at each end: chance puts U at 0 in 1 of 70 cases, and at 1 or less in
    /// 2, which is more than 2.5 %.
    #[test]
    fn an_interval_ends_where_the_table_says() {
        let (a, b) = ([0.0, 1.0, 2.0, 3.0], [10.0, 21.0, 32.0, 43.0]);
        let shift = of_sides(&a, &b).unwrap();
        assert_eq!((shift.by, shift.change), (25.0, Some(25.0 / 1.5)));
        assert_eq!(shift.interval.map(|it| (it.low * 1.5, it.high * 1.5)), Some((7.0, 43.0)));
        // Of 3 and 3, even the outermost has 1 of 20.
        assert_eq!(of_sides(&a[..3], &b[..3]).unwrap().interval, None);
        // Of 6 pairs, the least and the most: 1 of 64.
        let shift = of_pairs(&[0.0; 6], &[1.0, 2.0, 3.0, 4.0, 5.0, 60.0]).unwrap();
        assert_eq!((shift.change, shift.interval), (None, None), "nothing is a part of zero");
        let shift = of_pairs(&[-1.0; 6], &[0.0, 1.0, 2.0, 3.0, 4.0, 59.0]).unwrap();
        assert_eq!(shift.interval.map(|it| (it.low, it.high)), Some((1.0, 60.0)));
    }

    /// The interval holds the true ratio in at least 95 % of the cases, and not in nearly all of them.
    #[test]
    fn intervals_hold_the_true_ratio_as_often_as_they_should() {
        let draws = 1_000;
        let (mut of_both_sides, mut of_all_pairs) = (0, 0);
        for draw in 0..draws {
            let mut stream = Stream::new(11, draw, Purpose::Bootstrap, 0);
            let mut values =
                |by: f64| -> Vec<f64> { (0..10).map(|_| by * stream.random_range(0.9..1.1_f64)).collect() };
            let (a, b) = (values(1.0), values(1.05));
            let holds = |shift: Option<Shift>| {
                shift.unwrap().interval.is_some_and(|it| (it.low..=it.high).contains(&0.05))
            };
            of_both_sides += u32::from(holds(of_sides(&a, &b)));
            of_all_pairs += u32::from(holds(of_pairs(&a, &b)));
        }
        for held in [of_both_sides, of_all_pairs] {
            let share = f64::from(held) / draws as f64;
            assert!((0.93..0.99).contains(&share), "{share}");
        }
    }

    #[test]
    fn more_values_than_can_be_counted_out_have_an_interval() {
        let a: Vec<f64> = (0..100).map(|i| 1.0 + f64::from(i % 10) / 100.0).collect();
        let b: Vec<f64> = a.iter().map(|it| it * 1.2).collect();
        let interval = of_sides(&a, &b).unwrap().interval.unwrap();
        assert!(interval.low > 0.18 && interval.high < 0.22, "{interval:?}");
        assert!(of_pairs(&a, &b).unwrap().interval.unwrap().low > 0.199);
    }

    proptest! {
        #[test]
        fn the_change_lies_in_its_interval(
            a in proptest::collection::vec(1..1000_i32, 5..15), b in proptest::collection::vec(1..1000_i32, 5..15),
        ) {
            let [a, b] = [a, b].map(|it| it.into_iter().map(f64::from).collect::<Vec<_>>());
            let n = a.len().min(b.len());
            for shift in [of_sides(&a, &b), of_pairs(&a[..n], &b[..n])].into_iter().flatten() {
                if let (Some(Interval { low, high }), Some(change)) = (shift.interval, shift.change) {
                    prop_assert!(low <= change + 1e-12 && change <= high + 1e-12, "{:?}", shift);
                }
            }
        }
    }
}
