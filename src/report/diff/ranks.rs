//! Rank tests: how likely values are to lie as far apart as they do if both sides measure the same thing. Nothing is
//! assumed of how the values are distributed, and up to [`EXACT`] of them the answer is exact, ties included.
//!
//! How far apart they lie is in `shift`; what it means for a figure is decided in `judge`.

use statrs::distribution::{ContinuousCDF as _, Normal};

/// Up to so many values in all, the distribution is counted out; beyond, it is taken for a normal one.
const EXACT: usize = 80;

/// The probabilities of values at least as far to either side, if there is no difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// That current values are as much smaller, or more.
    pub smaller: f64,
    /// That current values are as much larger, or more.
    pub larger: f64,
}

/// The test of Mann and Whitney (1947, "On a test of whether one of two random variables is stochastically larger than the
/// other"): two sides with nothing to pair their values by. Of the ways to deal out the values, in how many has the
/// current side as extreme a sum of ranks?
pub fn mann_whitney(baseline: &[f64], current: &[f64]) -> Tested {
    let (n, m) = (baseline.len(), current.len());
    if n == 0 || m == 0 {
        return Tested { smaller: 1.0, larger: 1.0 };
    }
    let all: Vec<f64> = baseline.iter().chain(current).copied().collect();
    let ranks = doubled_ranks(&all);
    let sum: usize = ranks[n..].iter().sum();
    if n + m <= EXACT {
        return tails(&sums_of_subsets(&ranks, m), sum);
    }
    // Both with the correction for ties; ranks are doubled, so the deviation is too.
    let (count, n, m) = ((n + m) as f64, n as f64, m as f64);
    let mean = m * (count + 1.0);
    let squares: f64 = ranks.iter().map(|&rank| (rank as f64 - (count + 1.0)).powi(2)).sum();
    let variance = n * m / (count * (count - 1.0)) * squares;
    normal_tails(sum as f64, mean, variance.sqrt())
}

/// The signed-rank test of Wilcoxon (1945, "Individual comparisons by ranking methods"): differences within pairs. Of the
/// ways to give them signs, in how many is the sum of the ranks of the positive ones as extreme? Pairs without a
/// difference say nothing and are left out.
pub fn signed_rank(differences: &[f64]) -> Tested {
    let differences: Vec<f64> = differences.iter().copied().filter(|it| *it != 0.0).collect();
    if differences.is_empty() {
        return Tested { smaller: 1.0, larger: 1.0 };
    }
    let sizes: Vec<f64> = differences.iter().map(|it| it.abs()).collect();
    let ranks = doubled_ranks(&sizes);
    let positive: usize =
        ranks.iter().zip(&differences).filter(|(_, it)| **it > 0.0).map(|(rank, _)| rank).sum();
    if differences.len() <= EXACT {
        return tails(&sums_of_signs(&ranks), positive);
    }
    let mean = ranks.iter().sum::<usize>() as f64 / 2.0;
    let variance = ranks.iter().map(|&rank| (rank as f64).powi(2)).sum::<f64>() / 4.0;
    normal_tails(positive as f64, mean, variance.sqrt())
}

/// The smallest probability that two sides of these sizes can have: all of one above all of the other.
pub fn least_mann_whitney(n: usize, m: usize) -> f64 {
    (0..m).map(|i| (i + 1) as f64 / (n + i + 1) as f64).product()
}

/// The smallest probability that so many pairs can have: all to the same side.
pub fn least_signed_rank(pairs: usize) -> f64 {
    0.5_f64.powi(i32::try_from(pairs).unwrap_or(i32::MAX))
}

/// The probabilities of several tests as they have to be judged when there are so many of them (Holm 1979, "A simple
/// sequentially rejective multiple test procedure"): with none of them true, one falls below a level with no more than
/// the probability of that level.
pub fn holm(probabilities: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut adjusted = vec![1.0; probabilities.len()];
    let mut least = 0.0_f64;
    for (place, &i) in order.iter().enumerate() {
        least = least.max(probabilities[i] * (probabilities.len() - place) as f64).min(1.0);
        adjusted[i] = least;
    }
    adjusted
}

/// How many sums of ranks 1 to `count`, each doubled, there are of subsets of `size`, by sum: without ties.
pub(super) fn without_ties(count: usize, size: usize) -> Vec<f64> {
    let ranks: Vec<usize> = (1..=count).map(|rank| 2 * rank).collect();
    sums_of_subsets(&ranks, size)
}

/// The same of all subsets, whatever their size.
pub(super) fn signs_without_ties(count: usize) -> Vec<f64> {
    let ranks: Vec<usize> = (1..=count).map(|rank| 2 * rank).collect();
    sums_of_signs(&ranks)
}

/// Whether a distribution of so many values is counted out.
pub(super) const fn is_exact(values: usize) -> bool {
    values <= EXACT
}

/// The rank of each value from 1, doubled so that the mean of two ranks is a whole number: values that are equal have the
/// mean of their ranks.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // The ranks before + 1 to before + len, of which the mean is doubled.
        tied.iter().for_each(|&i| ranks[i] = 2 * before + tied.len() + 1);
        before += tied.len();
    }
    ranks
}

/// In how many ways so many of the ranks have each sum.
fn sums_of_subsets(ranks: &[usize], size: usize) -> Vec<f64> {
    let most = ranks.iter().sum::<usize>() + 1;
    let mut ways = vec![vec![0.0; most]; size + 1];
    ways[0][0] = 1.0;
    for &rank in ranks {
        for taken in (1..=size).rev() {
            let (fewer, more) = ways.split_at_mut(taken);
            let (from, to) = (&fewer[taken - 1], &mut more[0]);
            (rank..most).for_each(|sum| to[sum] += from[sum - rank]);
        }
    }
    ways.swap_remove(size)
}

/// In how many ways any of the ranks have each sum.
fn sums_of_signs(ranks: &[usize]) -> Vec<f64> {
    let most = ranks.iter().sum::<usize>() + 1;
    let mut ways = vec![0.0; most];
    ways[0] = 1.0;
    for &rank in ranks {
        (rank..most).rev().for_each(|sum| ways[sum] += ways[sum - rank]);
    }
    ways
}

fn tails(ways: &[f64], sum: usize) -> Tested {
    let all: f64 = ways.iter().sum();
    Tested { smaller: ways[..=sum].iter().sum::<f64>() / all, larger: ways[sum..].iter().sum::<f64>() / all }
}

/// With half a rank to the safe side, as sums are whole numbers; ranks are doubled.
fn normal_tails(sum: f64, mean: f64, deviation: f64) -> Tested {
    let Ok(normal) = Normal::new(mean, deviation) else { return Tested { smaller: 1.0, larger: 1.0 } };
    Tested { smaller: normal.cdf(sum + 1.0), larger: normal.sf(sum - 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{NO_NODE, Purpose, Stream};
    use proptest::prelude::*;

    fn near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    /// The number of ways is in every table of the test: of 4 and 4 values, U ≤ 0, 1, 2, 3 in 1, 2, 4, 7 of 70; of 5 and 5,
    /// U ≤ 4 in 12 of 252.
    #[test]
    fn two_sides_have_the_probabilities_of_the_tables() {
        let (a, above) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        assert!(near(mann_whitney(&a, &above).larger, 1.0 / 70.0));
        assert!(near(mann_whitney(&a, &above).smaller, 1.0));
        assert!(near(mann_whitney(&above, &a).smaller, 1.0 / 70.0));
        assert!(near(mann_whitney(&[1.0, 2.0, 3.0, 5.0], &[4.0, 6.0, 7.0, 8.0]).larger, 2.0 / 70.0));
        assert!(near(mann_whitney(&[1.0, 2.0, 3.0, 7.0], &[4.0, 5.0, 6.0, 8.0]).larger, 7.0 / 70.0));
        let five = mann_whitney(&[1.0, 2.0, 3.0, 4.0, 9.0], &[5.0, 6.0, 7.0, 8.0, 10.0]);
        assert!(near(five.larger, 12.0 / 252.0), "{five:?}");
        assert!(near(least_mann_whitney(4, 4), 1.0 / 70.0) && near(least_mann_whitney(6, 6), 1.0 / 924.0));
    }

    /// Of 3 and 3 values 1 2 2 | 2 3 3 the ranks are 1 3 3 | 3 5.5 5.5; of the 20 ways to choose three, the sum is 14 in 3.
    #[test]
    fn ties_are_counted_out() {
        let tied = mann_whitney(&[1.0, 2.0, 2.0], &[2.0, 3.0, 3.0]);
        assert!(near(tied.larger, 3.0 / 20.0), "{tied:?}");
        let all_the_same = mann_whitney(&[1.0; 5], &[1.0; 5]);
        assert!(near(all_the_same.larger, 1.0) && near(all_the_same.smaller, 1.0));
    }

    /// Of 5 pairs, T ≤ 0, 1, 2, 3 in 1, 2, 3, 5 of 32; of 10, T ≤ 8 in 25 of 1024 (the table's 0.024).
    #[test]
    fn pairs_have_the_probabilities_of_the_tables() {
        assert!(near(signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]).larger, 1.0 / 32.0));
        assert!(near(signed_rank(&[-1.0, 2.0, 3.0, 4.0, 5.0]).larger, 2.0 / 32.0));
        assert!(near(signed_rank(&[1.0, 2.0, -3.0, 4.0, 5.0]).larger, 5.0 / 32.0));
        let ten = signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -8.0, 9.0, 10.0]);
        assert!(near(ten.larger, 25.0 / 1024.0), "{ten:?}");
        assert!(near(signed_rank(&[0.0, 0.0]).larger, 1.0));
        assert!(near(least_signed_rank(10), 1.0 / 1024.0));
    }

    #[test]
    fn many_tests_are_judged_together() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (adjusted, expected) in adjusted.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!(near(adjusted, expected));
        }
        assert_eq!(holm(&[]), [0.0; 0]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }

    /// The normal distribution takes over where the exact one ends, and says about the same there.
    #[test]
    fn the_approximation_meets_the_exact_distribution() {
        let mut stream = Stream::new(1, NO_NODE, Purpose::Bootstrap, 1);
        for shift in [0.0, 0.2, 0.4] {
            let mut draw = |n: usize, by: f64| -> Vec<f64> {
                (0..n).map(|_| (stream.random_range(0.0..1.0_f64) * 50.0).floor() / 50.0 + by).collect()
            };
            let (a, b, last) = (draw(40, 0.0), draw(40, shift), draw(1, shift));
            let exact = mann_whitney(&a, &b);
            let one_more: Vec<f64> = b.iter().chain(&last).copied().collect();
            let approximate = mann_whitney(&a, &one_more);
            assert!((exact.larger - approximate.larger).abs() < 0.1, "{exact:?} {approximate:?}");
        }
        let a: Vec<f64> = (0..45).map(f64::from).collect();
        let both = mann_whitney(&a, &a);
        assert!((both.larger - 0.5).abs() < 0.01 && (both.smaller - 0.5).abs() < 0.01, "{both:?}");
        let signs: Vec<f64> =
            (1..=100).map(|i| if i % 2 == 0 { f64::from(i) } else { -f64::from(i) }).collect();
        assert!((signed_rank(&signs).larger - 0.466).abs() < 0.005, "{:?}", signed_rank(&signs));
    }

    /// Where nothing differs, a probability of at most 5 % comes up in at most 5 % of the cases, ties or none.
    #[test]
    fn nothing_is_found_where_nothing_is() {
        let draws = 2_000;
        for levels in [1_000_000.0, 8.0] {
            let (mut of_sides, mut of_pairs) = (0, 0);
            for draw in 0..draws {
                let mut stream = Stream::new(7, draw, Purpose::Bootstrap, levels as u64);
                let mut values = |n: usize| -> Vec<f64> {
                    (0..n).map(|_| (stream.random_range(0.0..1.0_f64) * levels).floor()).collect()
                };
                let (a, b) = (values(8), values(8));
                of_sides += u32::from(mann_whitney(&a, &b).larger <= 0.05);
                let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
                of_pairs += u32::from(signed_rank(&differences).larger <= 0.05);
            }
            // Three standard deviations above 5 %.
            let most = (0.05 + 3.0 * (0.05 * 0.95 / draws as f64).sqrt()) * draws as f64;
            assert!(f64::from(of_sides) < most && f64::from(of_pairs) < most, "{of_sides} {of_pairs} {most}");
            assert!(
                of_sides > 20 && of_pairs > 20,
                "the tests find what chance makes: {of_sides} {of_pairs}"
            );
        }
    }

    proptest! {
        #[test]
        fn sides_and_signs_can_be_exchanged(
            a in proptest::collection::vec(-20..20_i32, 1..12), b in proptest::collection::vec(-20..20_i32, 1..12),
        ) {
            let [a, b] = [a, b].map(|it| it.into_iter().map(f64::from).collect::<Vec<_>>());
            let (there, back) = (mann_whitney(&a, &b), mann_whitney(&b, &a));
            prop_assert!((there.larger - back.smaller).abs() < 1e-9);
            // Both tails hold the value itself.
            prop_assert!(there.larger + there.smaller >= 1.0 - 1e-9);
            prop_assert!(there.larger >= least_mann_whitney(a.len(), b.len()) - 1e-12);
            let negated: Vec<f64> = a.iter().map(|it| -it).collect();
            prop_assert!((signed_rank(&a).larger - signed_rank(&negated).smaller).abs() < 1e-9);
        }
    }
}
