//! The learner that trains nothing and has values all the same: what is left of learning is averaging, of which
//! mathematics says how fast it brings everyone to the mean.

use super::dataset::Remark;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::{Layout, Model};
use super::spec::{Averaging as Spec, Start};
use super::tensors::State;
use crate::format::distribution::standard_normal;
use crate::random::{Purpose, Stream};
use std::sync::Arc;

/// Hands out vectors in double precision.
#[derive(Debug)]
pub struct Averaging {
    layout: Arc<Layout>,
    init: Start,
    seed: u64,
}

impl Averaging {
    /// Vectors as the scenario says.
    pub fn new(spec: &Spec, seed: u64) -> Self {
        let layout = Layout::new([vec![spec.dimension as usize]]).in_double_precision().untrained();
        Self { layout: Arc::new(layout), init: spec.init, seed }
    }
}

impl Learner for Averaging {
    fn initial(&self, node: u32) -> Arc<Model> {
        let dimension = self.layout.parameters() as usize;
        let mut values = vec![0.0; dimension];
        match self.init {
            Start::Index => values.fill(f64::from(node)),
            Start::Normal => {
                let mut random = Stream::new(self.seed, u64::from(node), Purpose::Init, 0);
                values.fill_with(|| standard_normal(&mut random));
            }
            Start::OneHot => values[node as usize % dimension] = 1.0,
        }
        Arc::new(Model::double(self.layout.clone(), &values))
    }

    fn train(&self, _node: u32, _round: u32, _epochs: u32, start: &Model, _state: &mut State) -> Model {
        start.clone()
    }

    fn training_work(&self, _node: u32, _epochs: u32) -> u64 {
        0
    }

    fn evaluation_work(&self) -> u64 {
        0
    }

    fn data_bytes(&self) -> DataBytes {
        DataBytes::default()
    }

    fn remarks(&self) -> &[Remark] {
        &[]
    }

    fn evaluate(&self, _model: &Model) -> Option<Evaluation> {
        None
    }

    fn evaluate_local(&self, _node: u32, _model: &Model) -> Option<Evaluation> {
        None
    }

    fn samples(&self, _node: u32) -> u32 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::{consensus_distance, fedavg};

    fn initial(dimension: u32, init: Start, seed: u64, node: u32) -> Vec<f64> {
        Averaging::new(&Spec { dimension, init }, seed).initial(node).doubles().to_vec()
    }

    #[test]
    fn each_way_to_begin_is_as_it_says() {
        assert_eq!(initial(3, Start::Index, 1, 7), [7.0, 7.0, 7.0]);
        assert_eq!(initial(4, Start::OneHot, 1, 6), [0.0, 0.0, 1.0, 0.0]);
        assert_eq!(initial(2, Start::Normal, 1, 6), initial(2, Start::Normal, 1, 6));
        assert_ne!(initial(2, Start::Normal, 1, 6), initial(2, Start::Normal, 1, 7));
        assert_ne!(initial(2, Start::Normal, 1, 6), initial(2, Start::Normal, 2, 6));
        let drawn: Vec<f64> = (0..10_000).flat_map(|node| initial(1, Start::Normal, 3, node)).collect();
        let mean = drawn.iter().sum::<f64>() / 1e4;
        let variance = drawn.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 1e4;
        // Four standard errors of each.
        assert!(
            mean.abs() < 0.04 && (variance - 1.0).abs() < 4.0 * 2.0_f64.sqrt() / 100.0,
            "{mean} {variance}"
        );
    }

    #[test]
    fn training_changes_nothing_and_there_is_nothing_to_evaluate_but_the_distance() {
        let learner = Averaging::new(&Spec { dimension: 2, init: Start::Index }, 0);
        let models: Vec<_> = (0..3).map(|node| learner.initial(node)).collect();
        assert!(!models[0].is_trained() && !models[0].is_synthetic());
        assert_eq!(learner.train(1, 0, 5, &models[1], &mut None).digest(), models[1].digest());
        assert_eq!((learner.evaluate(&models[0]), learner.evaluate_local(0, &models[0])), (None, None));
        let distance = consensus_distance(&models).expect("a distance");
        assert!((distance - (4.0_f64 / 3.0).sqrt()).abs() < 1e-15, "{distance}");
        let mean = fedavg(&models.into_iter().map(|model| (model, 1.0)).collect::<Vec<_>>());
        assert_eq!(mean.doubles(), [1.0, 1.0]);
    }
}
