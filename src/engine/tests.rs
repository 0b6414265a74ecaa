//! Faults inside a run do not take the run down: they are counted and told.

use super::{Fate, Plan, Run, Snapshot, Watch, run};
use crate::learning::{Evaluation, Learner, Model};
use crate::metrics::result::Outcome;
use crate::simulation::{Options, prepare};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A learner that panics for one node, in one of its methods.
struct Faulty {
    inner: Arc<dyn Learner>,
    initial: Option<u32>,
    train: Option<u32>,
    evaluate: bool,
}

impl Learner for Faulty {
    fn initial(&self, node: u32) -> Arc<Model> {
        assert_ne!(self.initial, Some(node), "no model for you");
        self.inner.initial(node)
    }

    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model) -> Model {
        assert_ne!(self.train, Some(node), "no training for you");
        self.inner.train(node, round, epochs, start)
    }

    fn training_work(&self, node: u32, epochs: u32) -> u64 {
        self.inner.training_work(node, epochs)
    }

    fn evaluate(&self, model: &Model) -> Option<Evaluation> {
        assert!(!self.evaluate, "no evaluation for you");
        self.inner.evaluate(model)
    }

    fn evaluate_local(&self, node: u32, model: &Model) -> Option<Evaluation> {
        self.inner.evaluate_local(node, model)
    }

    fn samples(&self, node: u32) -> u32 {
        self.inner.samples(node)
    }
}

struct Nobody;

impl Watch for Nobody {
    fn update(&mut self, _: &Snapshot) {}

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}

/// Five `dpsgd` nodes that all train in each of two rounds.
fn plan(faulty: impl FnOnce(Arc<dyn Learner>) -> Faulty) -> Plan {
    let text = r#"{
        "name": "faulty", "nodes": 5, "topology": { "kind": "full" }, "speedup": 50,
        "workflow": { "kind": "dpsgd", "rounds": 2 },
        "settings": { "training": { "aggregation_timeout": "5s" } }
    }"#;
    let mut loaded = crate::scenario::parse(text, "faulty.json", &[]).unwrap();
    let mut plan = prepare(&mut loaded, Options::default()).unwrap().plan;
    plan.learner = Arc::new(faulty(Arc::clone(&plan.learner)));
    plan
}

/// The others finish; the panic is told with its node and its text.
fn the_others_finish(run: &Run, node: usize, said: &str) {
    assert_eq!(run.outcome, Outcome::Completed, "{:?}", run.reason);
    assert_eq!((run.nodes.panicked, run.nodes.finished), (1, 4));
    assert_eq!(run.reports[node].fate, Fate::Panicked);
    let told = format!("node {node} panicked");
    assert!(run.warnings.iter().any(|it| it.starts_with(&told) && it.contains(said)), "{:?}", run.warnings);
}

#[test]
fn a_node_whose_training_panics_does_not_take_the_run_down() {
    let plan = plan(|inner| Faulty { inner, initial: None, train: Some(3), evaluate: false });
    the_others_finish(&run(plan, &mut Nobody).unwrap(), 3, "no training for you");
}

#[test]
fn a_node_that_panics_as_it_comes_up_does_not_take_the_run_down() {
    let plan = plan(|inner| Faulty { inner, initial: Some(2), train: None, evaluate: false });
    the_others_finish(&run(plan, &mut Nobody).unwrap(), 2, "no model for you");
}

#[test]
fn an_evaluation_that_panics_costs_its_figures_alone() {
    let plan = plan(|inner| Faulty { inner, initial: None, train: None, evaluate: true });
    let run = run(plan, &mut Nobody).unwrap();
    assert_eq!((run.outcome, run.nodes.finished), (Outcome::Completed, 5));
    assert!(run.warnings.iter().any(|it| it.contains("its evaluation panicked")), "{:?}", run.warnings);
}
