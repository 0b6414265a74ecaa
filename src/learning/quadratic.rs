//! The learner whose optimum is known: node i holds a point bᵢ, its loss is ½‖x − bᵢ‖², and everyone's together is least
//! at the mean of the points. An epoch is one step of gradient descent, x ← x − η (x − bᵢ).

use super::dataset::Remark;
use super::learner::{DataBytes, Evaluation, Learner};
use super::model::{Layout, Model};
use super::spec::{Init, Learning, Quadratic as Spec, Targets};
use super::tensors::State;
use crate::format::distribution::standard_normal;
use crate::random::{Purpose, Stream};
use std::sync::Arc;

/// Moves vectors in double precision towards nodes' points.
#[derive(Debug)]
pub struct Quadratic {
    layout: Arc<Layout>,
    targets: Targets,
    init: Init,
    learning_rate: f64,
    seed: u64,
    nodes: u32,
    /// The mean of all points, and their mean squared distance from it.
    mean: Box<[f64]>,
    variance: f64,
}

impl Quadratic {
    /// Points of `nodes` nodes.
    pub fn new(spec: &Spec, learning: &Learning, nodes: u32, seed: u64) -> Self {
        let dimension = spec.dimension as usize;
        let mut it = Self {
            layout: Arc::new(Layout::new([vec![dimension]]).in_double_precision()),
            targets: spec.targets,
            init: learning.init,
            learning_rate: learning.learning_rate,
            seed,
            nodes,
            mean: vec![0.0; dimension].into(),
            variance: 0.0,
        };
        let count = f64::from(nodes.max(1));
        let mut sums = vec![0.0; dimension];
        for node in 0..nodes {
            it.target(node, |i, value| sums[i] += value);
        }
        it.mean = sums.iter().map(|sum| sum / count).collect();
        let mut squares = 0.0;
        for node in 0..nodes {
            it.target(node, |i, value| squares += (value - it.mean[i]) * (value - it.mean[i]));
        }
        it.variance = squares / count;
        it
    }

    /// Says a node's point, component by component. It is drawn anew each time: a million nodes' points need not be
    /// kept.
    fn target(&self, node: u32, mut say: impl FnMut(usize, f64)) {
        let components = 0..self.mean.len();
        match self.targets {
            Targets::Index => components.for_each(|i| say(i, f64::from(node))),
            Targets::Normal => {
                let mut random = Stream::new(self.seed, u64::from(node), Purpose::Partition, 0);
                components.for_each(|i| say(i, standard_normal(&mut random)));
            }
        }
    }
}

impl Learner for Quadratic {
    fn initial(&self, node: u32) -> Arc<Model> {
        let mut values = vec![0.0; self.mean.len()];
        if self.init == Init::Random {
            let mut random = Stream::new(self.seed, u64::from(node), Purpose::Init, 0);
            values.fill_with(|| standard_normal(&mut random));
        }
        Arc::new(Model::double(self.layout.clone(), &values))
    }

    fn train(&self, node: u32, _round: u32, epochs: u32, start: &Model, _state: &mut State) -> Model {
        let mut values = start.doubles().to_vec();
        self.target(node, |i, target| {
            for _ in 0..epochs {
                values[i] -= self.learning_rate * (values[i] - target);
            }
        });
        Model::double(self.layout.clone(), &values)
    }

    fn training_work(&self, _node: u32, epochs: u32) -> u64 {
        self.layout.parameters().saturating_mul(3).saturating_mul(epochs.into())
    }

    fn evaluation_work(&self) -> u64 {
        self.layout.parameters().saturating_mul(3)
    }

    fn data_bytes(&self) -> DataBytes {
        DataBytes::default()
    }

    fn remarks(&self) -> &[Remark] {
        &[]
    }

    /// The loss of all nodes together: mean over i of ½‖x − bᵢ‖² = ½‖x − b̄‖² + ½ mean ‖bᵢ − b̄‖².
    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        let apart =
            model.doubles().iter().zip(&self.mean).map(|(value, mean)| (value - mean) * (value - mean));
        let loss = (apart.sum::<f64>() + self.variance) / 2.0;
        Some(Evaluation { accuracy: None, loss, samples: self.nodes })
    }

    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation> {
        let (values, mut sum) = (model.doubles(), 0.0);
        self.target(node, |i, target| sum += (values[i] - target) * (values[i] - target));
        Some(Evaluation { accuracy: None, loss: sum / 2.0, samples: 1 })
    }

    fn samples(&self, _node: u32) -> u32 {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::fedavg;
    use proptest::prelude::*;

    fn learner(dimension: u32, targets: Targets, nodes: u32, rate: f64, seed: u64) -> Quadratic {
        let learning = Learning { learning_rate: rate, ..Learning::default() };
        Quadratic::new(&Spec { dimension, targets }, &learning, nodes, seed)
    }

    #[test]
    fn points_by_index_have_the_mean_and_variance_of_the_first_whole_numbers() {
        let learner = learner(2, Targets::Index, 101, 0.5, 0);
        let at_mean =
            learner.evaluate(&Model::double(learner.layout.clone(), &[50.0, 50.0])).expect("a loss");
        // In each dimension (n² − 1) / 12.
        assert_eq!(at_mean, Evaluation { accuracy: None, loss: 850.0, samples: 101 });
    }

    #[test]
    fn an_epoch_is_one_step_of_gradient_descent() {
        let learner = learner(1, Targets::Index, 4, 0.25, 0);
        let start = Model::double(learner.layout.clone(), &[7.0]);
        assert_eq!(learner.train(3, 0, 1, &start, &mut None).doubles(), [6.0]);
        assert_eq!(learner.train(3, 0, 2, &start, &mut None).doubles(), [5.25]);
        assert_eq!(learner.evaluate_local(3, &start).expect("a loss").loss, 8.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_loss_of_all_is_the_mean_of_the_losses_of_each(
            nodes in 1_u32..40, dimension in 1_u32..20, seed: u64, by_index: bool,
        ) {
            let targets = if by_index { Targets::Index } else { Targets::Normal };
            let learner = learner(dimension, targets, nodes, 0.5, seed);
            let model = learner.initial(0);
            let local = |node| learner.evaluate_local(node, &model).expect("a loss").loss;
            let mean = (0..nodes).map(local).sum::<f64>() / f64::from(nodes);
            let all = learner.evaluate(&model).expect("a loss").loss;
            prop_assert!((all - mean).abs() <= 1e-12 * mean.max(1.0), "{} {}", all, mean);
        }

        #[test]
        fn averaging_one_step_of_every_node_is_one_step_on_the_loss_of_all(
            nodes in 1_u32..40, dimension in 1_u32..20, seed: u64, rate in 0.01..1.9,
        ) {
            let learner = learner(dimension, Targets::Normal, nodes, rate, seed);
            let start = learner.initial(0);
            let trained: Vec<_> =
                (0..nodes).map(|node| (Arc::new(learner.train(node, 0, 1, &start, &mut None)), 1.0)).collect();
            for (i, value) in fedavg(&trained).doubles().iter().enumerate() {
                let step = start.doubles()[i] - rate * (start.doubles()[i] - learner.mean[i]);
                prop_assert!((value - step).abs() < 1e-13, "{} {}", value, step);
            }
        }
    }
}
