//! What a node makes of each command, and P2PFL's traps beside their mends.

use super::bench::{Bench, failure, floods, job, reply, said};
use super::rules::experiment;
use super::stages::{PEERS, awaiting, bench, swapping, voting, waiting};
use crate::node::io::{Control, Input, Job, Output, Record, Timer, Uninvited};
use crate::node::spec::Variant::{self, Faithful, Repaired};
use crate::node::{Stage, Starter};
use crate::wire::{Command, GossipBody, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;

/// The model that the node trains from, once it is in the train set.
fn trains_from(bench: &mut Bench) -> Vec<f32> {
    bench.pass(1000);
    bench.timer(Timer::Stage);
    bench.pass(1000);
    bench.timer(Timer::Stage);
    let mut out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
    match job(&out) {
        Some((_, Job::Evaluate(model))) => model.values().to_vec(),
        _ => panic!("it evaluates first: {:?}", std::mem::take(&mut out)),
    }
}

fn held(out: &[Output]) -> Vec<Vec<PeerId>> {
    let held = |body: &GossipBody| match body {
        GossipBody::ModelsAggregated(held) => Some(held.to_vec()),
        _ => None,
    };
    floods(out).iter().flat_map(|(_, it)| it).filter_map(|it| held(&it.body)).collect()
}

#[test]
fn start_learning_starts_once_and_waits_for_a_model() {
    for variant in [Faithful, Repaired] {
        let mut bench = awaiting(variant);
        let experiment = experiment(&bench.rules);
        let again = bench.gossip(2, NO_ROUND, GossipBody::StartLearning(experiment));
        assert!(!again.iter().any(|it| matches!(it, Output::Record(Record::Started))));
    }
}

#[test]
fn the_initiator_announces_learning_and_says_twice_that_it_has_a_model() {
    let mut bench = bench(Faithful);
    let experiment = experiment(&bench.rules);
    let out = bench.input(Input::Control(Control::StartLearning(experiment)));
    let initialised = (Command::ModelInitialized, NO_ROUND);
    assert_eq!(said(&out), [(Command::StartLearning, NO_ROUND), initialised, initialised]);
}

#[test]
fn init_model_is_taken_while_waiting_for_one() {
    for variant in [Faithful, Repaired] {
        let mut bench = awaiting(variant);
        assert!(bench.announce(1, Command::InitModel, 0, &[]));
        let out = bench.weights(1, Command::InitModel, 0, &[], &[5.0, 6.0]);
        assert_eq!(said(&out), [(Command::ModelInitialized, NO_ROUND)]);
        for peer in PEERS {
            bench.gossip(peer, NO_ROUND, GossipBody::ModelInitialized);
        }
        assert_eq!(trains_from(&mut bench), [5.0, 6.0]);
    }
}

#[test]
fn init_model_of_another_round_or_before_the_start_is_not_taken() {
    for variant in [Faithful, Repaired] {
        let mut idle = bench(variant);
        idle.weights(1, Command::InitModel, 0, &[], &[5.0, 6.0]);
        assert_eq!(idle.node.stage(), None);
        let mut bench = awaiting(variant);
        assert!(said(&bench.weights(1, Command::InitModel, 1, &[], &[5.0, 6.0])).is_empty());
        assert!(said(&bench.weights(1, Command::InitModel, -1, &[], &[5.0, 6.0])).is_empty());
    }
}

#[test]
fn trap_a_second_first_model_replaces_the_model_once() {
    for (variant, from) in [(Faithful, vec![7.0, 7.0]), (Repaired, vec![5.0, 6.0])] {
        let mut bench = awaiting(variant);
        bench.weights(1, Command::InitModel, 0, &[], &[5.0, 6.0]);
        bench.weights(2, Command::InitModel, 0, &[], &[7.0, 7.0]);
        bench.weights(3, Command::InitModel, 0, &[], &[8.0, 8.0]);
        for peer in PEERS {
            bench.gossip(peer, NO_ROUND, GossipBody::ModelInitialized);
        }
        assert_eq!(trains_from(&mut bench), from);
    }
}

#[test]
fn models_aggregated_of_another_round_is_dropped_by_p2pfl_and_kept_for_the_next_by_repaired() {
    for (variant, kept) in [(Faithful, 0), (Repaired, 1)] {
        let mut bench = voting(variant);
        bench.gossip(1, 0, GossipBody::ModelsAggregated(Arc::from([1])));
        bench.gossip(1, 0, GossipBody::ModelsAggregated(Arc::from([2, 1])));
        bench.gossip(1, 1, GossipBody::ModelsAggregated(Arc::from([3])));
        bench.gossip(1, 2, GossipBody::ModelsAggregated(Arc::from([3])));
        bench.gossip(1, -5, GossipBody::ModelsAggregated(Arc::from([3])));
        let state = p2pfl(&bench);
        assert_eq!(state.held_by.get(1), Some(&vec![1, 2]), "what was said twice is united");
        assert_eq!(state.next_held_by.len(), kept);
    }
}

fn p2pfl(bench: &Bench) -> &crate::node::p2pfl::P2pfl {
    match &bench.node.workflow {
        crate::node::State::P2pfl(it) => it,
        _ => unreachable!("the bench runs P2PFL's workflow"),
    }
}

/// Whether a neighbour that said it is ready in a round is still offered the aggregate of round 0.
fn offered_after_ready(variant: Variant, round: i32) -> bool {
    let mut bench = waiting(variant);
    for peer in [2, 3] {
        bench.gossip(peer, 0, GossipBody::ModelsReady);
    }
    bench.gossip(1, round, GossipBody::ModelsReady);
    let out = bench.weights(2, Command::AddModel, 0, &[], &[1.0, 2.0]);
    super::bench::offers(&out).iter().any(|(to, ..)| *to == 1)
}

#[test]
fn models_ready_is_noted_for_its_own_round() {
    for variant in [Faithful, Repaired] {
        assert!(!offered_after_ready(variant, 0));
        assert!(offered_after_ready(variant, -2));
    }
}

#[test]
fn trap_models_ready_of_the_round_before_counts_for_this_one_in_p2pfl() {
    assert!(!offered_after_ready(Faithful, -1), "P2PFL notes its own round, not the peer's");
    assert!(offered_after_ready(Repaired, -1));
}

#[test]
fn trap_models_ready_of_a_later_round_is_dropped_by_p2pfl() {
    assert!(offered_after_ready(Faithful, 1));
    assert!(!offered_after_ready(Repaired, 1));
}

#[test]
fn metrics_are_passed_on_and_change_nothing() {
    let mut bench = voting(Faithful);
    let out = bench.gossip(1, 0, GossipBody::Metrics(Arc::from([("test_loss", f64::NAN)])));
    assert_eq!(reply(&out), Some(Response::Empty));
    assert_eq!(bench.node.stage(), Some(Stage::Vote));
}

#[test]
fn partial_model_of_this_round_is_merged_and_announced() {
    for variant in [Faithful, Repaired] {
        let mut bench = swapping(variant);
        assert!(bench.announce(1, Command::PartialModel, 0, &[1, 2]));
        let out = bench.weights(1, Command::PartialModel, 0, &[1, 2], &[2.0, 2.0]);
        assert_eq!(held(&out), [[0, 1, 2]]);
    }
}

#[test]
fn partial_model_of_another_round_is_dropped() {
    for variant in [Faithful, Repaired] {
        let mut bench = swapping(variant);
        for round in [-1, 1, 7] {
            let out = bench.weights(1, Command::PartialModel, round, &[1], &[2.0, 2.0]);
            assert!(held(&out).is_empty() && failure(&out).is_none());
        }
    }
}

#[test]
fn contributions_that_overlap_or_come_from_outside_the_train_set_are_not_merged() {
    for variant in [Faithful, Repaired] {
        let mut bench = swapping(variant);
        bench.weights(1, Command::PartialModel, 0, &[1, 2], &[2.0, 2.0]);
        for contributors in [&[2, 3][..], &[3, 9]] {
            // Announced, so that P2PFL survives it; `repaired` says no to those that overlap.
            bench.announce(1, Command::PartialModel, 0, contributors);
            let out = bench.weights(1, Command::PartialModel, 0, contributors, &[2.0, 2.0]);
            assert!(held(&out).is_empty(), "{contributors:?}");
            assert_eq!(failure(&out), None);
        }
    }
}

#[test]
fn trap_an_unannounced_contribution_that_is_not_wanted_stops_the_receiver() {
    for (variant, stops) in [(Faithful, true), (Repaired, false)] {
        let mut bench = swapping(variant);
        bench.weights(1, Command::PartialModel, 0, &[1], &[2.0, 2.0]);
        let out = bench.weights(2, Command::PartialModel, 0, &[1], &[2.0, 2.0]);
        assert_eq!(failure(&out).is_some(), stops);
        if stops {
            let goodbyes = super::bench::sends(&out);
            assert_eq!(goodbyes.iter().filter(|it| matches!(it.1, Message::Disconnect)).count(), 3);
        }
    }
}

#[test]
fn trap_a_contribution_without_contributors_stops_the_receiver() {
    for (variant, stops) in [(Faithful, true), (Repaired, false)] {
        let mut bench = swapping(variant);
        let out = bench.weights(1, Command::PartialModel, 0, &[], &[2.0, 2.0]);
        assert_eq!(failure(&out).is_some(), stops);
    }
}

#[test]
fn repaired_merges_nobody_twice_from_one_contribution() {
    let mut bench = swapping(Repaired);
    assert!(held(&bench.weights(1, Command::PartialModel, 0, &[1, 1], &[2.0, 2.0])).is_empty());
}

#[test]
fn trap_a_model_of_another_shape_stops_the_receiver() {
    for command in [Command::InitModel, Command::PartialModel, Command::AddModel] {
        for (variant, stops) in [(Faithful, true), (Repaired, false)] {
            let mut bench = swapping(variant);
            let out = bench.weights(1, command, 0, &[1], &[1.0, 2.0, 3.0]);
            // A full model that is not expected is not even looked at.
            let stops = stops && command != Command::AddModel;
            assert_eq!(failure(&out).is_some(), stops, "{command} {variant:?}");
        }
    }
    let mut bench = awaiting(Faithful);
    assert!(failure(&bench.weights(1, Command::InitModel, 0, &[], &[1.0])).is_some());
    let mut bench = waiting(Faithful);
    assert!(failure(&bench.weights(1, Command::AddModel, 0, &[], &[1.0])).is_some());
}

#[test]
fn trap_a_contribution_before_the_first_train_set_is_lost_and_not_heard_of_again() {
    let mut faithful = voting(Faithful);
    assert!(faithful.announce(1, Command::PartialModel, 0, &[1]));
    faithful.weights(1, Command::PartialModel, 0, &[1], &[2.0, 2.0]);
    let out = faithful.elect(0, &PEERS, &[0, 1, 2, 3]);
    assert_eq!(held(&faithful.work(out)), [[0]], "it was dropped");
    assert!(!faithful.announce(1, Command::PartialModel, 0, &[1]), "and is refused for a minute");
    faithful.pass(60_001);
    assert!(faithful.announce(1, Command::PartialModel, 0, &[1]));

    let mut repaired = voting(Repaired);
    assert!(repaired.announce(1, Command::PartialModel, 0, &[1]));
    repaired.weights(1, Command::PartialModel, 0, &[1], &[2.0, 2.0]);
    let out = repaired.elect(0, &PEERS, &[0, 1, 2, 3]);
    assert_eq!(held(&repaired.work(out)), [[0, 1]], "it was kept until the vote was over");
}

/// A node whose neighbour 3 is a peer outside.
fn with_a_guest(variant: Variant) -> Bench {
    let mut bench = bench(variant);
    bench.rules.own = 3;
    bench.reach_vote(&PEERS);
    bench
}

#[test]
fn a_peer_outside_sends_no_model_that_it_has_not_announced_and_no_aggregate_of_another_round() {
    for variant in [Faithful, Repaired] {
        let mut bench = with_a_guest(variant);
        bench.elect_others(0);
        assert_eq!(bench.node.stage(), Some(Stage::Wait));
        for round in [0, 1] {
            let out = bench.weights(3, Command::AddModel, round, &[], &[9.0, 9.0]);
            assert!(refused(&out, Uninvited::Model), "{variant:?}: it has announced nothing");
        }
        if bench.announce(3, Command::AddModel, 1, &[]) {
            let out = bench.weights(3, Command::AddModel, 1, &[], &[9.0, 9.0]);
            assert!(refused(&out, Uninvited::Model), "{variant:?}: it is not the round at hand");
        }
        assert_eq!(bench.node.stage(), Some(Stage::Wait));
        assert!(bench.announce(3, Command::AddModel, 0, &[]));
        let out = bench.weights(3, Command::AddModel, 0, &[], &[1.0, 1.0]);
        assert!(said(&out).contains(&(Command::ModelsReady, 0)), "{variant:?}");
    }
}

#[test]
fn a_peer_outside_does_not_start_what_the_run_starts_itself() {
    for (starter, starts) in [(Starter::Engine, false), (Starter::Outside, true)] {
        let mut bench = bench(Repaired);
        (bench.rules.own, bench.rules.starter) = (3, starter);
        let experiment = experiment(&bench.rules);
        let out = bench.gossip(3, NO_ROUND, GossipBody::StartLearning(experiment));
        assert_eq!((refused(&out, Uninvited::Start), bench.node.stage().is_some()), (!starts, starts));
    }
}

#[test]
fn a_peer_outside_names_no_more_than_may_train() {
    let mut bench = with_a_guest(Repaired);
    let many: Vec<PeerId> = (0..5).collect();
    let out = bench.elect(0, &[3], &many);
    assert!(refused(&out, Uninvited::Names), "four train");
    for (held, too_many) in [(&[0, 1][..], false), (&[1, 2, 3], false), (&[4], true)] {
        let out = bench.gossip(3, 0, GossipBody::ModelsAggregated(held.into()));
        assert_eq!(refused(&out, Uninvited::Names), too_many, "{held:?}");
    }
}

fn refused(out: &[Output], what: Uninvited) -> bool {
    out.iter().any(|it| matches!(it, Output::Record(Record::Uninvited(it)) if *it == what))
}

#[test]
fn add_model_is_taken_while_waiting_for_the_aggregate() {
    for variant in [Faithful, Repaired] {
        let mut bench = waiting(variant);
        assert!(bench.announce(1, Command::AddModel, 0, &[]));
        let out = bench.weights(1, Command::AddModel, 0, &[], &[3.0, 4.0]);
        assert_eq!(said(&out), [(Command::ModelsReady, 0)]);
        assert_eq!(bench.node.stage(), Some(Stage::Diffuse));
    }
}

#[test]
fn trap_an_aggregate_that_comes_before_the_wait_is_lost_and_refused_for_a_minute() {
    let mut faithful = voting(Faithful);
    assert!(faithful.announce(1, Command::AddModel, 0, &[]));
    assert!(said(&faithful.weights(1, Command::AddModel, 0, &[], &[3.0, 4.0])).is_empty());
    faithful.elect_others(0);
    assert_eq!(faithful.node.stage(), Some(Stage::Wait));
    assert!(!faithful.announce(2, Command::AddModel, 0, &[]));

    let mut repaired = voting(Repaired);
    assert!(repaired.announce(1, Command::AddModel, 0, &[]));
    assert_eq!(
        said(&repaired.weights(1, Command::AddModel, 0, &[], &[3.0, 4.0])),
        [(Command::ModelsReady, 0)]
    );
}

#[test]
fn repaired_takes_an_aggregate_of_a_later_round_and_goes_on_from_there() {
    for (variant, moves) in [(Faithful, false), (Repaired, true)] {
        let mut bench = waiting(variant);
        let out = bench.weights(1, Command::AddModel, 1, &[], &[3.0, 4.0]);
        assert_eq!(said(&out).contains(&(Command::ModelsReady, 1)), moves);
    }
    let mut bench = waiting(Repaired);
    let out = bench.weights(1, Command::AddModel, i32::MAX, &[], &[3.0, 4.0]);
    assert!(said(&out).is_empty(), "there is no such round");
}
