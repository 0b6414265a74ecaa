//! What nodes learn: datasets, who holds which rows, models, training, evaluation and aggregation.
//!
//! Everything here is a pure function of its arguments and a seed, to the last bit, on any thread and any x86-64
//! processor. When a job runs, on which thread and how long it takes in scenario time is the engine's affair; what is
//! sent to whom is the node's.
//!
//! [`build`] turns a scenario's `learning` block into a [`Learner`]: what a node trains and evaluates with.
//! An [`Aggregator`] combines [`Model`]s, [`consensus_distance`] says how far apart they are.

mod averaging;
pub mod byzantine;
mod check;
mod classifier;
mod consensus;
mod dataset;
pub(crate) mod devices;
mod error;
mod file;
mod kernel;
mod learner;
mod model;
mod partition;
mod perceptron;
mod quadratic;
pub mod rules;
mod share;
mod shared_start;
pub mod spec;
mod synthetic;
mod tensors;

pub use consensus::consensus_distance;
pub use dataset::Remark;
pub use error::LearningError;
pub use learner::{DataBytes, Evaluation, Learner};
pub use model::{Layout, Model, Precision, Values};
pub use rules::{Aggregator, Combined, Mixture, Part, aggregation_work, fedavg};
pub use tensors::{State, Tensor, Tensors};

use spec::{Learning, ModelKind};
use std::path::Path;
use std::sync::Arc;

/// What nodes learn with where nothing is learnt: a model of one value that only weighs.
pub fn nothing() -> Arc<dyn Learner> {
    Arc::new(synthetic::Synthetic::new(crate::format::units::Size(4)))
}

/// What a node learns with that has no model of its own: it takes the first that it is sent, and trains nothing.
pub fn adopting() -> Arc<dyn Learner> {
    Arc::new(synthetic::Synthetic::shapeless())
}

/// What a node learns with that is alone in its process, and one of many that learn with `all`.
pub fn share(all: Arc<dyn Learner>, node: u32) -> Arc<dyn Learner> {
    Arc::new(share::Share::of(all, node))
}

/// Makes what `nodes` nodes learn with. Loads and shares out the dataset, unless the model needs none.
///
/// Paths in the scenario are relative to `folder`, that of the scenario's file. With `origin` all nodes begin with the
/// initial model of that node, where the model is one with `init`.
///
/// # Errors
/// If a setting makes no sense, a file does not hold what it should, or there are too few rows for so many nodes.
pub fn build(
    spec: &Learning,
    nodes: u32,
    seed: u64,
    origin: Option<u32>,
    folder: &Path,
) -> Result<Arc<dyn Learner>, LearningError> {
    spec.check()?;
    let learner: Arc<dyn Learner> = match &spec.model {
        ModelKind::Synthetic(it) => Arc::new(synthetic::Synthetic::new(it.size)),
        ModelKind::Averaging(it) => Arc::new(averaging::Averaging::new(it, seed)),
        ModelKind::Quadratic(it) => {
            it.check(nodes)?;
            Arc::new(quadratic::Quadratic::new(it, spec, nodes, seed))
        }
        ModelKind::Softmax(_) => Arc::new(classifier::Classifier::new(spec, &[], nodes, seed, folder)?),
        ModelKind::Mlp(it) => Arc::new(classifier::Classifier::new(spec, &it.hidden, nodes, seed, folder)?),
    };
    let learner = match origin {
        Some(node) if spec.model.has_init() => Arc::new(shared_start::SharedStart::of(learner, node)),
        _ => learner,
    };
    byzantine::corrupt(learner, &spec.byzantine, nodes, seed)
}
