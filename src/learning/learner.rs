//! What training and evaluating is, whatever the model: the trait that every learner implements.

use super::dataset::Remark;
use super::model::Model;
use super::tensors::State;
use serde::Serialize;
use std::sync::Arc;

/// Trains and evaluates models on nodes' shares of a dataset.
///
/// All methods are pure: they depend on their arguments and on what the learner was built from. So jobs may run on any
/// thread, in any order, once or again. Models come from this learner or have its layout; that is for who receives
/// models from outside to check.
///
/// No method has a default: a learner that wraps another would silently answer for it.
pub trait Learner: Send + Sync {
    /// The model that a node begins with, every time the same. With `"init": "random"` each node has its own, unless all
    /// share one (`learning.start`).
    fn initial(&self, node: u32) -> Arc<Model>;

    /// Trains `start` on the node's rows for so many passes over them. The order of rows is keyed by node, round and
    /// pass. A model that diverges holds values that are not finite; that is a result, not a failure.
    ///
    /// What came with the model is its [`info`](Model::info), and what the trained one is to take along is its own. `state` is what
    /// the node keeps of its training: nothing at first, and then what this left in it last time.
    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model, state: &mut State) -> Model;

    /// About how many floating-point operations [`Learner::train`] makes for the node, so that an engine can do at once
    /// what is less work than handing it to another thread; 0 if training leaves models as they are.
    fn training_work(&self, node: u32, epochs: u32) -> u64;

    /// About how many floating-point operations [`Learner::evaluate`] makes; 0 if there is nothing to evaluate.
    fn evaluation_work(&self) -> u64;

    /// What the data that is learnt from takes up in memory.
    fn data_bytes(&self) -> DataBytes;

    /// Accuracy and loss on the whole test split; nothing for a model that has neither.
    fn evaluate(&self, model: &Model) -> Option<Evaluation>;

    /// Accuracy and loss on the node's own share of the test split, which is what P2PFL's peers evaluate on and tell
    /// others. Nothing if the share is empty or the model has neither.
    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation>;

    /// How many rows the node trains on, which is what its model weighs in an average; at least 1.
    fn samples(&self, node: u32) -> u32;

    /// What about the dataset is probably not as its author expects.
    fn remarks(&self) -> &[Remark];
}

/// What data takes up in memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataBytes {
    /// While it is there.
    pub held: u64,
    /// At the most while it is read.
    pub reading: u64,
}

/// How well a model does on some rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The share of rows put into the right class, from 0 to 1; nothing if the model puts nothing into classes.
    pub accuracy: Option<f64>,
    /// The mean cross-entropy in nats, or whatever else is minimised. Infinite or not a number if the model has
    /// diverged, which JSON writes as `null`.
    pub loss: f64,
    /// The rows it was evaluated on.
    pub samples: u32,
}
