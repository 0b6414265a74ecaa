//! Announcements: which models a node wants.

use super::bench::{SELF, reply};
use super::stages::{awaiting, bench, swapping, voting};
use crate::node::spec::Variant::{Faithful, Repaired};
use crate::wire::{Command, GossipBody, Message, Response};
use std::sync::Arc;

#[test]
fn an_announcement_is_refused_while_any_part_of_it_is_expected() {
    let mut bench = swapping(Faithful);
    assert!(bench.announce(1, Command::PartialModel, 0, &[1, 2]));
    assert!(!bench.announce(3, Command::PartialModel, 0, &[2, 3]));
    assert!(bench.announce(3, Command::PartialModel, 0, &[3]), "a refused one leaves no trace");
    assert!(bench.announce(3, Command::PartialModel, 1, &[1]), "another round is another matter");
    assert!(bench.announce(3, Command::InitModel, 0, &[]), "and so is another command");
    bench.pass(60_000);
    assert!(!bench.announce(3, Command::PartialModel, 0, &[1]));
    bench.pass(1);
    assert!(bench.announce(3, Command::PartialModel, 0, &[1]));
}

#[test]
fn the_aggregate_is_refused_once_all_contributions_are_said_to_be_somewhere() {
    let mut bench = swapping(Faithful);
    bench.gossip(1, 0, GossipBody::ModelsAggregated(Arc::from([0, 1])));
    assert!(bench.announce(1, Command::AddModel, 0, &[]));
    bench.pass(61_000);
    bench.gossip(2, 0, GossipBody::ModelsAggregated(Arc::from([2, 3])));
    assert!(!bench.announce(1, Command::AddModel, 0, &[]));
    bench.gossip(3, 0, GossipBody::ModelsAggregated(Arc::from([9])));
    assert!(bench.announce(1, Command::AddModel, 0, &[]), "P2PFL asks for exactly the train set");
}

#[test]
fn repaired_takes_an_announcement_again_from_who_made_it_and_from_others_when_he_is_gone() {
    let mut bench = awaiting(Repaired);
    assert!(bench.announce(1, Command::InitModel, 0, &[]));
    assert!(!bench.announce(2, Command::InitModel, 0, &[]), "one is on its way");
    assert!(bench.announce(1, Command::InitModel, 0, &[]), "it was lost");
    bench.message(1, Message::Disconnect);
    assert!(bench.announce(2, Command::InitModel, 0, &[]), "it will not come");
}

#[test]
fn repaired_refuses_what_it_could_not_use() {
    let mut idle = bench(Repaired);
    let mut voting = voting(Repaired);
    for command in [Command::InitModel, Command::PartialModel, Command::AddModel] {
        assert!(!idle.announce(1, command, 0, &[1]), "{command}: it is not learning");
    }
    assert!(!voting.announce(1, Command::InitModel, 0, &[]), "it has a model");
    assert!(!voting.announce(1, Command::PartialModel, 1, &[1]), "not of this round");
    assert!(!voting.announce(1, Command::AddModel, -1, &[]), "an old one");
    assert!(!voting.announce(1, Command::Beat, 0, &[]), "no model");
    let mut swapping = swapping(Repaired);
    assert!(!swapping.announce(1, Command::PartialModel, 0, &[SELF, 1]), "it holds its own");
}

#[test]
fn without_learning_models_change_nothing() {
    for variant in [Faithful, Repaired] {
        for command in [Command::InitModel, Command::PartialModel, Command::AddModel] {
            let mut bench = bench(variant);
            let out = bench.weights(1, command, 0, &[1], &[1.0]);
            assert_eq!((reply(&out), out.len()), (Some(Response::Empty), 1));
        }
    }
}
