//! What nodes keep from round to round, what travels beside models, and what a rule is told, in every workflow that learns.

use super::network::Network;
use super::rules::Setup;
use super::shapes::ring;
use crate::learning::rules::{Fedavg, Rule};
use crate::learning::{
    Combined, DataBytes, Evaluation, Learner, Mixture, Model, Remark, State, Tensor, Tensors,
};
use crate::node::spec::{Dpsgd, Pace, Variant};
use crate::wire::PeerId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Counts in its state how often a node has trained, and sends the count along.
struct Counts;

fn count(state: Option<&Arc<Tensors>>) -> f64 {
    state.and_then(|it| it.get("count")).map_or(0.0, |it| it.values()[0])
}

fn counted(count: f64) -> Arc<Tensors> {
    Arc::new(Tensors::default().with("count", Tensor::scalar(count)))
}

impl Learner for Counts {
    fn initial(&self, node: u32) -> Arc<Model> {
        super::models::fresh(node)
    }

    fn train(&self, node: u32, round: u32, _epochs: u32, start: &Model, state: &mut State) -> Model {
        let now = counted(count(state.as_ref()) + 1.0);
        *state = Some(Arc::clone(&now));
        super::models::train(node, round, start).with_info(now)
    }

    fn training_work(&self, _node: u32, _epochs: u32) -> u64 {
        1
    }

    fn evaluation_work(&self) -> u64 {
        1
    }

    fn data_bytes(&self) -> DataBytes {
        DataBytes::default()
    }

    fn evaluate(&self, _model: &Model) -> Option<Evaluation> {
        None
    }

    fn evaluate_local(&self, _node: u32, _model: &Model) -> Option<Evaluation> {
        None
    }

    fn samples(&self, _node: u32) -> u32 {
        10
    }

    fn remarks(&self) -> &[Remark] {
        &[]
    }
}

/// A mean that takes down what it was told, and counts in its state how often it was asked.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(Mixture, f64)>>>);

impl Rule for Told {
    fn combine(&self, it: &Mixture, loss: &dyn Fn(&Model) -> Option<f64>) -> Combined {
        let before = count(it.state.as_ref());
        self.0.lock().unwrap().push((it.clone(), before));
        let combined = Fedavg {}.combine(it, loss);
        Combined { state: Some(counted(before + 1.0)), ..combined }
    }

    fn takes_partials(&self) -> bool {
        false
    }

    fn work(&self, _models: u64, _parameters: u64) -> u64 {
        1
    }
}

const ROUNDS: u32 = 4;

fn network(workflow: usize) -> Network {
    let setup = match workflow {
        0 => Setup::p2pfl(5, Variant::Repaired),
        1 => Setup::dpsgd(5, Dpsgd { rounds: ROUNDS, ..Dpsgd::default() }),
        _ => Setup::dpsgd(5, Dpsgd { rounds: ROUNDS, mode: Pace::Asynchronous, ..Dpsgd::default() }),
    };
    Network::learning(setup, &ring(5), Arc::new(Counts))
}

#[test]
fn what_training_keeps_comes_back_the_next_time_and_what_it_sends_along_arrives() {
    for workflow in 0..3 {
        let mut network = network(workflow);
        network.learn();
        assert!(network.finish(600), "{workflow}");
        let mut trainings: BTreeMap<PeerId, f64> = BTreeMap::new();
        for ((round, node), model) in &network.trained {
            let before = trainings.entry(*node).or_default();
            *before += 1.0;
            assert_eq!(count(model.info()), *before, "{workflow}: node {node} in round {round}");
        }
        assert!(trainings.values().any(|it| *it > 1.0), "{workflow}: somebody trains twice");
        // Others combine what came with it.
        let beside = network.averages.iter().flatten().filter(|(model, _)| count(model.info()) > 0.0).count();
        assert!(beside > 5, "{workflow}: {beside}");
    }
}

#[test]
fn a_rule_is_told_whose_models_they_are_and_what_it_kept() {
    for workflow in 0..2 {
        let mut network = network(workflow);
        let told = Told::default();
        network.rule = Box::new(told.clone());
        network.rules.takes_partials = false;
        network.learn();
        assert!(network.finish(600), "{workflow}");
        let told = told.0.lock().unwrap();
        let mut most = 0.0;
        for (it, before) in told.iter() {
            let rounds = network.rules.workflow.rounds();
            assert!(it.round < rounds && it.rounds == rounds, "{workflow}: {} of {}", it.round, it.rounds);
            let mut from: Vec<PeerId> = it.parts.iter().map(|part| part.from).collect();
            for part in &it.parts {
                // Whose training it is, is in the model of the protocol's tests.
                let whose = part.contributors.as_deref().map_or(vec![part.from], <[u32]>::to_vec);
                let trained = &network.trained[&(it.round, whose[0])];
                assert_eq!(trained.digest(), part.model.digest(), "{workflow}: {whose:?}");
            }
            from.sort_unstable();
            from.dedup();
            assert!(from.len() > 1 || it.parts.len() == 1, "{workflow}: {from:?}");
            assert!(it.parts.iter().any(|part| Arc::ptr_eq(&part.model, &it.own)), "its own is among them");
            assert!(*before <= f64::from(it.round), "{workflow}: {before} times by round {}", it.round);
            most = f64::max(most, *before);
        }
        assert!(most > 0.0, "{workflow}: it got back what it kept");
    }
}
