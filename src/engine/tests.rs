//! Faults inside a run do not take the run down: they are counted and told.

use super::{Doing, Fate, Plan, Run, Snapshot, Watch, run};
use crate::learning::{DataBytes, Evaluation, Learner, Model, Remark, State};
use crate::metrics::result::Outcome;
use crate::metrics::trace::{Activity, Happening, Job, Mark};
use crate::metrics::{Cause, Phase};
use crate::node::Stage;
use crate::simulation::{Options, prepare};
use crate::wire::Command;
use std::collections::BTreeSet;
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

    fn train(&self, node: u32, round: u32, epochs: u32, start: &Model, state: &mut State) -> Model {
        assert_ne!(self.train, Some(node), "no training for you");
        self.inner.train(node, round, epochs, start, state)
    }

    fn training_work(&self, node: u32, epochs: u32) -> u64 {
        self.inner.training_work(node, epochs)
    }

    fn evaluation_work(&self) -> u64 {
        self.inner.evaluation_work()
    }

    fn data_bytes(&self) -> DataBytes {
        self.inner.data_bytes()
    }

    fn remarks(&self) -> &[Remark] {
        self.inner.remarks()
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

/// Keeps what it is told in detail.
#[derive(Default)]
struct Curious {
    stages: BTreeSet<Doing>,
    happened: Vec<Mark>,
    latencies: u64,
}

impl Watch for Curious {
    fn update(&mut self, snapshot: &Snapshot) {
        let details = snapshot.details.as_ref().unwrap();
        self.stages.extend(details.nodes.iter().copied());
        self.happened.extend(details.happened.iter().cloned());
        self.latencies = self.latencies.max(details.latency.count);
    }

    fn wants_details(&self) -> bool {
        true
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}

fn watched(clock: &str, rounds: u32) -> (Run, Curious) {
    let text = format!(
        r#"{{
        "name": "watched", "nodes": 40, "topology": {{ "kind": "ring" }}, "clock": "{clock}", "speedup": 10,
        "workflow": {{ "kind": "dpsgd", "rounds": {rounds} }},
        "learning": {{ "model": {{ "kind": "synthetic", "size": "2KiB" }}, "compute": {{ "train": "400ms" }} }},
        "settings": {{ "training": {{ "aggregation_timeout": "5s" }} }},
        "script": [ {{ "at": "500ms", "do": "crash", "nodes": [1] }}, {{ "at": "900ms", "do": "restart", "nodes": [1] }} ]
    }}"#
    );
    let mut loaded = crate::scenario::parse(&text, "watched.json", &[]).unwrap();
    let plan = prepare(&mut loaded, Options::default()).unwrap().plan;
    let mut curious = Curious::default();
    (run(plan, &mut curious).unwrap(), curious)
}

#[test]
fn whoever_wants_details_sees_what_nodes_do_and_what_happens_to_them() {
    // On the virtual clock a run must last until somebody looks.
    for (clock, rounds) in [("real", 20), ("virtual", 3_000)] {
        let (_, seen) = watched(clock, rounds);
        assert!(seen.stages.iter().any(|it| matches!(it, Doing::Stage(_))), "{clock}: {:?}", seen.stages);
        assert!(seen.latencies > 0, "{clock}");
        let crashes = seen.happened.iter().filter(|it| it.happening == Happening::Crash);
        assert_eq!(crashes.map(|it| it.node).collect::<Vec<_>>(), [None, Some(1)], "{clock}");
    }
}

#[test]
fn a_trace_tells_what_every_node_did_and_which_models_it_took() {
    for clock in ["real", "virtual"] {
        let trace = watched(clock, 5).0.trace;
        assert_eq!(trace.nodes.len(), 40);
        for node in 0..40 {
            let of =
                |activity| trace.spans.iter().filter(move |it| it.node == node && it.activity == activity);
            let trained = of(Activity::Stage(Stage::Train)).count();
            assert!(trained >= 5 || node == 1, "{clock}: node {node} trained {trained} times");
            assert!(of(Activity::Job(Job::Train)).all(|job| job.round.is_some()));
            let taken = trace.transfers.iter().filter(|it| it.to == node).count();
            assert!(taken >= 5 || (0..=2).contains(&node), "{clock}: node {node} took {taken} models");
        }
        let stages = |node| {
            trace.spans.iter().filter(move |it| it.node == node && matches!(it.activity, Activity::Stage(_)))
        };
        for node in 0..40 {
            let all: Vec<_> = stages(node).collect();
            assert!(all.windows(2).all(|pair| pair[0].end_ns <= pair[1].start_ns), "{clock}: {all:?}");
        }
        // A node that is down does nothing.
        let at =
            |what| trace.marks.iter().find(|it| it.node == Some(1) && it.happening == what).unwrap().at_ns;
        let (down, up) = (at(Happening::Crash), at(Happening::Restart));
        assert!(down < up);
        assert!(stages(1).all(|it| it.end_ns <= down || it.start_ns >= up), "{clock}");
    }
}

/// A run of `dpsgd` over a transport whose nodes take no message that has a model in it: what a scenario cannot ask for.
fn without_room(transport: &str) -> Run {
    let text = format!(
        r#"{{
        "name": "tight", "nodes": 3, "topology": {{ "kind": "full" }}, "transport": "{transport}", "speedup": 5,
        "workflow": {{ "kind": "dpsgd", "rounds": 2 }},
        "learning": {{ "model": {{ "kind": "synthetic", "size": "8KiB" }}, "compute": {{ "train": "500ms" }} }},
        "settings": {{ "training": {{ "aggregation_timeout": "5s" }} }}
    }}"#
    );
    let mut loaded = crate::scenario::parse(&text, "tight.json", &[]).unwrap();
    let mut plan = prepare(&mut loaded, Options::default()).unwrap().plan;
    plan.sockets.as_mut().unwrap().max_message = 4_096;
    run(plan, &mut Nobody).unwrap()
}

#[test]
fn what_is_refused_is_counted_over_every_transport_and_a_run_without_models_has_failed() {
    let plain = ["grpc", "grpc+uds", "grpc-stream", "websocket", "http", "http2"];
    let encrypted = ["grpc+mtls", "grpc-stream+tls", "websocket+tls", "http+tls", "http2+tls"];
    for transport in plain.into_iter().chain(encrypted) {
        let run = without_room(transport);
        assert_eq!(run.outcome, Outcome::Failed, "{transport}");
        let models = run.recorder.counts(Phase::Learning, Command::PartialModel);
        assert_eq!((models.delivered, models.duplicate), (0, 0), "{transport}");
        assert_eq!(models.dropped[Cause::Overflow as usize], models.sent, "{transport}: {models:?}");
        assert_eq!(models.in_flight(), 0, "{transport}: {models:?}");
        let reason = format!("{0} models were sent and none arrived (overflow {0})", models.sent);
        assert_eq!(run.reason.as_deref(), Some(reason.as_str()), "{transport}");
        let refused = &run.sockets.as_ref().unwrap().refused;
        assert_eq!(refused.get("oversized"), Some(&models.sent), "{transport}: {refused:?}");
        assert!(run.warnings.iter().any(|it| it.contains("oversized")), "{transport}: {:?}", run.warnings);
    }
}

#[test]
fn a_partition_that_keeps_every_model_away_is_told_by_both_clocks() {
    for clock in ["real", "virtual"] {
        let text = format!(
            r#"{{
            "name": "apart", "nodes": 2, "topology": {{ "kind": "full" }}, "clock": "{clock}", "speedup": 20,
            "workflow": {{ "kind": "dpsgd", "rounds": 2 }},
            "learning": {{ "model": {{ "kind": "synthetic", "size": "2KiB" }}, "compute": {{ "train": "2s" }} }},
            "settings": {{ "training": {{ "aggregation_timeout": "3s" }} }},
            "script": [ {{ "at": "0s", "do": "partition", "groups": [[0], [1]] }} ]
        }}"#
        );
        let mut loaded = crate::scenario::parse(&text, "apart.json", &[]).unwrap();
        let plan = prepare(&mut loaded, Options::default()).unwrap().plan;
        let run = run(plan, &mut Nobody).unwrap();
        assert_eq!((run.outcome, run.nodes.finished), (Outcome::Failed, 2), "{clock}: {:?}", run.reason);
        let reason = run.reason.unwrap();
        assert!(reason.contains("none arrived (partition"), "{clock}: {reason}");
    }
}
