//! Whether pairs of runs by turns are enough to see what is worth seeing, or more have to be run.
//!
//! The answer depends on how far the two runs of a pair lie apart, and never on which of them was ahead. If nothing changed,
//! a pair is as likely to lie apart one way as the other, whatever the distance: so whoever stops by the distances alone
//! leaves the signed ranks as they would be with a number of pairs that was chosen beforehand.

use super::{figure, shift};
use crate::metrics::result::RunResult;

/// Fewer pairs than these are never enough, and more are not waited for.
pub const PAIRS: std::ops::RangeInclusive<u32> = 12..=40;

/// How precisely the change of what handling costs should be known: one standard error, as a part of it. With 1 %, a change
/// of 5 % is five of them.
const PRECISION: f64 = 0.01;

/// Of a normal distribution, the standard deviation for each unit of the root mean square between the distances from zero
/// and their median.
const DEVIATION_OF_DISTANCES: f64 = 1.63;

/// Whether so many pairs are enough, by what handling costs in them.
pub fn are_enough(baseline: &[RunResult], current: &[RunResult]) -> bool {
    let pairs = baseline.len().min(current.len());
    if pairs < *PAIRS.start() as usize {
        return false;
    }
    let costs = |side: &[RunResult]| -> Vec<f64> {
        let cost = |it: &RunResult| {
            let document = serde_json::to_value(it).unwrap_or_default();
            let paths = ["probe.cells.*.cpu_s_per_message", "cost.messages_per_cpu_s"];
            paths.into_iter().find_map(|path| figure(&document, path))
        };
        side.iter().filter_map(cost).collect()
    };
    let (was, is) = (costs(&baseline[..pairs]), costs(&current[..pairs]));
    pairs >= *PAIRS.end() as usize
        || was.len() < pairs
        || is.len() < pairs
        || spread(&shift::differences(&was, &is)) <= PRECISION * (pairs as f64).sqrt()
}

/// The standard deviation of differences, by their distances from zero: of a normal distribution around zero exactly, of a
/// shifted one too much. A single pair that is far off counts in full: then it takes more pairs.
fn spread(differences: &[f64]) -> f64 {
    let distances: Vec<f64> = differences.iter().map(|it| it.abs()).collect();
    let middle = shift::median(&distances).unwrap_or_default();
    let squares: f64 = distances.iter().map(|it| (it - middle) * (it - middle)).sum();
    (squares / distances.len().max(1) as f64).sqrt() * DEVIATION_OF_DISTANCES
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn pairs(count: u64, apart: f64) -> (Vec<RunResult>, Vec<RunResult>) {
        let noise = |seed: u64| 1.0 + apart * ((seed * 7 % 12) as f64 / 6.0 - 0.9);
        let side = |of: &dyn Fn(u64) -> f64| (0..count).map(|seed| sample::real(seed, of(seed))).collect();
        (side(&|_| 1.0), side(&noise))
    }

    #[test]
    fn quiet_pairs_are_enough_sooner_than_noisy_ones() {
        let enough = |count, apart| {
            let (was, is) = pairs(count, apart);
            are_enough(&was, &is)
        };
        assert!(!enough(11, 0.0) && enough(12, 0.0) && enough(12, 0.01));
        assert!(!enough(12, 0.2) && !enough(39, 0.4) && enough(40, 0.4));
    }

    #[test]
    fn which_of_the_two_was_ahead_makes_no_difference() {
        for apart in [0.01, 0.03, 0.05, 0.1] {
            let (was, is) = pairs(20, apart);
            assert_eq!(are_enough(&was, &is), are_enough(&is, &was));
            let (mixed_was, mixed_is): (Vec<_>, Vec<_>) = was
                .iter()
                .cloned()
                .zip(is.iter().cloned())
                .enumerate()
                .map(|(i, (was, is))| if i % 3 == 0 { (is, was) } else { (was, is) })
                .unzip();
            assert_eq!(are_enough(&was, &is), are_enough(&mixed_was, &mixed_is));
        }
    }

    #[test]
    fn the_spread_of_half_a_normal_distribution_is_about_right() {
        // Quantiles of the standard normal distribution, evenly spaced.
        use statrs::distribution::{ContinuousCDF as _, Normal};
        let normal = Normal::new(0.0, 1.0).unwrap();
        let differences: Vec<f64> = (1..1_000).map(|i| normal.inverse_cdf(f64::from(i) / 1_000.0)).collect();
        assert!((spread(&differences) - 1.0).abs() < 0.05, "{}", spread(&differences));
    }
}
