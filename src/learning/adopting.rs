//! The learner of a node that has no model of its own: it takes the first one that it is sent, whatever its shape, hands it
//! on and averages it, and trains nothing.

use super::learner::{Evaluation, Learner};
use super::model::{Layout, Model};
use std::sync::Arc;

/// Leaves models as they come.
#[derive(Debug)]
pub struct Adopting {
    empty: Arc<Model>,
}

impl Adopting {
    /// One that has not been sent a model yet.
    pub fn new() -> Self {
        let nothing = Layout::new([]).untrained();
        Self { empty: Arc::new(Model::synthetic(Arc::new(nothing))) }
    }
}

impl Learner for Adopting {
    fn initial(&self, _node: u32) -> Arc<Model> {
        Arc::clone(&self.empty)
    }

    fn train(&self, _node: u32, _round: u32, _epochs: u32, start: &Model) -> Model {
        start.clone()
    }

    fn training_work(&self, _node: u32, _epochs: u32) -> u64 {
        0
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
