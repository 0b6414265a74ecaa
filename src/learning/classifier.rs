//! The learner that classifies rows of a dataset with a perceptron, by stochastic gradient descent.

use super::dataset::{Dataset, Remark, Rows};
use super::error::LearningError;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::Model;
use super::partition::{Shares, share};
use super::perceptron::Perceptron;
use super::spec::{BatchSize, Init, Learning};
use super::tensors::State;
use crate::random::{Purpose, Stream};
use rand::seq::SliceRandom;
use std::path::Path;
use std::sync::Arc;

/// The most parameters a model may have: 1 GiB of them.
const MAX_PARAMETERS: u64 = 1 << 28;

/// Trains perceptrons on nodes' shares of a dataset.
#[derive(Debug)]
pub struct Classifier {
    form: Perceptron,
    dataset: Dataset,
    shares: Shares,
    init: Init,
    learning_rate: f32,
    batch_size: BatchSize,
    seed: u64,
}

impl Classifier {
    /// Loads the dataset, shares it out and sizes a perceptron with these hidden layers for it.
    pub fn new(
        spec: &Learning,
        hidden: &[u32],
        nodes: u32,
        seed: u64,
        folder: &Path,
    ) -> Result<Self, LearningError> {
        let dataset = Dataset::load(&spec.dataset, folder, seed)?;
        let shares = share(&spec.partitioning, &dataset, nodes, seed)?;
        let mut widths = vec![dataset.train.width()];
        widths.extend(hidden.iter().map(|&units| units as usize));
        widths.push(dataset.classes);
        let form = Perceptron::new(widths);
        let parameters = form.layout().parameters();
        if parameters > MAX_PARAMETERS {
            let message = format!(
                "make {parameters} parameters with the dataset's {} features and {} classes; at most {MAX_PARAMETERS} are possible",
                dataset.train.width(),
                dataset.classes
            );
            return Err(LearningError::Setting { field: "model.hidden".into(), message });
        }
        Ok(Self {
            form,
            dataset,
            shares,
            init: spec.init,
            learning_rate: spec.learning_rate as f32,
            batch_size: spec.batch_size,
            seed,
        })
    }

    fn score<'a>(
        &self,
        model: &Model,
        rows: impl ExactSizeIterator<Item = (&'a [f32], u16)>,
    ) -> Option<Evaluation> {
        let samples = rows.len() as u32;
        if samples == 0 {
            return None;
        }
        let (right, loss) = self.form.load(model.values()).score(rows);
        let mean = |sum| sum / f64::from(samples);
        Some(Evaluation { accuracy: Some(mean(f64::from(right))), loss: mean(loss), samples })
    }
}

impl Learner for Classifier {
    fn initial(&self, node: u32) -> Arc<Model> {
        let layout = self.form.layout();
        let values = match self.init {
            Init::Zeros => vec![0.0; layout.parameters() as usize],
            Init::Random => self.form.random(&mut Stream::new(self.seed, u64::from(node), Purpose::Init, 0)),
        };
        Arc::new(Model::new(layout.clone(), values))
    }

    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model, _state: &mut State) -> Model {
        let rows = self.shares.train.rows(node);
        let mut workspace = self.form.load(start.values());
        for epoch in 0..epochs {
            match self.batch_size {
                BatchSize::Full(_) => workspace.step(select(&self.dataset.train, rows), self.learning_rate),
                BatchSize::Rows(size) => {
                    let mut rows = rows.to_vec();
                    let counter = u64::from(round) << 32 | u64::from(epoch);
                    rows.shuffle(&mut Stream::new(self.seed, u64::from(node), Purpose::Batches, counter));
                    for batch in rows.chunks(size as usize) {
                        workspace.step(select(&self.dataset.train, batch), self.learning_rate);
                    }
                }
            }
        }
        Model::new(self.form.layout().clone(), workspace.values())
    }

    /// Two operations for each parameter and row on the way forward, and as many on the way back.
    fn training_work(&self, node: u32, epochs: u32) -> u64 {
        let parameters = self.form.layout().parameters();
        [u64::from(self.samples(node)), u64::from(epochs), 4]
            .into_iter()
            .fold(parameters, u64::saturating_mul)
    }

    /// Two operations for each parameter and row.
    fn evaluation_work(&self) -> u64 {
        (self.dataset.test.len() as u64).saturating_mul(2).saturating_mul(self.form.layout().parameters())
    }

    fn data_bytes(&self) -> DataBytes {
        self.dataset.bytes()
    }

    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        let test = &self.dataset.test;
        self.score(model, (0..test.len() as u32).map(|row| test.row(row)))
    }

    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation> {
        self.score(model, select(&self.dataset.test, self.shares.test.rows(node)))
    }

    fn samples(&self, node: u32) -> u32 {
        self.shares.train.rows(node).len() as u32
    }

    fn remarks(&self) -> &[Remark] {
        &self.dataset.remarks
    }
}

fn select<'a>(rows: &'a Rows, indices: &'a [u32]) -> impl ExactSizeIterator<Item = (&'a [f32], u16)> {
    indices.iter().map(|&index| rows.row(index))
}

#[cfg(test)]
mod tests;
