//! How far apart models are: the consensus distance of a round.

use super::model::{Model, Values};
use rayon::prelude::*;
use std::sync::Arc;

/// Models whose sums are taken together. Fixed, so that the number of threads changes no bit.
const CHUNK: usize = 256;

/// The root mean square over the models of their Euclidean distance from their mean (Kong et al. 2021), in double
/// precision: the mean first, both sums in fixed chunks of the order given.
///
/// Nothing if there are no models, or synthetic ones. Not a number if one has diverged.
///
/// # Panics
/// If the layouts differ.
pub fn consensus_distance(models: &[Arc<Model>]) -> Option<f64> {
    let layout = models.first()?.layout();
    assert!(models.iter().all(|model| model.layout() == layout), "models to compare have one layout");
    if models.iter().any(|model| model.is_synthetic()) {
        return None;
    }
    let count = models.len() as f64;
    let length = models[0].all().len();
    let chunk_sums: Vec<Vec<f64>> = models
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut sums = vec![0.0; length];
            for model in chunk {
                match model.all() {
                    Values::Single(values) => add(&mut sums, values),
                    Values::Double(values) => add(&mut sums, values),
                }
            }
            sums
        })
        .collect();
    let mut mean = vec![0.0; length];
    for sums in &chunk_sums {
        for (mean, sum) in mean.iter_mut().zip(sums) {
            *mean += sum;
        }
    }
    for mean in &mut mean {
        *mean /= count;
    }
    let squares: Vec<f64> = models
        .par_chunks(CHUNK)
        .map(|chunk| {
            let square = |model: &Arc<Model>| match model.all() {
                Values::Single(values) => squared_distance(values, &mean),
                Values::Double(values) => squared_distance(values, &mean),
            };
            chunk.iter().map(square).sum()
        })
        .collect();
    Some(libm::sqrt(squares.iter().sum::<f64>() / count))
}

fn add<T: Copy + Into<f64>>(sums: &mut [f64], values: &[T]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += (*value).into();
    }
}

fn squared_distance<T: Copy + Into<f64>>(values: &[T], mean: &[f64]) -> f64 {
    let square = |(value, mean): (&T, &f64)| {
        let apart = (*value).into() - mean;
        apart * apart
    };
    values.iter().zip(mean).map(square).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::model::Layout;

    fn models(values: &[Vec<f32>]) -> Vec<Arc<Model>> {
        let layout = Arc::new(Layout::new([vec![values[0].len()]]));
        values.iter().map(|values| Arc::new(Model::new(layout.clone(), values.clone()))).collect()
    }

    #[test]
    fn it_is_the_root_mean_square_of_distances_from_the_mean() {
        // Distances from (2, 2): 2√2, 0, 2√2.
        let models = models(&[vec![0.0, 0.0], vec![2.0, 2.0], vec![4.0, 4.0]]);
        let distance = consensus_distance(&models).expect("a distance");
        assert!((distance - (16.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{distance}");
    }

    #[test]
    fn equal_models_are_at_no_distance_and_no_models_have_none() {
        assert_eq!(consensus_distance(&models(&vec![vec![0.5, -3.0]; 1000])), Some(0.0));
        assert_eq!(consensus_distance(&[]), None);
    }

    #[test]
    fn double_precision_is_kept() {
        let layout = Arc::new(Layout::new([vec![1]]).in_double_precision());
        let model = |value: f64| Arc::new(Model::double(layout.clone(), &[value]));
        let distance = consensus_distance(&[model(1.0), model(1.0 + 2e-12)]).expect("a distance");
        assert!((distance - 1e-12).abs() < 1e-15, "{distance}");
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let values: Vec<Vec<f32>> = (0..2000)
            .map(|model| (0..17).map(|value| ((model * 31 + value * 7) as f32).sin()).collect())
            .collect();
        let models = models(&values);
        let bits = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| consensus_distance(&models).expect("a distance").to_bits())
        };
        assert_eq!(bits(1), bits(2));
        assert_eq!(bits(1), bits(5));
    }

    #[test]
    fn a_model_that_diverged_makes_it_not_a_number() {
        let distance = consensus_distance(&models(&[vec![1.0], vec![f32::NAN]])).expect("a value");
        assert!(distance.is_nan());
    }
}
