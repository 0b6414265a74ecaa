//! Asynchronous steps: who averages with whom, that it is the same two models at both, and that nobody waits for ever.

use super::network::{LATENCY, Network};
use super::rules::Setup;
use super::shapes::{full, line, ring, star};
use crate::learning::spec::{Averaging, Learning, ModelKind, Quadratic, Start, Targets};
use crate::learning::{Learner, Model, build};
use crate::node::State;
use crate::node::io::Record;
use crate::node::spec::{Dpsgd, Pace};
use crate::wire::{Command, Message, PeerId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn setup(nodes: u32, rounds: u32) -> Setup {
    Setup::dpsgd(nodes, Dpsgd { rounds, mode: Pace::Asynchronous, ..Dpsgd::default() })
}

fn learner(model: ModelKind, nodes: u32) -> Arc<dyn Learner> {
    build(&Learning { model, ..Learning::default() }, nodes, 3, None, Path::new(".")).expect("a learner")
}

fn averaging(nodes: u32) -> Arc<dyn Learner> {
    learner(ModelKind::Averaging(Averaging { dimension: 2, init: Start::Normal }), nodes)
}

/// What the nodes hold now.
fn models(network: &Network) -> Vec<Arc<Model>> {
    let model = |node: &crate::node::Node| match &node.workflow {
        State::Dpsgd(crate::node::dpsgd::Dpsgd::Pairwise(it)) => Arc::clone(it.model()),
        other => panic!("it is asynchronous, not {other:?}"),
    };
    network.nodes.iter().flat_map(|it| &it.node).map(model).collect()
}

fn mean(models: &[Arc<Model>]) -> Vec<f64> {
    let dimension = models[0].doubles().len();
    let mean = |i| models.iter().map(|it| it.doubles()[i]).sum::<f64>() / models.len() as f64;
    (0..dimension).map(mean).collect()
}

fn steps(network: &Network, node: PeerId) -> Vec<u32> {
    let step = |(_, by, record): &(crate::time::Time, PeerId, Record)| match record {
        Record::RoundFinished { round, .. } if *by == node => Some(*round),
        _ => None,
    };
    network.records.iter().filter_map(step).collect()
}

#[test]
fn every_node_makes_every_step_on_every_shape_even_if_all_ask_at_the_same_time() {
    for edges in [full(6), star(6), ring(6), line(6), full(3), line(2)] {
        let nodes = edges.iter().map(|it| it.1 + 1).max().unwrap_or(0);
        let mut network = Network::new(setup(nodes, 20), &edges);
        network.learn();
        assert!(network.finish(60), "{:?} of {edges:?}", network.finished());
        for node in 0..nodes {
            assert_eq!(steps(&network, node), (0..20).collect::<Vec<_>>());
        }
        let (asked, answered) = (network.count(Command::SwapModel), network.count(Command::PartialModel));
        assert_eq!(answered, 20 * nodes as usize, "each step is answered once");
        assert!(asked >= answered, "and perhaps refused before");
    }
}

#[test]
fn both_average_the_same_two_models() {
    let mut network = Network::new(setup(8, 15), &full(8));
    network.stagger = Duration::from_micros(1700);
    network.learn();
    assert!(network.finish(60));
    network.run(Duration::from_secs(1));
    // A step's own average has what training changed before it: two models that come first, the second taken off.
    let mut pairs: BTreeMap<[u64; 2], i32> = BTreeMap::new();
    for parts in &network.averages {
        let weights: Vec<f64> = parts.iter().map(|it| it.1).collect();
        let (own, change) = match weights[..] {
            [1.0, -1.0, 0.5, 0.5] => (&parts[2..], 1),
            [0.5, 0.5] => (&parts[..], -1),
            _ => panic!("{weights:?}"),
        };
        let mut pair = [own[0].0.digest(), own[1].0.digest()];
        pair.sort_unstable();
        *pairs.entry(pair).or_default() += change;
    }
    assert!(pairs.values().all(|it| *it == 0), "{pairs:?}");
    assert_eq!(network.averages.len(), 2 * 8 * 15);
}

#[test]
fn what_training_changes_is_added_to_the_average() {
    // Steps of half the way to a node's own point, from models that others average with meanwhile.
    let quadratic = learner(ModelKind::Quadratic(Quadratic { dimension: 1, targets: Targets::Normal }), 5);
    let mut network = Network::learning(setup(5, 12), &ring(5), Arc::clone(&quadratic));
    network.stagger = Duration::from_millis(37);
    network.learn();
    let before = mean(&models(&network));
    assert!(network.finish(60));
    network.run(Duration::from_secs(1));
    // Averaging leaves the sum as it is, so all that has changed it is what training made of its models.
    let changes: f64 = network
        .averages
        .iter()
        .filter(|parts| parts.len() == 4)
        .map(|parts| parts[0].0.doubles()[0] - parts[1].0.doubles()[0])
        .sum();
    let after = mean(&models(&network))[0];
    assert!((after - before[0] - changes / 5.0).abs() < 1e-12, "{after} after {before:?} and {changes}");
    assert!(changes.abs() > 1e-3, "something was learnt");
}

#[test]
fn nobody_waits_for_who_is_slow() {
    // Each node trains 100 ms longer than the one before it, the last twice as long as the first.
    let mut network = Network::new(setup(6, 10), &ring(6));
    network.stagger = Duration::from_millis(100);
    network.learn();
    assert!(network.finish(60));
    for (node, fit) in (0..6).zip((500..).step_by(100)) {
        let finished =
            |it: &&(crate::time::Time, PeerId, Record)| it.1 == node && matches!(it.2, Record::Finished);
        let at = network.records.iter().find(finished).expect("it has finished").0;
        let took = at.since(network.zero);
        assert!(took >= Duration::from_millis(10 * fit), "{took:?}");
        assert!(took < Duration::from_millis(10 * fit + 200), "node {node} took {took:?}");
    }
}

#[test]
fn a_neighbour_that_is_gone_is_not_waited_for_and_one_that_is_back_takes_part() {
    let mut network = Network::new(setup(4, 12), &ring(4));
    network.learn();
    network.run(Duration::from_millis(700));
    network.crash(2);
    let crashed = network.now;
    network.run(Duration::from_secs(2));
    network.restart(2);
    assert!(network.finish(60), "{:?}", network.finished());
    assert!(network.now.since(crashed) < Duration::from_secs(10), "it did not take a timeout");
    let after = steps(&network, 2);
    assert_eq!(after.last(), Some(&11));
    assert!(after.windows(2).any(|it| it[1] > it[0] + 1), "it goes on where its neighbours are: {after:?}");
}

#[test]
fn who_is_cut_off_goes_on_alone_and_finds_its_neighbours_again() {
    let mut network = Network::new(setup(2, 40), &line(2));
    network.learn();
    let zero = network.zero;
    network.fate = Box::new(move |now, _, _, _| {
        let cut = now.since(zero) > Duration::from_secs(2) && now.since(zero) < Duration::from_secs(30);
        if cut { Vec::new() } else { vec![LATENCY] }
    });
    assert!(network.finish(300), "{:?}", network.finished());
    let answered = |from: Duration| {
        let answer =
            |it: &&super::network::Sent| it.command == Command::PartialModel && it.at.since(zero) > from;
        network.sent.iter().filter(answer).count()
    };
    assert!(answered(Duration::from_secs(30)) > 0, "they average again");
    let alone = network.averages.iter().filter(|parts| parts.len() == 3).count();
    assert!(alone > 0, "and did not, while they could not");
}

#[test]
fn a_node_that_was_stopped_is_left_alone() {
    let mut network = Network::new(setup(3, 20), &full(3));
    network.learn();
    network.run(Duration::from_millis(700));
    network.tell(1, crate::node::io::Control::StopLearning);
    let end = network.now + Duration::from_secs(60);
    assert!(network.run_until(end, |it| it.finished().len() == 2), "{:?}", network.finished());
    assert!(network.now.since(network.zero) < Duration::from_secs(15));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn averaging_keeps_the_mean_whatever_the_delays_and_everyone_comes_closer(
        nodes in 3_u32..9, kind in 0_u8..4, seed: u64, fit in 0_u64..30, stagger in 0_u64..7,
    ) {
        let edges = match kind { 0 => full(nodes), 1 => star(nodes), 2 => ring(nodes), _ => line(nodes) };
        let mut network = Network::learning(Setup { seed, ..setup(nodes, 10) }, &edges, averaging(nodes));
        network.fit = Duration::from_millis(fit);
        network.stagger = Duration::from_millis(stagger);
        let mut counter = seed;
        network.fate = Box::new(move |_, _, _, message| {
            counter = counter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let spread = if matches!(message, Message::Handshake) { 0 } else { (counter >> 33) % 20_000 };
            vec![LATENCY + Duration::from_micros(spread)]
        });
        network.learn();
        let before = models(&network);
        prop_assert!(network.finish(100), "{:?}", network.finished());
        network.run(Duration::from_secs(1));
        let after = models(&network);
        for (was, is) in mean(&before).iter().zip(mean(&after)) {
            prop_assert!((was - is).abs() < 1e-13, "{} instead of {}", is, was);
        }
        let distance = |models: &[Arc<Model>]| crate::learning::consensus_distance(models).expect("a distance");
        prop_assert!(distance(&after) < distance(&before));
    }

    #[test]
    fn everyone_finishes_whatever_happens_to_messages(
        nodes in 2_u32..8, kind in 0_u8..4, seed: u64, lost in 0_u64..8, late in 0_u64..30,
    ) {
        let edges = match kind { 0 => full(nodes), 1 => star(nodes), 2 => ring(nodes), _ => line(nodes) };
        let mut network = Network::new(Setup { seed, ..setup(nodes, 6) }, &edges);
        let mut counter = seed;
        network.fate = Box::new(move |_, _, _, message| {
            counter = counter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let drawn = (counter >> 33) % 100;
            match message {
                Message::Weights(_) if drawn < lost => Vec::new(),
                Message::Weights(_) if drawn < lost + late => vec![Duration::from_secs(2)],
                _ => vec![LATENCY],
            }
        });
        network.learn();
        prop_assert!(network.finish(10_000), "{:?}", network.finished());
        for node in 0..nodes {
            prop_assert_eq!(steps(&network, node).len(), 6);
        }
    }
}
