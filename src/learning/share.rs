//! One node's part in what many learn, for a process that runs that node alone and calls it 0.

use super::dataset::Remark;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::Model;
use super::tensors::State;
use std::sync::Arc;

/// What a single node learns with.
pub struct Share {
    all: Arc<dyn Learner>,
    node: u32,
}

impl Share {
    /// The part of `node`.
    pub fn of(all: Arc<dyn Learner>, node: u32) -> Self {
        Self { all, node }
    }
}

impl Learner for Share {
    fn initial(&self, _node: u32) -> Arc<Model> {
        self.all.initial(self.node)
    }

    fn train(&self, _node: u32, round: u32, epochs: u32, start: &Model, state: &mut State) -> Model {
        self.all.train(self.node, round, epochs, start, state)
    }

    fn training_work(&self, _node: u32, epochs: u32) -> u64 {
        self.all.training_work(self.node, epochs)
    }

    fn evaluation_work(&self) -> u64 {
        self.all.evaluation_work()
    }

    fn data_bytes(&self) -> DataBytes {
        self.all.data_bytes()
    }

    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        self.all.evaluate(model)
    }

    fn evaluate_local(&self, _node: u32, model: &Model) -> Option<Evaluation> {
        self.all.evaluate_local(self.node, model)
    }

    fn samples(&self, _node: u32) -> u32 {
        self.all.samples(self.node)
    }

    fn remarks(&self) -> &[Remark] {
        self.all.remarks()
    }
}
