//! A round, stage by stage: vote, training, swapping, waiting, diffusion, the end.

use super::bench::{Bench, floods, job, offers, said, sends};
use super::network::Network;
use super::rules::{Setup, experiment};
use super::shapes::full;
use crate::node::Stage;
use crate::node::io::{Control, Job, Output, Record, Timer};
use crate::node::spec::Variant::{self, Faithful, Repaired};
use crate::wire::{Command, GossipBody, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;
use std::time::Duration;

const PEERS: [PeerId; 3] = [1, 2, 3];

fn voting(variant: Variant) -> Bench {
    let mut bench = Bench::new(Setup::p2pfl(10, variant), &PEERS);
    bench.reach_vote(&PEERS);
    bench
}

fn ballot(out: &[Output]) -> Vec<(PeerId, u32)> {
    let votes = |body: &GossipBody| match body {
        GossipBody::Vote(votes) => Some(votes.to_vec()),
        _ => None,
    };
    floods(out).iter().flat_map(|it| &it.1).find_map(|it| votes(&it.body)).expect("it votes")
}

fn train_set(bench: &Bench) -> Vec<PeerId> {
    match &bench.node.workflow {
        crate::node::State::P2pfl(it) => it.train_set.to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn a_ballot_names_different_candidates_and_weighs_the_later_ones_less() {
    for seed in 0..50 {
        let mut setup = Setup::p2pfl(10, Faithful);
        setup.seed = seed;
        let votes = ballot(&Bench::new(setup, &[1, 2, 3, 4, 5]).reach_vote(&[1, 2, 3, 4, 5]));
        assert_eq!(votes.len(), 4, "as many as the train set has members");
        for (place, (candidate, weight)) in votes.iter().enumerate() {
            assert!(*candidate <= 5 && *weight <= 1000 / (place as u32 + 1));
            assert!(votes[place + 1..].iter().all(|(other, _)| other != candidate));
        }
    }
    let few = ballot(&Bench::new(Setup::p2pfl(10, Faithful), &[1]).reach_vote(&[1]));
    assert_eq!(few.len(), 2, "or everyone, if there are fewer");
}

#[test]
fn the_vote_ends_when_everyone_known_has_voted() {
    for variant in [Faithful, Repaired] {
        let mut bench = voting(variant);
        bench.elect(0, &[1, 2], &PEERS);
        assert_eq!(bench.node.stage(), Some(Stage::Vote));
        bench.elect(0, &[3], &PEERS);
        assert_ne!(bench.node.stage(), Some(Stage::Vote));
    }
}

#[test]
fn votes_of_strangers_do_not_count() {
    for variant in [Faithful, Repaired] {
        let mut bench = voting(variant);
        bench.elect(0, &[7, 8, 9], &[7, 8, 9]);
        assert_eq!(bench.node.stage(), Some(Stage::Vote), "nor do they stand in for others");
        bench.elect(0, &PEERS, &[0, 1, 2, 3]);
        assert_eq!(train_set(&bench), [0, 1, 2, 3]);
    }
}

#[test]
fn in_repaired_nobody_is_elected_who_has_not_voted_however_many_have_only_beaten() {
    for variant in [Faithful, Repaired] {
        let mut bench = Bench::new(Setup::p2pfl(10, variant), &PEERS);
        let beating: Vec<PeerId> = (100..200).collect();
        for &peer in &beating {
            let now = bench.now;
            bench.gossip(peer, NO_ROUND, GossipBody::Beat(now));
        }
        bench.reach_vote(&PEERS);
        bench.elect(0, &PEERS, &beating);
        bench.pass(60_000);
        bench.timer(Timer::Stage);
        let elected = train_set(&bench);
        match variant {
            Repaired => assert_eq!(elected, [0, 1, 2, 3]),
            _ => assert!(elected.iter().all(|it| beating.contains(it)), "P2PFL waits for them: {elected:?}"),
        }
    }
}

#[test]
fn draws_go_to_the_later_name() {
    let mut bench = voting(Faithful);
    // They are met after the node's own ballot, so that it names none of them.
    for peer in 4..9 {
        let now = bench.now;
        bench.gossip(peer, NO_ROUND, GossipBody::Beat(now));
    }
    let same: Arc<[(PeerId, u32)]> = (4..9).map(|peer| (peer, 5000)).collect();
    for peer in 1..9 {
        bench.gossip(peer, 0, GossipBody::Vote(Arc::clone(&same)));
    }
    assert_eq!(train_set(&bench), [5, 6, 7, 8], "and the lowest name of five is left out");
}

#[test]
fn who_is_elected_but_no_longer_known_is_left_out_and_p2pfl_skips_who_comes_after() {
    for (variant, expected) in [(Faithful, vec![1, 9]), (Repaired, vec![1])] {
        let mut bench = voting(variant);
        bench.elect(0, &PEERS, &[1, 8, 9, 7]);
        // P2PFL removes 8 and so skips 9; 7 is looked at and removed.
        assert_eq!(train_set(&bench), expected);
    }
}

#[test]
fn the_vote_ends_with_what_there_is_when_its_time_is_up() {
    let mut bench = voting(Faithful);
    bench.elect(0, &[1], &[1, 2, 3, 9]);
    bench.pass(60_000);
    bench.timer(Timer::Stage);
    assert_ne!(bench.node.stage(), Some(Stage::Vote));
    assert!(train_set(&bench).contains(&1));
}

#[test]
fn trap_an_early_vote_for_the_next_round_stands_in_for_this_one() {
    let mut faithful = voting(Faithful);
    faithful.elect_others(1);
    assert_ne!(faithful.node.stage(), Some(Stage::Vote), "P2PFL keeps one list for both rounds");
    let mut repaired = voting(Repaired);
    repaired.elect_others(1);
    assert_eq!(repaired.node.stage(), Some(Stage::Vote));
    repaired.elect_others(2);
    repaired.elect_others(i32::MIN);
    repaired.elect_others(0);
    assert_eq!(repaired.node.stage(), Some(Stage::Wait));
    // The aggregate comes, everyone is ready: the votes for round 1 are there already.
    PEERS.iter().for_each(|&peer| drop(repaired.gossip(peer, 0, GossipBody::ModelsReady)));
    let out = repaired.weights(1, Command::AddModel, 0, &[], &[1.0, 1.0]);
    assert!(said(&out).contains(&(Command::VoteTrainSet, 1)));
    assert_eq!(repaired.node.stage(), Some(Stage::Wait), "of round 1");
}

#[test]
fn trap_a_neighbour_that_joins_and_does_not_vote_costs_every_vote_its_timeout() {
    for (variant, waits) in [(Faithful, true), (Repaired, false)] {
        let mut bench = voting(variant);
        bench.pass(10);
        bench.message(5, Message::Handshake);
        bench.elect_others(0);
        assert_eq!(bench.node.stage() == Some(Stage::Vote), waits);
    }
}

#[test]
fn a_member_evaluates_trains_and_says_what_it_holds() {
    let mut bench = voting(Faithful);
    let out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
    assert!(matches!(job(&out), Some((_, Job::Evaluate(_)))));
    let out = bench.work(out);
    assert_eq!(said(&out)[..2], [(Command::Metrics, 0), (Command::ModelsAggregated, 0)]);
    assert_eq!(bench.node.stage(), Some(Stage::Aggregate));
}

/// Trained, in a train set of all four.
fn swapping(variant: Variant) -> (Bench, Vec<Output>) {
    let mut bench = voting(variant);
    let out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
    let out = bench.work(out);
    (bench, out)
}

#[test]
fn a_peer_is_sent_the_average_of_what_it_lacks() {
    for variant in [Faithful, Repaired] {
        let (mut bench, out) = swapping(variant);
        let (first, announcement, request) = offers(&out).remove(0);
        assert_eq!((announcement.follows, &announcement.contributors[..]), (Command::PartialModel, &[0][..]));
        bench.respond(request, Response::Wanted(false));
        // It comes to hold what 1 and 2 have made; 1 says that it has those, 2 its own.
        bench.weights(1, Command::PartialModel, 0, &[1], &[4.0, 4.0]);
        bench.weights(2, Command::PartialModel, 0, &[2], &[7.0, 7.0]);
        bench.gossip(1, 0, GossipBody::ModelsAggregated(Arc::from([1, 2])));
        bench.gossip(2, 0, GossipBody::ModelsAggregated(Arc::from([2])));
        bench.gossip(3, 0, GossipBody::ModelsAggregated(Arc::from([3])));
        let mut offered = vec![];
        let mut out = vec![];
        for _ in 0..10 {
            bench.pass(1000);
            out.extend(bench.timer(Timer::Models));
            loop {
                let next = bench.work(std::mem::take(&mut out));
                let Some((to, it, request)) = offers(&next).pop() else { break };
                offered.push((to, it.contributors.to_vec()));
                out = bench.respond(request, Response::Wanted(false));
            }
        }
        offered.sort();
        offered.dedup();
        let lacking = [(1, vec![0]), (2, vec![0, 1]), (3, vec![0, 1, 2])];
        assert!(offered.iter().all(|it| lacking.contains(it)), "{first} first: {offered:?}");
        assert!(offered.len() == 3, "{offered:?}");
    }
}

#[test]
fn a_model_is_sent_only_on_yes_and_one_after_another() {
    for answer in [Response::Wanted(false), Response::Timeout, Response::Unreachable, Response::Empty] {
        let (mut bench, out) = swapping(Faithful);
        assert_eq!(offers(&out).len(), 1, "one at a time");
        let out = bench.respond(offers(&out)[0].2, answer);
        assert!(!sends(&out).iter().any(|it| matches!(it.1, Message::Weights(_))));
        assert_eq!(offers(&out).len(), 1, "the next");
    }
    let (mut bench, out) = swapping(Faithful);
    let out = bench.respond(offers(&out)[0].2, Response::Wanted(true));
    let (to, message, expect) = sends(&out)[0];
    assert!(
        matches!(message, Message::Weights(it) if it.command == Command::PartialModel && it.samples == 10)
    );
    assert!(PEERS.contains(&to) && offers(&out).is_empty());
    assert_eq!(offers(&bench.respond(expect.request().unwrap(), Response::Timeout)).len(), 1);
}

#[test]
fn when_all_contributions_are_everywhere_the_node_averages_and_says_it_is_ready() {
    for variant in [Faithful, Repaired] {
        let (mut bench, _) = swapping(variant);
        bench.weights(1, Command::PartialModel, 0, &[1, 2, 3], &[4.0, 4.0]);
        for peer in PEERS {
            bench.gossip(peer, 0, GossipBody::ModelsAggregated(Arc::from([0, 1, 2, 3])));
        }
        bench.pass(1000);
        let out = bench.timer(Timer::Models);
        let Some((_, Job::Aggregate(it))) = job(&out) else { panic!("it averages: {out:?}") };
        assert_eq!(it.parts.iter().map(|it| it.weight).collect::<Vec<_>>(), [10.0, 36.0], "by rows");
        assert!(said(&bench.work(out)).contains(&(Command::ModelsReady, 0)));
        assert_eq!(bench.node.stage(), Some(Stage::Diffuse));
    }
}

#[test]
fn swapping_ends_after_unchanged_iterations_and_then_waits_for_what_is_missing() {
    for (variant, iterations, seconds) in [(Faithful, 12, 300), (Repaired, 11, 30)] {
        let setup = Setup::p2pfl(10, variant)
            .with(|it| it.training.aggregation_timeout = crate::format::units::Span::secs(30));
        let mut bench = Bench::new(setup, &PEERS);
        bench.reach_vote(&PEERS);
        let out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
        let mut out = bench.work(out);
        let mut count = 1;
        let end = loop {
            while let Some((.., request)) = offers(&out).pop() {
                out = bench.respond(request, Response::Wanted(false));
            }
            let set = |it: &Output| match it {
                Output::SetTimer { timer: Timer::Stage, at, .. } => Some(*at),
                _ => None,
            };
            if let Some(end) = out.iter().find_map(set) {
                break end;
            }
            bench.pass(1000);
            count += 1;
            out = bench.timer(Timer::Models);
        };
        assert_eq!(count, iterations);
        assert_eq!(end.since(bench.now), Duration::from_secs(seconds), "P2PFL always waits its default");
        bench.now = end;
        let out = bench.timer(Timer::Stage);
        assert!(said(&bench.work(out)).contains(&(Command::ModelsReady, 0)), "it goes on with what it has");
    }
}

#[test]
fn a_node_outside_the_train_set_goes_on_with_its_own_model_when_none_comes() {
    for variant in [Faithful, Repaired] {
        let mut bench = voting(variant);
        bench.elect_others(0);
        bench.pass(300_000);
        assert_eq!(said(&bench.timer(Timer::Stage)), [(Command::ModelsReady, 0)]);
    }
}

#[test]
fn trap_a_neighbour_that_never_said_it_was_initialised_stops_the_node_at_diffusion() {
    for (variant, stops) in [(Faithful, true), (Repaired, false)] {
        let mut bench = Bench::new(Setup::p2pfl(10, variant), &PEERS);
        bench.reach_vote(&[1, 2]);
        // 3 never takes the first model either: spreading it ends after unchanged iterations.
        for _ in 0..14 {
            bench.pass(1000);
            let mut out = bench.timer(Timer::Models);
            while let Some((.., request)) = offers(&out).pop() {
                out = bench.respond(request, Response::Wanted(false));
            }
        }
        bench.elect_others(0);
        assert_eq!(bench.node.stage(), Some(Stage::Wait), "{variant:?}");
        let out = bench.weights(1, Command::AddModel, 0, &[], &[1.0, 1.0]);
        assert_eq!(super::bench::failure(&out).is_some(), stops);
        if !stops {
            let welcomed =
                offers(&out).iter().any(|(to, it, _)| *to == 3 && it.follows == Command::InitModel);
            assert!(welcomed, "it is given the model instead");
        }
    }
}

#[test]
fn what_a_node_learnt_alone_is_not_passed_on_as_the_aggregate() {
    let mut bench = voting(Repaired);
    let out: Vec<Output> = PEERS.iter().flat_map(|&peer| bench.message(peer, Message::Disconnect)).collect();
    assert_eq!(train_set(&bench), [0]);
    // The network comes into sight again while it trains.
    bench.message(1, Message::Handshake);
    bench.gossip(1, NO_ROUND, GossipBody::ModelInitialized);
    let all = bench.work(out);
    assert!(said(&all).contains(&(Command::ModelsReady, 0)));
    assert!(!offers(&all).iter().any(|(_, it, _)| it.follows == Command::AddModel));
}

#[test]
fn the_last_metrics_carry_the_number_of_rounds() {
    for variant in [Faithful, Repaired] {
        let mut network = Network::new(Setup::p2pfl(4, variant), &full(4));
        network.learn();
        assert!(network.finish(60));
        let last = network.sent.iter().filter(|it| it.command == Command::Metrics).map(|it| it.round).max();
        assert_eq!(last, Some(2));
    }
}

#[test]
fn stop_learning_ends_every_stage_at_once_and_for_good() {
    for variant in [Faithful, Repaired] {
        for stage in Stage::ALL {
            let mut bench = Bench::new(Setup::p2pfl(10, variant), &PEERS);
            let mut out = if stage == Stage::Start {
                let experiment = experiment(&bench.rules);
                bench.gossip(1, NO_ROUND, GossipBody::StartLearning(experiment))
            } else {
                bench.reach_vote(&PEERS)
            };
            match stage {
                Stage::Start | Stage::Vote => {}
                Stage::Train => out = bench.elect(0, &PEERS, &[0, 1, 2, 3]),
                Stage::Aggregate => {
                    out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
                    out = bench.work(out);
                }
                Stage::Wait => out = bench.elect_others(0),
                Stage::Diffuse => {
                    bench.elect_others(0);
                    out = bench.weights(1, Command::AddModel, 0, &[], &[1.0, 1.0]);
                }
            }
            assert_eq!(bench.node.stage(), Some(stage));
            let stopped = bench.gossip(2, NO_ROUND, GossipBody::StopLearning);
            assert!(stopped.iter().any(|it| matches!(it, Output::Record(Record::Stopped))));
            // Whatever was under way comes to nothing.
            let rest = bench.work(out);
            let late = rest.iter().filter(|it| matches!(it, Output::Record(Record::RoundFinished { .. })));
            assert_eq!(late.count(), 0);
            for timer in [Timer::Poll, Timer::Models, Timer::Stage] {
                assert!(bench.timer(timer).is_empty(), "{stage:?} {timer:?}");
            }
            assert_eq!(bench.node.stage(), None);
        }
    }
}

#[test]
fn who_is_told_to_stop_tells_everyone() {
    let mut network = Network::new(Setup::p2pfl(8, Repaired), &super::shapes::ring(8));
    network.learn();
    network.run(Duration::from_secs(5));
    network.tell(3, Control::StopLearning);
    network.run(Duration::from_secs(2));
    assert!(network.nodes.iter().all(|it| it.node.as_ref().unwrap().stage().is_none()));
    let stopped = network.records.iter().filter(|it| matches!(it.2, Record::Stopped)).count();
    assert_eq!(stopped, 8);
    assert!(network.failed().is_empty());
}
