//! The learner that learns nothing: its models have a size, so that the network can be studied alone.

use super::dataset::Remark;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::{Layout, Model};
use super::tensors::State;
use crate::format::units::Size;
use std::sync::Arc;

/// Hands out one model that only weighs.
#[derive(Debug)]
pub struct Synthetic {
    model: Arc<Model>,
}

impl Synthetic {
    /// Models of `size` bytes of float32 values, rounded up to a whole one.
    pub fn new(size: Size) -> Self {
        let layout = Layout::new([vec![usize::try_from(size.0.div_ceil(4)).unwrap_or(usize::MAX)]]);
        Self { model: Arc::new(Model::synthetic(Arc::new(layout))) }
    }

    /// A model without any arrays, which stands for the one that a node has not been sent yet.
    pub fn shapeless() -> Self {
        Self { model: Arc::new(Model::synthetic(Arc::new(Layout::new([]).untrained()))) }
    }
}

impl Learner for Synthetic {
    fn initial(&self, _node: u32) -> Arc<Model> {
        self.model.clone()
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

    #[test]
    fn it_goes_through_a_round_without_learning_anything() {
        let learner = Synthetic::new(Size(2047));
        let model = learner.initial(7);
        assert_eq!(model.layout().bytes(), 2048);
        let trained = Arc::new(learner.train(7, 0, 5, &model, &mut None));
        let mean = fedavg(&[(model.clone(), 1.0), (trained, 1.0)]);
        assert!(mean.is_synthetic());
        assert_eq!(mean.digest(), model.digest());
        assert_eq!(learner.evaluate(&mean), None);
        assert_eq!(consensus_distance(&[model]), None);
    }
}
