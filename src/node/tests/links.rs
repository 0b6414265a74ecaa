//! Handshake, disconnect and heartbeats.

use super::bench::{Bench, SELF, floods, reply, sends};
use super::rules::Setup;
use crate::format::units::Span;
use crate::node::io::{Input, Start, Timer};
use crate::node::spec::Variant::{self, Faithful, Repaired};
use crate::time::Time;
use crate::wire::{Command, GossipBody, Message, NO_ROUND, PeerId, Response};
use std::sync::Arc;
use std::time::Duration;

fn bench(variant: Variant, neighbours: &[PeerId]) -> Bench {
    Bench::new(Setup::p2pfl(10, variant), neighbours)
}

fn direct(bench: &Bench) -> Vec<PeerId> {
    bench.node.links.neighbours.direct().to_vec()
}

fn known(bench: &Bench) -> Vec<PeerId> {
    bench.node.links.neighbours.iter().map(|(peer, _)| peer).collect()
}

fn beat(bench: &mut Bench, source: PeerId, at: Time) {
    bench.gossip(source, NO_ROUND, GossipBody::Beat(at));
}

fn refused(response: Option<Response>) -> bool {
    matches!(response, Some(Response::Error(_)))
}

#[test]
fn a_handshake_makes_the_caller_a_direct_neighbour() {
    let mut bench = bench(Faithful, &[]);
    assert_eq!(reply(&bench.message(3, Message::Handshake)), Some(Response::Empty));
    assert_eq!(direct(&bench), [3]);
}

#[test]
fn a_second_handshake_is_refused_by_p2pfl_and_taken_for_a_restart_by_repaired() {
    let mut faithful = bench(Faithful, &[3]);
    assert!(refused(reply(&faithful.message(3, Message::Handshake))));
    let mut repaired = bench(Repaired, &[3]);
    assert_eq!(reply(&repaired.message(3, Message::Handshake)), Some(Response::Empty));
    assert_eq!(direct(&repaired), [3]);
}

#[test]
fn nobody_lists_itself() {
    for variant in [Faithful, Repaired] {
        let mut bench = bench(variant, &[]);
        assert!(refused(reply(&bench.message(SELF, Message::Handshake))));
        assert!(direct(&bench).is_empty());
    }
}

#[test]
fn a_handshake_turns_a_peer_known_from_its_beats_into_a_direct_neighbour() {
    let mut bench = bench(Faithful, &[1]);
    beat(&mut bench, 5, Time::ZERO);
    assert_eq!((direct(&bench), known(&bench)), (vec![1], vec![1, 5]));
    bench.message(5, Message::Handshake);
    assert_eq!((direct(&bench), known(&bench)), (vec![1, 5], vec![1, 5]));
}

#[test]
fn who_connects_lists_the_peer_once_it_accepts() {
    let mut bench = bench(Faithful, &[]);
    let start = Start {
        neighbours: [(1, 1), (2, 1)].into_iter().collect(),
        dial: vec![1, 2],
        persistent: false,
        late: false,
    };
    let out = bench.input(Input::Start(start));
    let requests: Vec<_> =
        sends(&out).iter().map(|(to, _, expect)| (*to, expect.request().unwrap())).collect();
    assert!(direct(&bench).is_empty());
    bench.respond(requests[0].1, Response::Empty);
    assert_eq!(direct(&bench), [1]);
    let out = bench.respond(requests[1].1, Response::Error(Arc::from("refused")));
    assert_eq!(direct(&bench), [1]);
    assert!(bench.timer(Timer::Dial).is_empty(), "a refusal is final, unless the node restarts: {out:?}");
}

#[test]
fn a_restarted_node_tries_again_until_it_is_accepted() {
    let mut bench = bench(Faithful, &[]);
    let start =
        Start { neighbours: [(1, 1)].into_iter().collect(), dial: vec![1], persistent: true, late: true };
    let mut out = bench.input(Input::Start(start));
    for _ in 0..3 {
        let request = sends(&out)[0].2.request().unwrap();
        bench.respond(request, Response::Error(Arc::from("duplicated")));
        out = bench.timer(Timer::Dial);
    }
    bench.respond(sends(&out)[0].2.request().unwrap(), Response::Empty);
    assert_eq!(direct(&bench), [1]);
}

#[test]
fn repaired_repeats_a_handshake_that_got_lost() {
    let mut bench = bench(Repaired, &[]);
    let start =
        Start { neighbours: [(1, 1)].into_iter().collect(), dial: vec![1], persistent: false, late: false };
    let out = bench.input(Input::Start(start));
    bench.respond(sends(&out)[0].2.request().unwrap(), Response::Timeout);
    let again = bench.timer(Timer::Dial);
    bench.respond(sends(&again)[0].2.request().unwrap(), Response::Empty);
    assert_eq!(direct(&bench), [1]);
}

#[test]
fn a_disconnect_forgets_the_caller_and_always_succeeds() {
    let mut bench = bench(Faithful, &[1, 2]);
    beat(&mut bench, 5, Time::ZERO);
    for peer in [1, 5, 9] {
        let out = bench.message(peer, Message::Disconnect);
        assert_eq!(reply(&out), Some(Response::Empty), "of {peer}");
        assert!(sends(&out).is_empty(), "no message back");
    }
    assert_eq!(known(&bench), [2]);
}

#[test]
fn a_node_beats_every_period_to_its_direct_neighbours_without_a_round() {
    let mut bench = bench(Faithful, &[1, 2]);
    beat(&mut bench, 5, Time::ZERO);
    for _ in 0..2 {
        let out = bench.timer(Timer::Beat);
        let (to, said) = &floods(&out)[0];
        assert_eq!(to, &[1, 2]);
        assert_eq!(
            (said[0].body.command(), said[0].round, said[0].ttl.left()),
            (Command::Beat, NO_ROUND, 10)
        );
        bench.pass(2000);
    }
}

#[test]
fn from_its_second_beat_on_a_node_forgets_the_silent_and_tells_those_it_is_connected_to() {
    for variant in [Faithful, Repaired] {
        let mut bench = bench(variant, &[1, 2]);
        beat(&mut bench, 5, Time::ZERO);
        bench.pass(6000);
        assert!(sends(&bench.timer(Timer::Beat)).is_empty(), "not at the first beat");
        assert_eq!(known(&bench), [1, 2, 5]);
        let now = bench.now;
        beat(&mut bench, 2, now);
        let out = bench.timer(Timer::Beat);
        assert!(matches!(sends(&out)[..], [(1, Message::Disconnect, _)]), "5 was not connected");
        assert_eq!(known(&bench), [2]);
    }
}

#[test]
fn a_peer_is_forgotten_only_when_its_beat_is_older_than_the_timeout() {
    let mut bench = bench(Faithful, &[1]);
    bench.timer(Timer::Beat);
    bench.pass(5000);
    bench.timer(Timer::Beat);
    assert_eq!(known(&bench), [1]);
    bench.pass(1);
    bench.timer(Timer::Beat);
    assert!(known(&bench).is_empty());
}

#[test]
fn p2pfl_goes_by_the_time_in_the_beat_and_repaired_by_its_own_clock() {
    for (variant, remains) in [(Faithful, false), (Repaired, true)] {
        let mut bench = bench(variant, &[1]);
        bench.timer(Timer::Beat);
        bench.pass(4000);
        // A beat that was four seconds on its way.
        beat(&mut bench, 1, Time::ZERO);
        bench.pass(2000);
        bench.timer(Timer::Beat);
        assert_eq!(known(&bench).contains(&1), remains);
    }
}

#[test]
fn a_peer_that_was_not_listed_counts_from_when_it_was_heard() {
    let mut bench = bench(Faithful, &[]);
    bench.timer(Timer::Beat);
    bench.pass(20_000);
    beat(&mut bench, 5, Time::ZERO);
    bench.timer(Timer::Beat);
    assert_eq!(known(&bench), [5]);
}

#[test]
fn a_node_that_leaves_says_goodbye_to_those_it_is_connected_to() {
    let mut bench = bench(Faithful, &[1, 2]);
    beat(&mut bench, 5, Time::ZERO);
    let out = bench.input(Input::Control(crate::node::io::Control::Leave));
    assert!(matches!(sends(&out)[..], [(1, Message::Disconnect, _), (2, Message::Disconnect, _)]));
    assert!(known(&bench).is_empty());
}

#[test]
fn beats_are_a_period_apart_whatever_the_phase() {
    let mut bench = bench(Faithful, &[]);
    let mut at = bench.now;
    let mut times = Vec::new();
    for _ in 0..4 {
        bench.now = at;
        let out = bench.timer(Timer::Beat);
        at = out
            .iter()
            .find_map(|it| match it {
                crate::node::io::Output::SetTimer { timer: Timer::Beat, at, .. } => Some(*at),
                _ => None,
            })
            .expect("there is a next beat");
        times.push(at);
    }
    assert!(times.windows(2).all(|it| it[1].since(it[0]) == Duration::from_secs(2)), "{times:?}");
    assert_eq!(bench.rules.settings.heartbeat.period, Span::secs(2));
}
