//! Accuracy, loss and consensus distance of rounds, as far as models have them: each node's model as it finished the round, outside protocol
//! time, every distinct model once. Above a thousand nodes a seeded sample of them stands for all.

use crate::learning::{Evaluation, Learner, Model, consensus_distance};
use crate::metrics::{RoundLog, Spread};
use crate::random::{NO_NODE, Purpose, Stream};
use crate::wire::PeerId;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Up to so many nodes all are evaluated.
pub const SAMPLE: u32 = 1_000;

/// Models that wait to be evaluated, and what came of others.
pub struct Evaluator {
    learner: Arc<dyn Learner>,
    nodes: u32,
    every: u32,
    rounds: u32,
    /// Ascending; nothing if all nodes are evaluated.
    sample: Option<Vec<PeerId>>,
    waiting: BTreeMap<u32, Vec<(PeerId, Arc<Model>)>>,
    done: (Sender<Evaluated>, Receiver<Evaluated>),
    running: usize,
    last: BTreeMap<PeerId, (u32, f64)>,
}

#[derive(Default)]
struct Evaluated {
    round: u32,
    panicked: bool,
    nodes: Vec<(PeerId, Evaluation)>,
    consensus: Option<f64>,
}

impl Evaluator {
    /// For `rounds` rounds of `nodes` nodes, of which every `every`th round counts, and the last.
    pub fn new(learner: Arc<dyn Learner>, seed: u64, nodes: u32, rounds: u32, every: u32) -> Self {
        let sample = (nodes > SAMPLE).then(|| {
            let mut random = Stream::new(seed, NO_NODE, Purpose::Sample, 0);
            let chosen = rand::seq::index::sample(&mut random, nodes as usize, SAMPLE as usize);
            let mut chosen: Vec<PeerId> = chosen.into_iter().map(|i| i as PeerId).collect();
            chosen.sort_unstable();
            chosen
        });
        Self {
            learner,
            nodes,
            every: every.max(1),
            rounds,
            sample,
            waiting: BTreeMap::new(),
            done: channel(),
            running: 0,
            last: BTreeMap::new(),
        }
    }

    /// The nodes that are evaluated, ascending; nothing if all are.
    pub fn sample(&self) -> Option<Arc<[PeerId]>> {
        self.sample.as_deref().map(Arc::from)
    }

    /// How many are.
    pub fn expected(&self) -> u32 {
        self.sample.as_ref().map_or(self.nodes, |sample| sample.len() as u32)
    }

    /// Notes the model with which a node finished a round.
    pub fn finished(&mut self, round: u32, node: PeerId, model: Arc<Model>) {
        let wanted = (round + 1).is_multiple_of(self.every) || round + 1 == self.rounds;
        let sampled = self.sample.as_ref().is_none_or(|sample| sample.binary_search(&node).is_ok());
        if wanted && sampled && !model.is_synthetic() {
            self.waiting.entry(round).or_default().push((node, model));
        }
    }

    /// Every node that takes part has finished a round: it is evaluated in the background, and its models let go.
    pub fn complete(&mut self, round: u32) {
        let Some(models) = self.waiting.remove(&round) else { return };
        let (learner, done) = (Arc::clone(&self.learner), self.done.0.clone());
        self.running += 1;
        rayon::spawn(move || {
            // The receiver is gone only if the run has been abandoned.
            let evaluated = catch_unwind(AssertUnwindSafe(|| evaluate(&*learner, round, models)));
            let _ =
                done.send(evaluated.unwrap_or(Evaluated { round, panicked: true, ..Evaluated::default() }));
        });
    }

    /// Evaluates what is left, and hands all results to the log; a round whose evaluation panicked goes to the
    /// warnings. Returns the last accuracy of each evaluated node.
    pub fn end(mut self, log: &mut RoundLog, warnings: &mut Vec<String>) -> BTreeMap<PeerId, f64> {
        let rounds: Vec<u32> = self.waiting.keys().copied().collect();
        for round in rounds {
            self.complete(round);
        }
        for _ in 0..self.running {
            let Ok(evaluated) = self.done.1.recv() else { break };
            if evaluated.panicked {
                warnings.push(format!("round {} has no accuracy: its evaluation panicked", evaluated.round));
            }
            let column = |of: fn(&Evaluation) -> Option<f64>| -> Vec<f64> {
                evaluated.nodes.iter().filter_map(|(_, it)| of(it)).collect()
            };
            // Models of one learner all have an accuracy, or none has.
            let (accuracy, loss) =
                (Spread::of(&column(|it| it.accuracy)), Spread::of(&column(|it| Some(it.loss))));
            log.evaluated(evaluated.round, accuracy, loss, evaluated.consensus);
            for (node, it) in evaluated.nodes {
                let Some(accuracy) = it.accuracy else { continue };
                let last = self.last.entry(node).or_insert((evaluated.round, accuracy));
                if last.0 <= evaluated.round {
                    *last = (evaluated.round, accuracy);
                }
            }
        }
        self.last.into_iter().map(|(node, (_, accuracy))| (node, accuracy)).collect()
    }
}

fn evaluate(learner: &dyn Learner, round: u32, mut models: Vec<(PeerId, Arc<Model>)>) -> Evaluated {
    // A node that went through the round twice counts with its last model.
    models.sort_by_key(|(node, _)| *node);
    models.reverse();
    models.dedup_by_key(|(node, _)| *node);
    models.reverse();
    let digests: Vec<u64> = models.iter().map(|(_, model)| model.digest()).collect();
    let mut distinct: BTreeMap<u64, usize> = BTreeMap::new();
    for (i, digest) in digests.iter().enumerate() {
        distinct.entry(*digest).or_insert(i);
    }
    let evaluations: BTreeMap<u64, Option<Evaluation>> =
        distinct.into_par_iter().map(|(digest, i)| (digest, learner.evaluate(&models[i].1))).collect();
    let nodes = models
        .iter()
        .zip(&digests)
        .filter_map(|((node, _), digest)| evaluations.get(digest).copied().flatten().map(|it| (*node, it)))
        .collect();
    let models: Vec<Arc<Model>> = models.into_iter().map(|(_, model)| model).collect();
    Evaluated { round, panicked: false, nodes, consensus: consensus_distance(&models) }
}
