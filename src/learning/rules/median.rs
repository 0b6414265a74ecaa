//! The coordinate-wise median: each parameter on its own, so that fewer than half of the models cannot move it out of what the
//! others say, whatever they are.

use super::{Combined, Mixture, Rule};
use crate::learning::model::{Model, Precision};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The median of each parameter (Yin et al. 2018, *Byzantine-robust distributed learning*, Definition 1); of an even number, the
/// mean of the two in the middle. Weights count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Median {}

impl Rule for Median {
    fn combine(&self, it: &Mixture, _loss: &dyn Fn(&Model) -> Option<f64>) -> Combined {
        let (layout, parts) = (it.layout(), &it.parts);
        if it.is_synthetic() {
            return Model::synthetic(layout).into();
        }
        let model = match layout.precision() {
            Precision::Single => {
                let all: Vec<&[f32]> = parts.iter().map(|it| it.model.values()).collect();
                let middle = |a: f32, b: f32| ((f64::from(a) + f64::from(b)) / 2.0) as f32;
                Model::new(layout, medians(&all, f32::total_cmp, middle))
            }
            Precision::Double => {
                let all: Vec<&[f64]> = parts.iter().map(|it| it.model.doubles()).collect();
                Model::double(layout, &medians(&all, f64::total_cmp, |a, b| a / 2.0 + b / 2.0))
            }
        };
        model.into()
    }

    /// A median of medians is not that of all.
    fn takes_partials(&self) -> bool {
        false
    }

    fn work(&self, models: u64, parameters: u64) -> u64 {
        // Values of one parameter lie far apart in memory, and selecting takes a few passes over them.
        parameters.saturating_mul(models).saturating_mul(8)
    }
}

/// The median of every column.
fn medians<T: Copy>(
    rows: &[&[T]],
    order: impl Fn(&T, &T) -> std::cmp::Ordering,
    middle: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut column = Vec::with_capacity(rows.len());
    (0..rows[0].len())
        .map(|i| {
            column.clear();
            column.extend(rows.iter().map(|row| row[i]));
            let half = rows.len() / 2;
            let (below, &mut upper, _) = column.select_nth_unstable_by(half, &order);
            match below.iter().max_by(|a, b| order(a, b)) {
                Some(lower) if rows.len().is_multiple_of(2) => middle(*lower, upper),
                _ => upper,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::model::Layout;
    use proptest::prelude::*;
    use statrs::statistics::{Data, OrderStatistics as _};
    use std::sync::Arc;

    fn combined(values: &[Vec<f32>]) -> Vec<f32> {
        let layout = Arc::new(Layout::new([vec![values[0].len()]]));
        let models: Vec<_> =
            values.iter().map(|it| (Arc::new(Model::new(Arc::clone(&layout), it.clone())), 1.0)).collect();
        median(&models).values().to_vec()
    }

    fn median(models: &[(Arc<Model>, f64)]) -> Model {
        Median {}.combine(&Mixture::of(models), &|_| None).model
    }

    #[test]
    fn each_parameter_has_its_own_median() {
        let values = [vec![1.0, 9.0, 5.0], vec![2.0, 7.0, -5.0], vec![100.0, 8.0, 0.5]];
        assert_eq!(combined(&values), [2.0, 8.0, 0.5]);
        assert_eq!(combined(&values[..2]), [1.5, 8.0, 0.0]);
        assert_eq!(combined(&values[..1]), values[0]);
        // What is so large that the sum of two is not there any more.
        assert_eq!(combined(&[vec![f32::MAX], vec![f32::MAX]]), [f32::MAX]);
    }

    #[test]
    fn models_that_only_weigh_have_such_a_median_and_small_ones_are_in_double_precision() {
        let layout = Arc::new(Layout::new([vec![3]]));
        let weighs = Arc::new(Model::synthetic(Arc::clone(&layout)));
        assert!(median(&[(Arc::clone(&weighs), 1.0), (weighs, 1.0)]).is_synthetic());
        let layout = Arc::new(Layout::new([vec![2]]).in_double_precision());
        let double = |values: [f64; 2]| (Arc::new(Model::double(Arc::clone(&layout), &values)), 1.0);
        let median = median(&[double([1.0, 0.1]), double([3.0, 0.2]), double([9.0, 0.3])]);
        assert_eq!(median.doubles(), [3.0, 0.2]);
    }

    proptest! {
        /// The same as a library's, in whatever order the models come, and never beyond what more than half of them say.
        #[test]
        fn it_is_the_median_that_others_compute(
            values in (1_usize..12, 1_usize..30).prop_flat_map(|(models, length)| {
                prop::collection::vec(prop::collection::vec(-1e6_f32..1e6, length), models)
            }),
            turn in 0_usize..12,
        ) {
            let all = combined(&values);
            for (i, median) in all.iter().enumerate() {
                let column: Vec<f64> = values.iter().map(|it| f64::from(it[i])).collect();
                let expected = Data::new(column).median();
                prop_assert!((f64::from(*median) - expected).abs() <= 1e-7 * expected.abs(), "{median} {expected}");
            }
            let mut turned = values.clone();
            turned.rotate_left(turn % values.len());
            prop_assert_eq!(combined(&turned), all);
        }
    }
}
