//! Weighted means of models. They run at the speed of memory: every value of the result is written once, while the
//! inputs stream by, four at a time; the sums live in a block that stays in the first-level cache.

use super::{Combined, Mixture, Rule};
use crate::learning::model::{Model, Precision};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::{Add, Mul};
use std::sync::Arc;

/// Values of the result that are worked on together.
const BLOCK: usize = 2048;
/// Models that are read together.
const GROUP: usize = 4;
/// Models in double precision of so many values are summed up on the stack.
const SMALL: usize = 16;

/// Federated averaging (McMahan et al. 2017): `Σ weight · model / Σ weight`, the weights being training rows.
///
/// Each value is summed in the order of `models`, in the precision of the models; the caller brings them into an order
/// that does not depend on arrival. Synthetic models have a synthetic mean.
///
/// # Panics
/// If there are no models, their layouts differ, or the weights have no positive finite sum.
pub fn fedavg(models: &[(Arc<Model>, f64)]) -> Model {
    mean(&Mixture::of(models))
}

fn mean(it: &Mixture) -> Model {
    let total: f64 = it.parts.iter().map(|part| part.weight).sum();
    assert!(total > 0.0 && total.is_finite(), "weights have a positive sum, not {total}");
    sum_of(it, total)
}

/// The mean weighted by training rows; in `dpsgd`, by the mixing matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fedavg {}

impl Rule for Fedavg {
    /// What travels beside models is dropped, as P2PFL's does.
    fn combine(&self, it: &Mixture, _loss: &dyn Fn(&Model) -> Option<f64>) -> Combined {
        mean(it).into()
    }

    /// A weighted mean of weighted means is that of all.
    fn takes_partials(&self) -> bool {
        true
    }

    fn work(&self, models: u64, parameters: u64) -> u64 {
        parameters.saturating_mul(models)
    }
}

/// `Σ weight / total · model`.
fn sum_of(it: &Mixture, total: f64) -> Model {
    let layout = it.layout();
    if it.is_synthetic() {
        return Model::synthetic(layout);
    }
    match layout.precision() {
        Precision::Single => {
            let inputs = it.parts.iter().map(|part| (part.model.values(), (part.weight / total) as f32));
            let inputs: Vec<(&[f32], f32)> = inputs.collect();
            Model::new(layout, sum(&inputs))
        }
        Precision::Double if layout.parameters() <= SMALL as u64 => {
            // A million nodes mix such models: nothing is put on the heap but the result.
            let mut sums = [0.0; SMALL];
            let sums = &mut sums[..layout.parameters() as usize];
            for part in &it.parts {
                let weight = part.weight / total;
                for (sum, value) in sums.iter_mut().zip(part.model.doubles()) {
                    *sum += weight * value;
                }
            }
            Model::double(layout, sums)
        }
        Precision::Double => {
            let inputs = it.parts.iter().map(|part| (part.model.doubles(), part.weight / total));
            let inputs: Vec<(&[f64], f64)> = inputs.collect();
            Model::double(layout, &sum(&inputs))
        }
    }
}

/// The sum of all inputs, each times its weight.
fn sum<T: Copy + Default + Add<Output = T> + Mul<Output = T>>(inputs: &[(&[T], T)]) -> Vec<T> {
    let length = inputs[0].0.len();
    let mut result = Vec::with_capacity(length);
    let mut sums = [T::default(); BLOCK];
    for start in (0..length).step_by(BLOCK) {
        let block = start..length.min(start + BLOCK);
        let sums = &mut sums[..block.len()];
        sums.fill(T::default());
        for group in inputs.chunks(GROUP) {
            match *group {
                [(a, u), (b, v), (c, w), (d, x)] => {
                    let inputs = a[block.clone()].iter().zip(&b[block.clone()]);
                    let inputs = inputs.zip(&c[block.clone()]).zip(&d[block.clone()]);
                    for (sum, (((a, b), c), d)) in sums.iter_mut().zip(inputs) {
                        *sum = (((*sum + u * *a) + v * *b) + w * *c) + x * *d;
                    }
                }
                _ => {
                    for (input, weight) in group {
                        for (sum, value) in sums.iter_mut().zip(&input[block.clone()]) {
                            *sum = *sum + *weight * *value;
                        }
                    }
                }
            }
        }
        result.extend_from_slice(sums);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::model::Layout;
    use proptest::prelude::*;

    fn model(values: Vec<f32>) -> Arc<Model> {
        Arc::new(Model::new(Arc::new(Layout::new([vec![values.len()]])), values))
    }

    fn models() -> impl Strategy<Value = Vec<(Arc<Model>, f64)>> {
        let length = prop_oneof![1_usize..20, BLOCK - 2..BLOCK + 3, 2 * BLOCK - 1..2 * BLOCK + 2];
        (1_usize..11, length).prop_flat_map(|(count, length)| {
            let values = prop::collection::vec(-100.0_f32..100.0, length);
            prop::collection::vec((values.prop_map(model), 1.0..1000.0), count)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn federated_averaging_is_the_weighted_mean(models in models()) {
            let total: f64 = models.iter().map(|(_, weight)| weight).sum();
            for (index, value) in fedavg(&models).values().iter().enumerate() {
                let mean: f64 =
                    models.iter().map(|(model, weight)| weight / total * f64::from(model.values()[index])).sum();
                prop_assert!((f64::from(*value) - mean).abs() < 1e-4, "{} for {}", value, mean);
            }
        }

        #[test]
        fn the_sum_is_taken_in_the_order_of_the_models_to_the_last_bit(models in models()) {
            for (index, value) in sum_of(&Mixture::of(&models), 1.0).values().iter().enumerate() {
                let mut sum = 0.0_f32;
                for (model, weight) in &models {
                    sum += *weight as f32 * model.values()[index];
                }
                prop_assert_eq!(value.to_bits(), sum.to_bits());
            }
        }

        #[test]
        fn equal_models_in_any_order_have_that_model_as_their_mean(
            (model, weights) in (models(), prop::collection::vec(1.0..1000.0, 1..9)),
        ) {
            let model = &model[0].0;
            let same: Vec<_> = weights.iter().map(|weight| (model.clone(), *weight)).collect();
            let mean = fedavg(&same);
            for (mean, value) in mean.values().iter().zip(model.values()) {
                prop_assert!((mean - value).abs() <= 1e-6 * value.abs(), "{} for {}", mean, value);
            }
        }

        #[test]
        fn the_mean_of_one_model_is_that_model(models in models()) {
            prop_assert_eq!(fedavg(&models[..1]).digest(), models[0].0.digest());
        }
    }

    proptest! {
        #[test]
        fn models_in_double_precision_are_summed_in_double_precision(
            (values, weights) in (1_usize..20).prop_flat_map(|count| {
                let length = prop_oneof![1_usize..4, 15_usize..18, BLOCK - 1..BLOCK + 2];
                let values = length.prop_flat_map(move |length| {
                    prop::collection::vec(prop::collection::vec(-100.0..100.0, length), count)
                });
                (values, prop::collection::vec(1.0..1000.0, count))
            }),
        ) {
            let layout = Arc::new(Layout::new([vec![values[0].len()]]).in_double_precision());
            let models: Vec<(Arc<Model>, f64)> = values
                .iter()
                .zip(&weights)
                .map(|(values, weight)| (Arc::new(Model::double(layout.clone(), values)), *weight))
                .collect();
            for (index, value) in sum_of(&Mixture::of(&models), 1.0).doubles().iter().enumerate() {
                let sum = (0..values.len()).fold(0.0, |sum, i| sum + weights[i] * values[i][index]);
                prop_assert_eq!(value.to_bits(), sum.to_bits());
            }
        }
    }

    #[test]
    #[should_panic(expected = "one layout")]
    fn models_of_different_layouts_are_never_combined() {
        fedavg(&[(model(vec![1.0]), 1.0), (model(vec![1.0, 2.0]), 1.0)]);
    }
}
