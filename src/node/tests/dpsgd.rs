//! Decentralised stochastic gradient descent: rounds, mixing, early and late models, absent neighbours.

use super::network::{LATENCY, Network};
use super::rules::Setup;
use super::shapes::{full, line, ring, star};
use crate::learning::consensus_distance;
use crate::node::io::Record;
use crate::node::spec::{Dpsgd, Mixing};
use crate::wire::{Command, Message, PeerId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn spec(rounds: u32, mixing: Mixing) -> Dpsgd {
    Dpsgd { rounds, mixing, ..Dpsgd::default() }
}

fn network(nodes: u32, rounds: u32, edges: &[(PeerId, PeerId)]) -> Network {
    Network::new(Setup::dpsgd(nodes, spec(rounds, Mixing::MetropolisHastings)), edges)
}

#[test]
fn every_node_goes_through_every_round_on_every_shape() {
    for edges in [full(6), star(6), ring(6), line(6)] {
        let mut network = network(6, 5, &edges);
        network.learn();
        assert!(network.finish(30), "{:?}", network.finished());
        for node in 0..6 {
            let rounds: Vec<u32> = network
                .records
                .iter()
                .filter_map(|(_, by, record)| match record {
                    Record::RoundFinished { round, .. } if *by == node => Some(*round),
                    _ => None,
                })
                .collect();
            assert_eq!(rounds, [0, 1, 2, 3, 4]);
        }
        let models = network.count(Command::PartialModel);
        assert_eq!(models, 5 * 2 * edges.len(), "one a round over each edge, either way");
        assert_eq!(network.count(Command::PreSendModel) + network.count(Command::Beat), 0);
    }
}

/// The weights of an average that is made of so many models, sorted.
fn weights(network: &Network, parts: usize) -> Vec<f64> {
    let average = network.averages.iter().find(|it| it.len() == parts).expect("there is one");
    average.iter().map(|it| it.1).collect()
}

#[test]
fn weights_are_by_metropolis_and_hastings_or_uniform() {
    // The middle of a star has four neighbours, the others one.
    let mut network = network(5, 1, &star(5));
    network.learn();
    assert!(network.finish(30));
    assert!(weights(&network, 5).iter().all(|it| (it - 0.2).abs() < 1e-12));
    assert!(weights(&network, 2).iter().zip([0.8, 0.2]).all(|(it, is)| (it - is).abs() < 1e-12));
    let mut network = Network::new(Setup::dpsgd(5, spec(1, Mixing::Uniform)), &star(5));
    network.learn();
    assert!(network.finish(30));
    assert_eq!(weights(&network, 2), [0.5, 0.5]);
}

#[test]
fn a_round_is_the_mixture_of_what_was_trained() {
    let mut network = network(5, 1, &ring(5));
    network.learn();
    assert!(network.finish(30));
    for (node, model) in network.models(0) {
        let value = |peer: u32| f64::from(network.trained[&(0, peer % 5)].values()[0]);
        let expected = (value(node) + value(node + 1) + value(node + 4)) / 3.0;
        assert!((f64::from(model.values()[0]) - expected).abs() < 1e-5);
    }
}

#[test]
fn mixing_brings_nodes_closer_to_each_other() {
    for edges in [full(8), star(8), ring(8), line(8)] {
        let mut network = network(8, 12, &edges);
        network.learn();
        assert!(network.finish(60));
        for round in 0..12 {
            let trained: Vec<_> = (0..8).map(|node| Arc::clone(&network.trained[&(round, node)])).collect();
            let mixed: Vec<_> = network.models(round).into_values().collect();
            assert!(consensus_distance(&mixed).unwrap() < consensus_distance(&trained).unwrap());
        }
    }
}

#[test]
fn a_model_of_the_next_round_is_kept_until_then() {
    // One way is slow: its models come late, so others' of the next round come early.
    let mut network = network(3, 6, &line(3));
    network.fate = Box::new(|_, from, to, _| {
        vec![if (from, to) == (1, 2) { Duration::from_millis(900) } else { LATENCY }]
    });
    network.learn();
    assert!(network.finish(60));
    let incomplete = network.averages.iter().filter(|it| it.len() == 1).count();
    assert_eq!(incomplete, 0, "nobody mixed with itself alone");
}

#[test]
fn a_model_that_is_lost_counts_for_the_node_itself_when_the_time_is_up() {
    let mut network = network(2, 3, &line(2));
    network.fate = Box::new(|_, from, _, message| {
        let lost = matches!(message, Message::Weights(it) if it.round == 1 && from == 0);
        if lost { Vec::new() } else { vec![LATENCY] }
    });
    network.learn();
    assert!(network.finish(600));
    let alone: Vec<f64> = network.averages.iter().filter(|it| it.len() == 1).map(|it| it[0].1).collect();
    assert_eq!(alone, [1.0]);
}

#[test]
fn late_models_are_dropped() {
    let setup = Setup::dpsgd(2, spec(3, Mixing::MetropolisHastings))
        .with(|it| it.training.aggregation_timeout = crate::format::units::Span::secs(1));
    let mut network = Network::new(setup, &line(2));
    network.fate = Box::new(|_, from, _, message| {
        let slow = matches!(message, Message::Weights(it) if it.round == 0 && from == 0);
        vec![if slow { Duration::from_secs(30) } else { LATENCY }]
    });
    network.learn();
    assert!(network.finish(60));
    network.run(Duration::from_secs(60));
    assert!(network.failed().is_empty());
}

#[test]
fn a_neighbour_that_is_gone_is_not_waited_for() {
    let mut network = network(4, 5, &ring(4));
    network.learn();
    network.run(Duration::from_millis(700));
    network.crash(2);
    let from = network.now;
    assert!(network.finish(60), "{:?}", network.finished());
    assert!(network.now.since(from) < Duration::from_secs(10), "it did not take a timeout");
}

#[test]
fn a_restarted_node_goes_on_where_the_others_are() {
    let mut network = network(4, 10, &ring(4));
    network.learn();
    network.run(Duration::from_millis(1200));
    network.crash(2);
    network.run(Duration::from_millis(1000));
    network.restart(2);
    let back = network.now;
    assert!(network.finish(60), "{:?}", network.finished());
    let rounds: BTreeSet<u32> = network
        .records
        .iter()
        .filter(|it| it.0 > back && it.1 == 2)
        .filter_map(|it| match it.2 {
            Record::RoundFinished { round, .. } => Some(round),
            _ => None,
        })
        .collect();
    assert!(rounds.first().is_some_and(|&first| first > 2) && rounds.contains(&9), "{rounds:?}");
}

#[test]
fn who_comes_back_when_all_is_over_gets_a_model_and_is_done() {
    let mut network = network(4, 2, &ring(4));
    network.learn();
    network.run(Duration::from_millis(700));
    network.crash(2);
    network.run(Duration::from_secs(20));
    network.restart(2);
    assert!(network.finish(10), "{:?}", network.finished());
    assert_eq!(network.finished().len(), 4);
}

#[test]
fn a_neighbour_that_has_gone_on_is_not_waited_for() {
    let mut network = network(2, 4, &line(2));
    // Node 0 never hears round 0 of node 1, which goes on because it hears node 0.
    network.fate = Box::new(|_, from, _, message| {
        let lost = matches!(message, Message::Weights(it) if it.round == 0 && from == 1);
        if lost { Vec::new() } else { vec![LATENCY] }
    });
    network.learn();
    let from = network.now;
    assert!(network.finish(600));
    assert!(network.now.since(from) < Duration::from_secs(60), "{:?}", network.now.since(from));
}
