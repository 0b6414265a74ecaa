//! Jobs: how long they take in scenario time, and what comes of them.

use crate::format::distribution::Distribution;
use crate::learning::spec::{Compute as Spec, JobTime};
use crate::learning::{Aggregator, Learner, LearningError, Model, aggregation_work, devices};
use crate::node::io::{Job, JobResult};
use crate::random::{Purpose, Stream};
use crate::wire::PeerId;
use rand::RngExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long computing takes, drawn once for each node.
#[derive(Clone, Debug)]
pub struct Compute {
    seed: u64,
    nodes: u32,
    pub(super) train: Takes,
    pub(super) evaluate: Takes,
    pub(super) aggregate: Takes,
    losses: bool,
}

/// How long one kind of job takes.
#[derive(Clone, Debug)]
pub(super) enum Takes {
    /// Drawn for each node.
    Drawn(Distribution),
    /// What it takes on each device of a trace.
    Devices(Box<[Duration]>),
}

/// The draw of how long a node evaluates.
const EVALUATE: u64 = 1;

/// The draw of a node's device. It is one for all kinds of jobs: a device is slow in everything.
const DEVICE: u64 = 3;

impl Compute {
    /// Durations of `nodes` nodes as the scenario says. Files are relative to `folder`.
    ///
    /// # Errors
    /// If a trace does not hold what it should.
    pub fn load(seed: u64, nodes: u32, spec: &Spec, folder: &Path) -> Result<Self, LearningError> {
        let takes = |job: &str, time: &JobTime| match time.drawn() {
            Ok(distribution) => Ok(Takes::Drawn(distribution)),
            Err(trace) => match devices::read(trace, folder) {
                Ok(durations) => Ok(Takes::Devices(durations.into())),
                Err(error) => {
                    let which =
                        if matches!(error, LearningError::NoColumn { .. }) { "column" } else { "file" };
                    let field = format!("compute.{job}.{which}");
                    Err(LearningError::Trace { field, error: Box::new(error) })
                }
            },
        };
        Ok(Self {
            seed,
            nodes,
            train: takes("train", &spec.train)?,
            evaluate: takes("evaluate", &spec.evaluate)?,
            aggregate: takes("aggregate", &spec.aggregate)?,
            losses: false,
        })
    }

    /// How long a node takes for a job, without any slowdown.
    pub fn duration(&self, node: PeerId, job: &Job) -> Duration {
        let (takes, counter, times) = match job {
            Job::Train { epochs, .. } => (&self.train, 0, *epochs),
            Job::Evaluate(_) => (&self.evaluate, EVALUATE, 1),
            Job::Aggregate(_) => (&self.aggregate, 2, 1),
        };
        let losses = match job {
            Job::Aggregate(it) if self.losses => it.parts.len() as u32 + 1,
            _ => 0,
        };
        let evaluating = || self.once(node, &self.evaluate, EVALUATE).saturating_mul(losses);
        let own = self.once(node, takes, counter).saturating_mul(times);
        if losses == 0 { own } else { own + evaluating() }
    }

    fn once(&self, node: PeerId, takes: &Takes, counter: u64) -> Duration {
        let random = |counter| Stream::new(self.seed, u64::from(node), Purpose::Compute, counter);
        match takes {
            Takes::Drawn(distribution) => distribution.draw(&mut random(counter)),
            Takes::Devices(devices) if devices.len() == self.nodes as usize => devices[node as usize],
            Takes::Devices(devices) => devices[random(DEVICE).random_range(0..devices.len() as u64) as usize],
        }
    }

    /// The same where combining models takes the losses of all of them: see `Rule::asks_losses`.
    #[must_use]
    pub fn with_losses(self, losses: bool) -> Self {
        Self { losses, ..self }
    }

    /// How long an evaluation takes in the median.
    pub fn evaluating(&self) -> Duration {
        self.evaluate.median()
    }

    /// How long averaging models takes in the median.
    pub fn aggregating(&self) -> Duration {
        self.aggregate.median()
    }

    /// About how many floating-point operations a job makes, so that an engine can do at once what is less work than
    /// handing it to another thread.
    pub fn work(learner: &dyn Learner, aggregator: &Aggregator, node: PeerId, job: &Job) -> u64 {
        match job {
            Job::Train { epochs, .. } => learner.training_work(node, *epochs),
            Job::Aggregate(it) => aggregation_work(aggregator.rule(), it, learner.evaluation_work()),
            // The test split is smaller than the other, and only the way forward is gone.
            Job::Evaluate(_) => learner.training_work(node, 1),
        }
    }
}

impl Takes {
    /// The median, for estimates before a run.
    pub(super) fn median(&self) -> Duration {
        match self {
            Self::Drawn(distribution) => distribution.median(),
            Self::Devices(devices) => {
                let mut sorted = devices.to_vec();
                sorted.sort_unstable();
                sorted[sorted.len() / 2]
            }
        }
    }
}

/// The result of a job that takes no computing: a model that only weighs stays what it is, and so does one that is not
/// trained.
pub fn trivial(job: &Job) -> Option<JobResult> {
    match job {
        Job::Train { start, state, .. } if !start.is_trained() => {
            Some(JobResult::Model(Arc::clone(start), state.clone()))
        }
        Job::Aggregate(it) => match it.parts.first() {
            Some(first) if first.model.is_synthetic() => {
                Some(JobResult::Model(Arc::clone(&first.model), it.state.clone()))
            }
            _ => None,
        },
        Job::Evaluate(model) if !model.is_trained() => Some(JobResult::Evaluation(None)),
        Job::Train { .. } | Job::Evaluate(_) => None,
    }
}

/// Does a job.
pub fn execute(learner: &dyn Learner, aggregator: &Aggregator, node: PeerId, job: &Job) -> JobResult {
    match job {
        Job::Train { round, epochs, start, state } => {
            let mut state = state.clone();
            let model = learner.train(node, *round, *epochs, start, &mut state);
            JobResult::Model(Arc::new(model), state)
        }
        Job::Aggregate(it) => {
            let loss = |model: &Model| learner.evaluate_local(node, model).map(|it| it.loss);
            let combined = aggregator.rule().combine(it, &loss);
            JobResult::Model(Arc::new(combined.model), combined.state)
        }
        Job::Evaluate(model) => JobResult::Evaluation(learner.evaluate_local(node, model)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::{Layout, Mixture};
    use std::collections::BTreeSet;

    fn compute(nodes: u32, rows: u32, spec: &str) -> Result<Compute, LearningError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let rows: String = (0..rows).map(|row| format!("{row},{}\n", 10 * row)).collect();
        std::fs::write(folder.path().join("devices.csv"), format!("train,mix\n{rows}")).expect("a file");
        let spec = serde_json::from_str(spec).expect("the format is right");
        Compute::load(5, nodes, &spec, folder.path())
    }

    const BOTH: &str = r#"{
        "train": { "kind": "trace", "file": "devices.csv", "column": "train" },
        "aggregate": { "kind": "trace", "file": "devices.csv", "column": "mix", "unit": "1ms" }
    }"#;

    fn jobs() -> [Job; 2] {
        let model = Arc::new(Model::synthetic(Arc::new(Layout::new([vec![1]]))));
        [
            Job::Train { round: 0, epochs: 3, start: Arc::clone(&model), state: None },
            Job::Aggregate(Mixture::of(&[(model, 1.0)])),
        ]
    }

    #[test]
    fn as_many_devices_as_nodes_are_taken_in_order_and_others_drawn() {
        let [train, _] = jobs();
        let ordered = compute(40, 40, BOTH).expect("a trace");
        assert!(
            (0..40).all(|node| ordered.duration(node, &train) == Duration::from_secs(3 * u64::from(node)))
        );
        assert_eq!(ordered.train.median(), Duration::from_secs(20));
        let drawn = compute(2_000, 10, BOTH).expect("a trace");
        let mut counts = [0; 10];
        for node in 0..2_000 {
            counts[drawn.duration(node, &train).as_secs() as usize / 3] += 1;
        }
        // Four standard deviations about 200.
        assert!(counts.iter().all(|it| (146..=254).contains(it)), "{counts:?}");
    }

    #[test]
    fn combining_takes_an_evaluation_more_for_each_loss_that_the_rule_asks_for() {
        let [_, mix] = jobs();
        let compute = compute(3, 3, r#"{ "evaluate": "2s", "aggregate": "1s" }"#).expect("no trace");
        assert_eq!(compute.duration(0, &mix), Duration::from_secs(1));
        // Of the only model, and of the node's own.
        assert_eq!(compute.with_losses(true).duration(0, &mix), Duration::from_secs(1 + 2 * 2));
    }

    #[test]
    fn a_node_is_the_same_device_in_all_it_does() {
        let [train, mix] = jobs();
        let compute = compute(100, 7, BOTH).expect("a trace");
        let of =
            |node| (compute.duration(node, &train).as_secs() / 3, compute.duration(node, &mix).as_millis());
        let seen: BTreeSet<_> = (0..100).map(of).collect();
        assert_eq!(seen, (0..7).map(|row| (row, 10 * u128::from(row))).collect());
    }

    #[test]
    fn what_is_not_trained_stays_the_same_model_and_is_no_work() {
        let learner = |json: &str| {
            let spec = serde_json::from_str(json).expect("the format is right");
            crate::learning::build(&spec, 4, 1, None, Path::new(".")).expect("a learner")
        };
        let averaging = learner(r#"{ "model": { "kind": "averaging", "dimension": 3 } }"#);
        let start = averaging.initial(0);
        let train =
            |start: &Arc<Model>| Job::Train { round: 0, epochs: 2, start: Arc::clone(start), state: None };
        let aggregate = |start: &Arc<Model>| {
            Job::Aggregate(Mixture::of(&[(Arc::clone(start), 0.5), (Arc::clone(start), 0.5)]))
        };
        let same =
            |result| matches!(result, Some(JobResult::Model(model, None)) if Arc::ptr_eq(&model, &start));
        assert!(same(trivial(&train(&start))), "no copy of it");
        assert!(matches!(trivial(&Job::Evaluate(Arc::clone(&start))), Some(JobResult::Evaluation(None))));
        assert!(trivial(&aggregate(&start)).is_none(), "it is averaged all the same");
        assert_eq!(Compute::work(&*averaging, &Aggregator::default(), 0, &train(&start)), 0);
        assert_eq!(Compute::work(&*averaging, &Aggregator::default(), 0, &aggregate(&start)), 6);
        let quadratic = learner(r#"{ "model": { "kind": "quadratic", "dimension": 3 } }"#);
        assert!(trivial(&train(&quadratic.initial(0))).is_none());
        assert_eq!(Compute::work(&*quadratic, &Aggregator::default(), 0, &train(&quadratic.initial(0))), 18);
        // 1,438 rows of the digits among four nodes, 650 parameters.
        let softmax = learner("{}");
        let work = Compute::work(&*softmax, &Aggregator::default(), 0, &train(&softmax.initial(0)));
        assert_eq!(work, 2 * 4 * 650 * u64::from(softmax.samples(0)));
    }

    #[test]
    fn a_trace_that_cannot_be_used_is_named_with_its_setting() {
        let field = |spec: &str| compute(3, 3, spec).expect_err("an error").field().to_owned();
        let missing = r#"{ "evaluate": { "kind": "trace", "file": "missing.csv", "column": "train" } }"#;
        assert_eq!(field(missing), "compute.evaluate.file");
        let other = r#"{ "train": { "kind": "trace", "file": "devices.csv", "column": "tarin" } }"#;
        assert_eq!(field(other), "compute.train.column");
    }
}
