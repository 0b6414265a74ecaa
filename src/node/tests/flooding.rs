//! Flooding: how far a message goes, to whom, when, and that it is taken once.

use super::bench::{Bench, SELF, floods, reply};
use super::network::Network;
use super::rules::Setup;
use super::shapes::{line, ring};
use crate::format::units::Span;
use crate::node::io::{Output, Timer};
use crate::node::spec::Variant::{self, Faithful, FaithfulMemory, Repaired};
use crate::wire::{Command, Gossip, GossipBody, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;
use std::time::Duration;

fn bench(variant: Variant, neighbours: &[PeerId]) -> Bench {
    Bench::new(Setup::p2pfl(10, variant), neighbours)
}

/// How many peers of a network without learning each node comes to know.
fn heard_of(variant: Variant, edges: &[(PeerId, PeerId)]) -> Vec<usize> {
    let mut network =
        Network::new(Setup::p2pfl(30, variant).with(|it| it.heartbeat.timeout = Span::secs(20)), edges);
    network.run(Duration::from_secs(12));
    network.nodes.iter().map(|it| it.node.as_ref().unwrap().links.neighbours.len()).collect()
}

#[test]
fn a_message_reaches_one_link_more_than_its_time_to_live_says() {
    assert_eq!(heard_of(Faithful, &ring(30)), vec![22; 30], "eleven on either side");
    let line = heard_of(Repaired, &line(30));
    assert_eq!((line[0], line[15]), (11, 22));
}

#[test]
fn where_all_receivers_share_one_time_to_live_few_hear_it() {
    let known = heard_of(FaithfulMemory, &ring(30));
    assert!(known.iter().all(|&it| (10..22).contains(&it)), "{known:?}");
}

#[test]
fn a_shared_time_to_live_allows_so_many_forwards_in_all() {
    let mut network = Network::new(Setup::p2pfl(30, FaithfulMemory), &super::shapes::full(30));
    network.run(Duration::from_millis(500));
    network.sent.clear();
    network.taken.clear();
    network.input(4, crate::node::io::Input::Timer(Timer::Beat));
    let start = network.now;
    network.run(Duration::from_millis(300));
    let forwards =
        network.sent.iter().filter(|it| it.at > start && it.command == Command::Beat && it.from != 4);
    // Ten receivers forward it to all but themselves and its source; others' beats go on meanwhile.
    let senders: std::collections::BTreeSet<_> =
        network.taken.keys().filter(|(_, source, _)| *source == 4).map(|(node, ..)| *node).collect();
    assert_eq!(senders.len(), 29, "everyone is a direct neighbour");
    assert!(forwards.count() >= 10 * 28);
}

#[test]
fn a_message_without_time_to_live_is_taken_and_goes_no_further() {
    let mut bench = bench(Faithful, &[1, 2]);
    let message = bench.parcel(1, NO_ROUND, GossipBody::Beat(bench.now), 0);
    assert_eq!(reply(&bench.message(1, Message::Gossip(Arc::from([message])))), Some(Response::Empty));
    assert!(floods(&bench.timer(Timer::Forward)).is_empty());
}

#[test]
fn forwarding_spares_the_source_but_not_the_sender() {
    let mut bench = bench(Faithful, &[1, 2, 3]);
    let message = bench.parcel(3, 0, GossipBody::ModelsReady, 4);
    bench.message(1, Message::Gossip(Arc::from([message])));
    let out = bench.timer(Timer::Forward);
    let (to, parcel) = &floods(&out)[0];
    assert_eq!(to, &[1, 2, 3], "whoever carries it leaves out its source");
    assert_eq!((parcel[0].source, parcel[0].ttl.left(), parcel[0].hops), (3, 3, 1));
}

#[test]
fn what_has_come_since_goes_on_in_one_batch_a_period_later_at_most() {
    let mut bench = bench(Faithful, &[1, 2]);
    let first = bench.gossip(1, 0, GossipBody::ModelsReady);
    let due = first
        .iter()
        .find_map(|it| match it {
            Output::SetTimer { timer: Timer::Forward, at, .. } => Some(*at),
            _ => None,
        })
        .expect("the batch is planned");
    assert!(due > bench.now && due.since(bench.now) <= Duration::from_millis(100));
    let second = bench.gossip(2, 0, GossipBody::ModelsReady);
    assert!(floods(&first).is_empty() && floods(&second).is_empty());
    let batch = floods(&bench.timer(Timer::Forward));
    assert_eq!((batch.len(), batch[0].1.len()), (1, 2));
    assert!(floods(&bench.timer(Timer::Forward)).is_empty());
}

#[test]
fn a_known_message_is_not_taken_again_and_answered_all_the_same() {
    let mut bench = bench(Faithful, &[1, 2]);
    let message = bench.parcel(1, 0, GossipBody::ModelsReady, 4);
    for _ in 0..2 {
        let out = bench.message(2, Message::Gossip(Arc::from([message.clone()])));
        assert_eq!(reply(&out), Some(Response::Empty));
    }
    assert_eq!(floods(&bench.timer(Timer::Forward))[0].1.len(), 1);
}

#[test]
fn a_node_does_not_take_what_it_said_itself() {
    let mut bench = bench(Faithful, &[1]);
    let message = bench.parcel(SELF, 0, GossipBody::ModelsReady, 4);
    bench.message(1, Message::Gossip(Arc::from([message])));
    assert!(floods(&bench.timer(Timer::Forward)).is_empty());
}

/// A message, so many others, and the first again: whether it is taken and passed on a second time.
fn again_after(variant: Variant, others: usize) -> bool {
    let setup = Setup::p2pfl(10, variant).with(|it| it.gossip.messages_per_period = 1_000_000);
    let mut bench = Bench::new(setup, &[1, 2]);
    let first = bench.parcel(1, 0, GossipBody::ModelsReady, 4);
    bench.message(1, Message::Gossip(Arc::from([first.clone()])));
    for _ in 0..others {
        bench.gossip(2, 0, GossipBody::ModelsReady);
    }
    bench.timer(Timer::Forward);
    bench.message(2, Message::Gossip(Arc::from([first])));
    !floods(&bench.timer(Timer::Forward)).is_empty()
}

#[test]
fn p2pfl_floods_again_what_its_list_has_no_room_for_and_repaired_does_not() {
    assert!(!again_after(Faithful, 100), "the list holds one more than the setting says");
    assert!(again_after(Faithful, 101));
    assert!(!again_after(Repaired, 10_000));
}

/// How many messages go out in each of the periods after so many came in.
fn batches(variant: Variant, messages: usize) -> Vec<usize> {
    let setup = Setup::p2pfl(10, variant).with(|it| it.gossip.messages_per_period = 10);
    let mut bench = Bench::new(setup, &[1, 2, 3, 4]);
    for _ in 0..messages {
        bench.gossip(9, 0, GossipBody::ModelsReady);
    }
    let sends = |out: &[Output]| floods(out).iter().map(|(to, parcel)| to.len() * parcel.len()).sum();
    (0..4).map(|_| sends(&bench.timer(Timer::Forward))).collect()
}

#[test]
fn the_cap_on_messages_caps_nothing_in_p2pfl_and_sends_in_repaired() {
    assert_eq!(batches(Faithful, 6), [24, 0, 0, 0]);
    assert_eq!(batches(Repaired, 6), [10, 10, 4, 0]);
}

#[test]
fn what_the_cap_held_back_reaches_every_neighbour_once_even_if_others_go_meanwhile() {
    let setup = Setup::p2pfl(10, Repaired).with(|it| it.gossip.messages_per_period = 2);
    let mut bench = Bench::new(setup, &[1, 2, 3, 4]);
    bench.gossip(9, 0, GossipBody::ModelsReady);
    let mut reached: Vec<PeerId> =
        floods(&bench.timer(Timer::Forward)).into_iter().flat_map(|it| it.0).collect();
    assert_eq!(reached, [1, 2]);
    bench.message(1, Message::Disconnect);
    reached.extend(floods(&bench.timer(Timer::Forward)).into_iter().flat_map(|it| it.0));
    assert_eq!(reached, [1, 2, 3, 4]);
}

#[test]
fn a_command_that_fails_is_answered_by_an_error_and_not_passed_on() {
    let mut faithful = bench(Faithful, &[1, 2]);
    let out = faithful.gossip(1, NO_ROUND, GossipBody::StopLearning);
    assert!(matches!(reply(&out), Some(Response::Error(_))), "stop_learning fails where nobody is learning");
    assert!(floods(&faithful.timer(Timer::Forward)).is_empty());
    let mut repaired = bench(Repaired, &[1, 2]);
    assert_eq!(reply(&repaired.gossip(1, NO_ROUND, GossipBody::StopLearning)), Some(Response::Empty));
    assert_eq!(floods(&repaired.timer(Timer::Forward)).len(), 1);
}

#[test]
fn hashes_of_a_node_differ_and_go_on_after_a_restart() {
    let hash = |out: &[Output]| floods(out).into_iter().flat_map(|it| it.1).map(|it: Gossip| it.hash).next();
    let mut bench = bench(Faithful, &[1]);
    let first = hash(&bench.timer(Timer::Beat)).unwrap();
    let second = hash(&bench.timer(Timer::Beat)).unwrap();
    let (mut out, mut taken) = (Vec::new(), crate::node::io::Taken::default());
    let mut cx = super::context(bench.now, &bench.rules, &mut out, &mut taken);
    let mut reborn = crate::node::flood::Flood::new(&cx, SELF, 1);
    reborn.broadcast(&mut cx, &Arc::from([1]), NO_ROUND, GossipBody::ModelsReady);
    let third = hash(&out).unwrap();
    assert!(first != second && second != third && first != third);
}
