//! What holds whatever happens: under loss, repetition, delay, crashes and restarts, and for whatever a peer sends.

use super::bench::Bench;
use super::models::model;
use super::network::{LATENCY, Network};
use super::rules::{Setup, VARIANTS, experiment};
use super::shapes::{full, line, ring, star};
use crate::learning::Evaluation;
use crate::node::io::{Control, Input, Job, JobResult, Output, Record, Timer};
use crate::node::rumor::messages::{RUMOR, RUMOR_REQUEST};
use crate::node::spec::{Dissemination, Dpsgd, Pace, Rumor, Variant, Workflow};
use crate::random::{Purpose, Stream};
use crate::wire::{Announcement, Command, GossipBody, Message, PeerId, Response, Weights};
use proptest::prelude::*;
use rand::RngExt;
use std::sync::Arc;
use std::time::Duration;

fn shape(kind: u8, nodes: u32) -> Vec<(PeerId, PeerId)> {
    match kind {
        0 => full(nodes),
        1 => star(nodes),
        2 => ring(nodes),
        _ => line(nodes),
    }
}

fn variant() -> impl Strategy<Value = Variant> {
    prop_oneof![Just(Variant::Faithful), Just(Variant::FaithfulMemory), Just(Variant::Repaired)]
}

/// The same nodes with another way of passing models on.
fn spread(mut setup: Setup, way: Dissemination) -> Setup {
    if let Workflow::P2pfl(it) = &mut setup.workflow {
        it.dissemination = way;
    }
    setup
}

fn way() -> impl Strategy<Value = Dissemination> {
    prop_oneof![Just(Dissemination::Push), Just(Dissemination::Pull), Just(Dissemination::PushPull)]
}

fn setup(nodes: u32, seed: u64, variant: Variant) -> Setup {
    let mut setup = Setup::p2pfl(nodes, variant).with(|it| {
        it.gossip.ttl = 20;
        it.gossip.amount_last_messages_saved = 10_000;
    });
    setup.seed = seed;
    setup
}

/// Messages get lost, repeated and delayed, each with so many chances in a hundred.
fn faults(network: &mut Network, seed: u64, [lost, twice, late]: [u32; 3]) {
    let mut count = 0;
    network.fate = Box::new(move |_, from, _, message| {
        if let Message::Weights(it) = message {
            let contributors = &it.contributors;
            assert!(contributors.is_sorted_by(|a, b| a < b), "contributors are disjoint: {contributors:?}");
        }
        count += 1;
        let mut random = Stream::new(seed, u64::from(from), Purpose::Loss, count);
        let mut chance = |of| random.random_range(0..100) < of;
        let delay = LATENCY * if chance(late) { 1500 } else { 1 };
        match (chance(lost), chance(twice)) {
            (true, _) => Vec::new(),
            (_, true) => vec![delay, LATENCY * 20],
            _ => vec![delay],
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_aggregate_is_the_mean_of_what_was_trained_by_rows(
        nodes in 4_u32..9, kind in 0_u8..4, seed: u64, variant in variant(),
    ) {
        let mut network = Network::new(setup(nodes, seed, variant), &shape(kind, nodes));
        network.learn();
        // P2PFL may lose a contribution and then waits its 300 seconds; what is averaged is the same rule.
        prop_assume!(network.finish(100));
        for round in 0..2 {
            let sets = network.train_sets(round);
            prop_assert_eq!(sets.len(), 1);
            let rows = |peer: u32| f64::from(super::models::samples(peer));
            let total: f64 = sets[0].iter().map(|&peer| rows(peer)).sum();
            let sum: f64 = sets[0].iter()
                .map(|&peer| rows(peer) * f64::from(network.trained[&(round, peer)].values()[1]))
                .sum();
            for (node, model) in network.models(round) {
                let apart = (f64::from(model.values()[1]) - sum / total).abs();
                prop_assert!(apart < 1e-4, "round {} node {}: {} apart", round, node, apart);
            }
        }
    }

    #[test]
    fn repaired_takes_a_message_once_and_finishes_whatever_happens_to_messages(
        nodes in 3_u32..9, kind in 0_u8..4, seed: u64, lost in 0_u32..8, twice in 0_u32..30, late in 0_u32..30,
        way in way(),
    ) {
        let setup = spread(setup(nodes, seed, Variant::Repaired), way);
        let mut network = Network::new(setup, &shape(kind, nodes));
        faults(&mut network, seed, [lost, twice, late]);
        network.learn();
        let done = network.finish(3000);
        prop_assert!(network.taken.values().all(|&it| it == 1));
        prop_assert!(network.failed().is_empty());
        let waits: Vec<_> =
            network.nodes.iter().flat_map(|it| &it.node).map(crate::node::Node::waits_for).collect();
        prop_assert!(done, "{:?}", waits);
    }

    #[test]
    fn nothing_panics_under_faults_crashes_and_restarts(
        nodes in 3_u32..8, kind in 0_u8..4, seed: u64, workflow in 0_u8..8, chances in [0_u32..20, 0_u32..30, 0_u32..30],
        script in prop::collection::vec((0_u64..9_000, 0_u32..8), 0..6),
    ) {
        let mut setup = setup(nodes, seed, VARIANTS[usize::from(workflow.min(2))]);
        match workflow {
            3 => setup.workflow = Workflow::Dpsgd(Dpsgd { heartbeats: seed % 2 == 0, ..Dpsgd::default() }),
            4 => setup.workflow = Workflow::Rumor(Rumor { rounds: 20, ..Rumor::default() }),
            6 => setup = spread(setup, Dissemination::Pull),
            7 => setup = spread(setup, Dissemination::PushPull),
            5 => {
                let (mode, heartbeats) = (Pace::Asynchronous, seed % 2 == 0);
                setup.workflow = Workflow::Dpsgd(Dpsgd { mode, heartbeats, ..Dpsgd::default() });
            }
            _ => {}
        }
        let mut network = Network::new(setup, &shape(kind, nodes));
        faults(&mut network, seed, chances);
        network.learn();
        for (wait, node) in script {
            network.run(Duration::from_millis(wait));
            let node = node % nodes;
            if network.nodes[node as usize].node.is_some() {
                network.crash(node);
            } else {
                network.restart(node);
            }
        }
        network.run(Duration::from_secs(100));
    }

    #[test]
    fn nothing_panics_whatever_a_peer_sends(
        variant in variant(), workflow in 0_u8..5, way in way(), inputs in prop::collection::vec(any_input(), 1..120),
    ) {
        let mut setup = setup(6, 1, variant);
        match workflow {
            0 => setup.workflow = Workflow::Dpsgd(Dpsgd { heartbeats: true, ..Dpsgd::default() }),
            2 => setup.workflow = Workflow::Dpsgd(Dpsgd { mode: Pace::Asynchronous, ..Dpsgd::default() }),
            1 => setup.workflow = Workflow::Rumor(Rumor { rounds: 3, source: 5, ..Rumor::default() }),
            _ if variant == Variant::Repaired => setup = spread(setup, way),
            _ => {}
        }
        let mut bench = Bench::new(setup, &[1, 2, 3]);
        for (wait, input) in inputs {
            bench.pass(u64::from(wait));
            let input = match input {
                Sent::Input(input) => input,
                Sent::Gossip(source, round, body, ttl) => {
                    let gossip = bench.parcel(source, round, body, ttl);
                    Input::Message { from: 1, message: Message::Gossip(Arc::from([gossip])), request: None }
                }
                Sent::Start if workflow == 1 => Input::Control(Control::Begin(bench.now)),
                Sent::Start => Input::Control(Control::StartLearning(experiment(&bench.rules))),
            };
            let out = bench.input(input);
            for output in &out {
                if let Output::StartJob { job: Job::Aggregate(it), .. } = output {
                    prop_assert!(it.parts.iter().map(|it| it.weight).sum::<f64>() > 0.0, "there is something to average");
                }
            }
            if out.iter().any(|it| matches!(it, Output::Record(Record::Failed(_)))) {
                break;
            }
            prop_assert!(!bench.node.waits_for().is_empty());
        }
    }
}

#[derive(Clone, Debug)]
enum Sent {
    Input(Input),
    Gossip(PeerId, i32, GossipBody, u32),
    Start,
}

fn round() -> impl Strategy<Value = i32> {
    prop_oneof![4 => 0_i32..3, 1 => any::<i32>(), 1 => Just(-1), 1 => Just(i32::MIN), 1 => Just(i32::MAX)]
}

fn peers() -> impl Strategy<Value = Arc<[PeerId]>> {
    let peer = prop_oneof![6 => 0_u32..5, 1 => any::<u32>()];
    prop::collection::vec(peer, 0..5).prop_map(Arc::from)
}

fn body() -> impl Strategy<Value = GossipBody> {
    prop_oneof![
        any::<u64>().prop_map(|at| GossipBody::Beat(crate::time::Time::from_nanos(at))),
        Just(GossipBody::StopLearning),
        Just(GossipBody::ModelInitialized),
        Just(GossipBody::ModelsReady),
        peers().prop_map(GossipBody::ModelsAggregated),
        (peers(), any::<u32>())
            .prop_map(|(peers, weight)| GossipBody::Vote(peers.iter().map(|&peer| (peer, weight)).collect())),
        (any::<u32>(), 0_u32..5, any::<u32>()).prop_map(|(rounds, trainset_size, epochs)| {
            let name = String::new();
            let experiment = crate::wire::Experiment { rounds, epochs, trainset_size, name };
            GossipBody::StartLearning(Arc::new(experiment))
        }),
        Just(GossipBody::Metrics(Arc::from([("test_loss", f64::NAN)]))),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let command = proptest::sample::select(Command::all().collect::<Vec<_>>());
    prop_oneof![
        1 => Just(Message::Handshake),
        1 => Just(Message::Disconnect),
        1 => round().prop_map(|round| RUMOR.say(round, 0, &[])),
        1 => round().prop_map(|round| RUMOR_REQUEST.say(round, 0, &[])),
        3 => (command.clone(), round(), peers()).prop_map(|(follows, round, contributors)| {
            Message::Announce(Announcement { follows, round, contributors })
        }),
        3 => (command.clone(), round(), peers()).prop_map(|(follows, round, contributors)| {
            Message::GetModel(Arc::new(Announcement { follows, round, contributors }))
        }),
        6 => (command, round(), peers(), 0_u32..3, 1_usize..4).prop_map(
            |(command, round, contributors, samples, length)| {
                let values = vec![1.0; length.min(2) + length / 3];
                let model = model(&values);
                Message::Weights(Arc::new(Weights { command, round, contributors, samples, model }))
            }
        ),
    ]
}

fn any_input() -> impl Strategy<Value = (u16, Sent)> {
    let timers =
        [Timer::Beat, Timer::Forward, Timer::Dial, Timer::Poll, Timer::Models, Timer::Stage, Timer::Pull];
    let responses = prop_oneof![
        Just(Response::Empty),
        any::<bool>().prop_map(Response::Wanted),
        Just(Response::Error(Arc::from("no"))),
        Just(Response::Timeout),
        Just(Response::Unreachable),
    ];
    let results = prop_oneof![
        Just(JobResult::Model(model(&[1.0, 2.0]), None)),
        Just(JobResult::Evaluation(None)),
        Just(JobResult::Evaluation(Some(Evaluation {
            accuracy: Some(0.1),
            loss: f64::INFINITY,
            samples: 1
        }))),
    ];
    let input = prop_oneof![
        8 => (0_u32..6, round(), body(), 0_u32..3)
            .prop_map(|(source, round, body, ttl)| Sent::Gossip(source, round, body, ttl)),
        8 => (0_u32..6, message())
            .prop_map(|(from, message)| Sent::Input(Input::Message { from, message, request: Some(9) })),
        6 => (0_usize..7).prop_map(move |i| Sent::Input(Input::Timer(timers[i]))),
        4 => (0_u32..40, responses)
            .prop_map(|(request, response)| Sent::Input(Input::Response { request, response })),
        6 => (0_u32..12, results).prop_map(|(job, result)| Sent::Input(Input::JobDone { job, result })),
        1 => Just(Sent::Start),
        1 => Just(Sent::Input(Input::Control(Control::StopLearning))),
    ];
    (0_u16..3000, input)
}
