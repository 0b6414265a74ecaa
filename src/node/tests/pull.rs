//! Who takes the initiative: models that are pushed, pulled, and both.

use super::bench::{Bench, offers, said, sends};
use super::network::Network;
use super::rules::Setup;
use super::shapes::{full, line, ring, star};
use crate::node::Stage;
use crate::node::io::{Expect, Output, RequestId, Timer};
use crate::node::spec::Dissemination::{self, Pull, Push, PushPull};
use crate::node::spec::{Variant, Workflow};
use crate::wire::{Announcement, Command, GossipBody, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;
use std::time::Duration;

const PEERS: [PeerId; 3] = [1, 2, 3];

fn setup(nodes: u32, way: Dissemination) -> Setup {
    let mut setup = Setup::p2pfl(nodes, Variant::Repaired).with(|it| it.gossip.ttl = 20);
    if let Workflow::P2pfl(it) = &mut setup.workflow {
        it.dissemination = way;
    }
    setup
}

fn learnt(nodes: u32, way: Dissemination, edges: &[(PeerId, PeerId)]) -> Network {
    let mut network = Network::new(setup(nodes, way), edges);
    network.stagger = Duration::from_millis(30);
    network.learn();
    assert!(network.finish(300), "{way:?}: {:?}", network.finished());
    network
}

#[test]
fn everyone_finishes_with_the_mean_of_the_train_set_whoever_takes_the_initiative() {
    for way in [Push, Pull, PushPull] {
        for edges in [full(8), star(8), ring(8), line(8)] {
            let network = learnt(8, way, &edges);
            for round in 0..2 {
                let sets = network.train_sets(round);
                assert_eq!(sets.len(), 1, "{way:?}");
                let rows = |peer: u32| f64::from(super::models::samples(peer));
                let value = |peer: u32| f64::from(network.trained[&(round, peer)].values()[1]);
                let total: f64 = sets[0].iter().map(|&peer| rows(peer)).sum();
                let mean = sets[0].iter().map(|&peer| rows(peer) * value(peer)).sum::<f64>() / total;
                let models = network.models(round);
                assert_eq!(models.len(), 8);
                assert!(models.values().all(|it| (f64::from(it.values()[1]) - mean).abs() < 1e-4), "{way:?}");
            }
        }
    }
}

#[test]
fn no_model_goes_to_a_node_twice() {
    for edges in [full(8), star(8), ring(8), line(8)] {
        let count = |way, command| learnt(8, way, &edges).count(command);
        for way in [Pull, PushPull] {
            assert_eq!(count(way, Command::InitModel), 7, "one for all but the initiator: {way:?}");
            // Who is not of the four that train gets the aggregate, in each of two rounds.
            let aggregates = count(way, Command::AddModel);
            assert!((8..=16).contains(&aggregates), "{aggregates} {way:?}");
            assert!(aggregates <= count(Push, Command::AddModel).max(8), "{aggregates} {way:?}");
            assert!(count(way, Command::PartialModel) <= 2 * 4 * 3, "each contribution to each member once");
        }
        assert_eq!(count(Pull, Command::PreSendModel), 0, "nobody offers anything");
        assert_eq!(count(Push, Command::GetModel), 0, "and there nobody asks");
        let (asked, models) = (count(Pull, Command::GetModel), [Command::InitModel, Command::AddModel]);
        assert!(asked >= models.into_iter().map(|it| count(Pull, it)).sum());
    }
}

#[test]
fn what_is_asked_for_does_not_wait_for_a_period() {
    // The middle of a star passes the aggregate on to two of its neighbours a second; those who ask get it at once.
    let took = |way| {
        let network = learnt(16, way, &star(16));
        network.now.since(network.zero)
    };
    let (push, pull, both) = (took(Push), took(Pull), took(PushPull));
    assert!(pull + Duration::from_secs(5) < push, "{pull:?} and {push:?}");
    assert!(both + Duration::from_secs(5) < push, "{both:?} and {push:?}");
}

#[test]
fn a_start_that_does_not_reach_far_is_passed_on_hop_by_hop() {
    for way in [Pull, PushPull] {
        let mut network = Network::new(setup(9, way).with(|it| it.gossip.ttl = 3), &line(9));
        network.learn();
        assert!(network.finish(900), "{way:?}: {:?}", network.finished());
    }
}

#[test]
fn a_restarted_node_asks_and_takes_part_again() {
    for way in [Pull, PushPull] {
        let mut setup = setup(8, way);
        if let Workflow::P2pfl(it) = &mut setup.workflow {
            it.rounds = 6;
        }
        let mut network = Network::new(setup, &ring(8));
        network.learn();
        network.run(Duration::from_secs(5));
        network.crash(5);
        network.run(Duration::from_secs(3));
        network.restart(5);
        assert!(network.finish(300), "{way:?}: {:?}", network.finished());
        assert_eq!(network.finished().len(), 8);
        // Another comes when all is over.
        network.crash(3);
        network.run(Duration::from_secs(20));
        network.restart(3);
        assert!(network.finish(10), "{way:?}: {:?}", network.finished());
        assert_eq!(network.finished().len(), 8);
    }
}

/// What is asked for: of whom, what, and the request.
fn asks(out: &[Output]) -> Vec<(PeerId, Announcement, RequestId)> {
    sends(out)
        .into_iter()
        .filter_map(|(to, message, expect)| match (message, expect) {
            (Message::GetModel(it), Expect::Response(request)) => Some((to, (**it).clone(), request)),
            _ => None,
        })
        .collect()
}

/// A node outside of the train set that waits for the aggregate.
fn waiting(way: Dissemination) -> Bench {
    let mut bench = Bench::new(setup(10, way), &PEERS);
    bench.reach_vote(&PEERS);
    bench.elect_others(0);
    assert_eq!(bench.node.stage(), Some(Stage::Wait));
    bench
}

#[test]
fn who_says_that_it_has_the_aggregate_is_asked_for_it_and_nobody_else_is() {
    let mut bench = waiting(Pull);
    let out = bench.gossip(2, 0, GossipBody::ModelsReady);
    let [(2, what, _)] = &asks(&out)[..] else { panic!("{out:?}") };
    assert_eq!((what.follows, what.round, &what.contributors[..]), (Command::AddModel, 0, &[][..]));
    assert!(asks(&bench.gossip(3, 0, GossipBody::ModelsReady)).is_empty(), "one is asked already");
    assert!(!bench.announce(1, Command::AddModel, 0, &[]), "and no other needs to send it");
    let out = bench.weights(2, Command::AddModel, 0, &[], &[5.0, 6.0]);
    assert!(said(&out).contains(&(Command::ModelsReady, 0)));
}

#[test]
fn who_does_not_have_it_after_all_is_not_asked_again_for_a_while_but_another_is() {
    for answer in
        [Response::Wanted(false), Response::Unreachable, Response::Timeout, Response::Error("?".into())]
    {
        let mut bench = waiting(Pull);
        let request = asks(&bench.gossip(2, 0, GossipBody::ModelsReady))[0].2;
        assert!(asks(&bench.respond(request, answer.clone())).is_empty(), "nobody else has it");
        let out = bench.gossip(3, 0, GossipBody::ModelsReady);
        assert_eq!(asks(&out)[0].0, 3);
        bench.respond(asks(&out)[0].2, answer);
        bench.pass(1_000);
        assert_eq!(asks(&bench.timer(Timer::Pull)).len(), 1, "one of the two, again");
    }
}

#[test]
fn what_was_promised_and_does_not_come_is_asked_for_again() {
    let mut bench = waiting(Pull);
    let request = asks(&bench.gossip(2, 0, GossipBody::ModelsReady))[0].2;
    bench.respond(request, Response::Wanted(true));
    bench.pass(59_000);
    assert!(asks(&bench.timer(Timer::Pull)).is_empty());
    // Who says again that it has it has not got it through.
    assert_eq!(asks(&bench.gossip(2, 0, GossipBody::ModelsReady)).len(), 1);
    bench.pass(60_000);
    assert_eq!(asks(&bench.timer(Timer::Pull)).len(), 1, "and in the end it is asked all the same");
}

#[test]
fn where_both_take_the_initiative_a_waiting_node_asks_unasked() {
    for (way, asked) in [(Pull, 0), (PushPull, 1)] {
        let mut bench = waiting(way);
        bench.pass(1_000);
        assert_eq!(asks(&bench.timer(Timer::Pull)).len(), asked, "{way:?}");
    }
}

#[test]
fn as_many_are_given_a_model_at_a_time_as_the_setting_says() {
    let mut bench = waiting(Pull);
    let what = |round| Announcement { follows: Command::AddModel, round, contributors: Arc::from([]) };
    let ask = |bench: &mut Bench, peer, round| bench.message(peer, Message::GetModel(Arc::new(what(round))));
    let promised = |out: &[Output]| super::bench::reply(out) == Some(Response::Wanted(true));
    assert!(!promised(&ask(&mut bench, 1, 0)), "it has none");
    bench.weights(2, Command::AddModel, 0, &[], &[5.0, 6.0]);
    assert!(!promised(&ask(&mut bench, 1, 1)), "nor one of a later round");
    let given = |out: &[Output]| -> Vec<(PeerId, RequestId)> {
        sends(out)
            .iter()
            .filter_map(|(to, message, expect)| match (message, expect) {
                (Message::Weights(it), Expect::Response(request)) if it.command == Command::AddModel => {
                    Some((*to, *request))
                }
                _ => None,
            })
            .collect()
    };
    let first = ask(&mut bench, 1, 0);
    assert!(promised(&first) && given(&first).len() == 1);
    assert!(given(&ask(&mut bench, 1, 0)).is_empty(), "it is on its way");
    assert_eq!(given(&ask(&mut bench, 2, 0)).len(), 1);
    let third = ask(&mut bench, 3, 0);
    assert!(promised(&third) && given(&third).is_empty(), "two are under way");
    assert_eq!(given(&bench.respond(given(&first)[0].1, Response::Empty))[0].0, 3, "now it is its turn");
}

#[test]
fn a_contribution_that_nobody_asks_for_is_announced_again_and_not_sent() {
    let mut bench = Bench::new(setup(10, Pull), &PEERS);
    bench.reach_vote(&PEERS);
    let out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
    let out = bench.work(out);
    assert!(said(&out).contains(&(Command::ModelsAggregated, 0)) && offers(&out).is_empty());
    bench.pass(1_000);
    let again = bench.timer(Timer::Models);
    assert_eq!(said(&again), [(Command::ModelsAggregated, 0); 3], "to each that lacks it");
    // Two ask for it together with what is not here: they get what is.
    let what = Announcement { follows: Command::PartialModel, round: 0, contributors: Arc::from([0, 3]) };
    let out = bench.message(1, Message::GetModel(Arc::new(what)));
    let models = sends(&out);
    assert!(matches!(models[..], [(1, Message::Weights(it), _)] if it.contributors[..] == [0]), "{models:?}");
    // What the others have, the node asks for: of each what it says it has.
    let out = bench.gossip(2, 0, GossipBody::ModelsAggregated(Arc::from([2, 3])));
    assert_eq!(asks(&out)[0].1.contributors[..], [2, 3]);
    assert!(asks(&bench.gossip(3, 0, GossipBody::ModelsAggregated(Arc::from([3])))).is_empty());
}

#[test]
fn a_node_without_a_model_asks_a_neighbour_that_has_one() {
    let mut bench = Bench::new(setup(10, Pull), &PEERS);
    let start = super::rules::experiment(&bench.rules);
    assert!(asks(&bench.gossip(7, NO_ROUND, GossipBody::StartLearning(start))).is_empty());
    assert!(asks(&bench.gossip(7, NO_ROUND, GossipBody::ModelInitialized)).is_empty(), "it is no neighbour");
    let out = bench.gossip(2, NO_ROUND, GossipBody::ModelInitialized);
    assert_eq!((asks(&out)[0].0, asks(&out)[0].1.follows), (2, Command::InitModel));
}
