//! Jobs: how long they take in scenario time, and what comes of them.

use crate::learning::spec::Compute as Spec;
use crate::learning::{Learner, aggregation_work, fedavg};
use crate::node::io::{Job, JobResult};
use crate::random::{Purpose, Stream};
use crate::wire::PeerId;
use std::sync::Arc;
use std::time::Duration;

/// How long computing takes, drawn once for each node.
#[derive(Clone, Debug)]
pub struct Compute {
    seed: u64,
    spec: Spec,
}

impl Compute {
    /// Durations as the scenario says.
    pub fn new(seed: u64, spec: Spec) -> Self {
        Self { seed, spec }
    }

    /// How long a node takes for a job, without any slowdown.
    pub fn duration(&self, node: PeerId, job: &Job) -> Duration {
        let (distribution, counter, times) = match job {
            Job::Train { epochs, .. } => (&self.spec.train, 0, *epochs),
            Job::Evaluate(_) => (&self.spec.evaluate, 1, 1),
            Job::Aggregate(_) => (&self.spec.aggregate, 2, 1),
        };
        let mut random = Stream::new(self.seed, u64::from(node), Purpose::Compute, counter);
        distribution.draw(&mut random).saturating_mul(times)
    }

    /// About how many floating-point operations a job makes, so that an engine can do at once what is less work than
    /// handing it to another thread.
    pub fn work(learner: &dyn Learner, node: PeerId, job: &Job) -> u64 {
        match job {
            Job::Train { epochs, .. } => learner.training_work(node, *epochs),
            Job::Aggregate(parts) => aggregation_work(parts),
            // The test split is smaller than the other, and only the way forward is gone.
            Job::Evaluate(_) => learner.training_work(node, 1),
        }
    }
}

/// The result of a job that takes no computing: a model that only weighs stays what it is, and so does one that is not
/// trained.
pub fn trivial(job: &Job) -> Option<JobResult> {
    match job {
        Job::Train { start, .. } if !start.is_trained() => Some(JobResult::Model(Arc::clone(start))),
        Job::Aggregate(parts) => match parts.first() {
            Some((first, _)) if first.is_synthetic() => Some(JobResult::Model(Arc::clone(first))),
            _ => None,
        },
        Job::Evaluate(model) if !model.is_trained() => Some(JobResult::Evaluation(None)),
        Job::Train { .. } | Job::Evaluate(_) => None,
    }
}

/// Does a job.
pub fn execute(learner: &dyn Learner, node: PeerId, job: &Job) -> JobResult {
    match job {
        Job::Train { round, epochs, start } => {
            JobResult::Model(Arc::new(learner.train(node, *round, *epochs, start)))
        }
        Job::Aggregate(parts) => JobResult::Model(Arc::new(fedavg(parts))),
        Job::Evaluate(model) => JobResult::Evaluation(learner.evaluate_local(node, model)),
    }
}
