//! Nodes that come late, come back or get lost, and what becomes of the others.

use super::network::{LATENCY, Network};
use super::rules::Setup;
use super::shapes::{full, line, ring};
use crate::node::io::Record;
use crate::node::spec::Variant::{self, Faithful, Repaired};
use crate::node::spec::Workflow;
use crate::wire::{Command, GossipBody, Message, PeerId};
use std::time::Duration;

fn setup(nodes: u32, variant: Variant, rounds: u32) -> Setup {
    let mut setup = Setup::p2pfl(nodes, variant).with(|it| it.gossip.ttl = 20);
    if let Workflow::P2pfl(it) = &mut setup.workflow {
        it.rounds = rounds;
    }
    setup
}

/// A network in which a node crashes and comes back while the others learn.
fn restarted(variant: Variant, rounds: u32, back_after: u64) -> Network {
    let mut network = Network::new(setup(8, variant, rounds), &ring(8));
    network.learn();
    network.run(Duration::from_secs(6));
    network.crash(5);
    network.run(Duration::from_secs(back_after));
    network.restart(5);
    network
}

#[test]
fn a_restarted_node_takes_part_again_in_repaired_and_idles_in_p2pfl() {
    let mut repaired = restarted(Repaired, 6, 3);
    assert!(repaired.finish(300), "{:?}", repaired.finished());
    let mut faithful = restarted(Faithful, 6, 3);
    faithful.run(Duration::from_secs(900));
    assert!(!faithful.finished().contains(&5));
    let node = faithful.nodes[5].node.as_ref().expect("it is up");
    assert_eq!(node.stage(), None, "nobody tells it anything");
}

#[test]
fn a_restarted_node_votes_in_the_round_after_the_one_it_came_back_in() {
    let mut network = restarted(Repaired, 6, 3);
    let back = network.now;
    assert!(network.finish(300));
    let own = |it: &&(crate::time::Time, PeerId, Record)| it.0 > back && it.1 == 5;
    let first = network.records.iter().filter(own).find_map(|it| match &it.2 {
        Record::RoundStarted(round) => Some(*round),
        _ => None,
    });
    let votes: Vec<i32> = network
        .sent
        .iter()
        .filter(|it| it.from == 5 && it.at > back && it.command == Command::VoteTrainSet && it.round >= 0)
        .map(|it| it.round)
        .collect();
    assert!(first.is_some_and(|first| votes.contains(&(first as i32 + 1))), "{first:?} {votes:?}");
}

#[test]
fn who_comes_back_when_all_is_over_gets_the_model_and_is_done() {
    let mut network = restarted(Repaired, 1, 60);
    assert!(network.finish(10), "{:?}", network.finished());
    assert_eq!(network.finished().len(), 8);
}

#[test]
fn repaired_heals_a_start_that_did_not_reach_a_node() {
    for variant in [Faithful, Repaired] {
        let mut network = Network::new(setup(6, variant, 2), &line(6));
        network.fate = Box::new(|_, _, to, message| {
            let start = |message: &Message| match message {
                Message::Gossip(it) => {
                    matches!(it[0].body, GossipBody::StartLearning(_)) && it[0].source == 0
                }
                _ => false,
            };
            // Whatever the initiator's announcement, it does not get to the last two.
            if to >= 4 && start(message) { Vec::new() } else { vec![LATENCY] }
        });
        network.learn();
        let done = network.finish(1000);
        assert_eq!(done, variant == Repaired, "{:?}", network.finished());
    }
}

#[test]
fn repaired_goes_on_without_an_initiator_that_crashes_before_its_model_got_anywhere() {
    for variant in [Faithful, Repaired] {
        let mut network = Network::new(setup(4, variant, 1), &full(4));
        network.learn();
        network.run(Duration::from_millis(100));
        network.crash(0);
        assert_eq!(network.finish(1500), variant == Repaired, "{:?}", network.finished());
    }
}

#[test]
fn repaired_does_not_wait_for_a_member_of_the_train_set_that_crashed() {
    let mut network = Network::new(setup(6, Repaired, 2), &full(6));
    network.fit = Duration::from_secs(3);
    network.learn();
    let end = network.now + Duration::from_secs(60);
    let training = |it: &Network| {
        it.nodes[3].node.as_ref().is_some_and(|it| it.stage() == Some(crate::node::Stage::Train))
    };
    if network.run_until(end, training) {
        network.crash(3);
    }
    let from = network.now;
    assert!(network.finish(600), "{:?}", network.finished());
    assert!(network.now.since(from) < Duration::from_secs(120), "it took {:?}", network.now.since(from));
}

#[test]
fn repaired_connects_again_when_a_partition_heals() {
    for (variant, whole) in [(Faithful, false), (Repaired, true)] {
        let mut network = Network::new(setup(8, variant, 2), &ring(8));
        network.run(Duration::from_secs(8));
        let cut = |from: PeerId, to: PeerId| (from < 4) != (to < 4);
        network.fate = Box::new(move |_, from, to, _| if cut(from, to) { Vec::new() } else { vec![LATENCY] });
        network.run(Duration::from_secs(15));
        network.fate = Box::new(|_, _, _, _| vec![LATENCY]);
        network.run(Duration::from_secs(30));
        let direct: Vec<usize> = network
            .nodes
            .iter()
            .map(|it| it.node.as_ref().unwrap().links.neighbours.direct().len())
            .collect();
        assert_eq!(direct.iter().all(|&it| it == 2), whole, "{variant:?} {direct:?}");
    }
}

#[test]
fn a_partition_while_learning_does_not_stop_repaired() {
    let mut network = Network::new(setup(8, Repaired, 4), &ring(8));
    network.learn();
    network.run(Duration::from_secs(6));
    let cut = |from: PeerId, to: PeerId| (from < 4) != (to < 4);
    network.fate = Box::new(move |_, from, to, _| if cut(from, to) { Vec::new() } else { vec![LATENCY] });
    network.run(Duration::from_secs(10));
    network.fate = Box::new(|_, _, _, _| vec![LATENCY]);
    assert!(network.finish(2000), "{:?}", network.finished());
}
