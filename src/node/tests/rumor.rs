//! The rumor: who calls whom, when, and how many rounds it takes until all know it.

use super::bench::{Bench, SELF, sends};
use super::network::Network;
use super::rules::Setup;
use super::shapes::{full, line, star};
use crate::format::units::Span;
use crate::node::io::{Control, Input, Output, Record, Timer, Weight};
use crate::node::rumor::messages::{RUMOR, RUMOR_REQUEST};
use crate::node::spec::{Mode, Rumor};
use crate::time::Time;
use crate::wire::{Command, PeerId};
use std::time::Duration;

const MODES: [Mode; 3] = [Mode::Push, Mode::Pull, Mode::PushPull];

fn spec(mode: Mode) -> Rumor {
    Rumor { mode, ..Rumor::default() }
}

/// In how many rounds each node learnt the rumor; the source is not among them.
fn learnt(network: &Network) -> Vec<(PeerId, u32)> {
    let round = |(_, node, record): &(Time, PeerId, Record)| match record {
        Record::RoundFinished { round, .. } => Some((*node, round + 1)),
        _ => None,
    };
    network.records.iter().filter_map(round).collect()
}

/// Rounds until all know it.
fn rounds(nodes: u32, mode: Mode, seed: u64) -> u32 {
    let mut network = Network::complete(Setup::rumor(nodes, seed, spec(mode)));
    network.learn();
    // A look at all nodes after each round, and not after each message.
    while network.finished().len() < nodes as usize {
        assert!(network.now < network.zero + Duration::from_secs(101), "{}", network.finished().len());
        network.run(Duration::from_secs(1));
    }
    let learnt = learnt(&network);
    assert_eq!(learnt.len() as u32, nodes - 1, "everyone but the source, each once");
    learnt.into_iter().map(|(_, round)| round).max().expect("there are several nodes")
}

fn mean(nodes: u32, mode: Mode) -> f64 {
    const SEEDS: u64 = 12;
    (0..SEEDS).map(|seed| f64::from(rounds(nodes, mode, seed))).sum::<f64>() / SEEDS as f64
}

/// On complete graphs, up to a constant: log₂ n + ln n for push (Pittel 1987), log₂ n + log₂ ln n for pull and
/// log₃ n + log₂ ln n for push-pull (Karp et al. 2000; the terms of lower order are those of Doerr and Kostrygin 2017).
fn law(nodes: u32, mode: Mode) -> f64 {
    let n = f64::from(nodes);
    match mode {
        Mode::Push => n.log2() + n.ln(),
        Mode::Pull => n.log2() + n.ln().log2(),
        Mode::PushPull => n.log(3.0) + n.ln().log2(),
    }
}

#[test]
fn it_takes_as_many_rounds_as_theory_says() {
    for mode in MODES {
        let (small, large) = (mean(200, mode), mean(3_200, mode));
        let (fewer, more) = (law(200, mode), law(3_200, mode));
        // The constants are small (for push: Doerr and Künnemann 2014), and what a seed adds to the mean of a dozen is
        // below 0.5.
        assert!(
            (small - fewer).abs() < 2.0 && (large - more).abs() < 2.0,
            "{mode:?}: {small} {large}, not {fewer} {more}"
        );
        // The constant is the same for all sizes: 16 times the nodes take so many more rounds.
        let growth = large - small;
        assert!((growth - (more - fewer)).abs() < 1.3, "{mode:?}: {growth} more, not {}", more - fewer);
    }
}

#[test]
fn each_mode_calls_as_it_says() {
    for mode in MODES {
        let mut network = Network::complete(Setup::rumor(64, 3, spec(mode)));
        network.learn();
        assert!(network.finish(100));
        let (told, asked) = (network.count(RUMOR.command()), network.count(RUMOR_REQUEST.command()));
        assert_eq!((told > 0, asked > 0), (true, mode != Mode::Push), "{mode:?}");
        if mode == Mode::Pull {
            assert_eq!(told, 63, "who is told has asked, and asks no more");
        }
        assert_eq!(network.count(Command::Handshake) + network.count(Command::Beat), 0);
        // A call a round at most, answers aside.
        for node in 0..64 {
            let sent =
                network.sent.iter().filter(|it| it.from == node && it.command == RUMOR_REQUEST.command());
            let requests: Vec<i32> = sent.map(|it| it.round).collect();
            assert!(requests.is_sorted_by(|a, b| a < b), "{requests:?}");
        }
    }
}

#[test]
fn rounds_begin_together_and_the_rumor_crosses_one_link_in_each() {
    // On a line it can move on by one node in a round, and with two neighbours to choose from it takes longer.
    let mut network = Network::new(Setup::rumor(12, 5, spec(Mode::PushPull)), &line(12));
    network.learn();
    assert!(network.finish(100));
    let mut learnt = learnt(&network);
    learnt.sort_unstable();
    assert!(learnt.iter().map(|it| it.0).eq(1..12));
    assert!(learnt.iter().is_sorted_by(|a, b| a.1 < b.1), "{learnt:?}");
    let began = network.records.iter().filter_map(|(at, _, it)| match it {
        Record::RoundStarted(round) => Some((*at, *round)),
        _ => None,
    });
    for (at, round) in began {
        assert_eq!(at, network.zero + Duration::from_secs(u64::from(round) + 1));
    }
}

#[test]
fn all_of_a_star_learn_at_once_from_the_middle_and_one_by_one_by_push() {
    for (mode, least, most) in [(Mode::Pull, 1, 1), (Mode::Push, 19, 400)] {
        let mut network = Network::new(Setup::rumor(20, 1, Rumor { rounds: 500, ..spec(mode) }), &star(20));
        network.learn();
        assert!(network.finish(600));
        let last = learnt(&network).into_iter().map(|it| it.1).max().unwrap();
        assert!((least..=most).contains(&last), "{mode:?}: {last}");
    }
}

#[test]
fn who_has_not_learnt_it_after_the_last_round_gives_up() {
    for mode in MODES {
        let setup = Setup::rumor(6, 2, Rumor { rounds: 7, source: 1, ..spec(mode) });
        // 4 and 5 are apart.
        let mut network = Network::new(setup, &[(0, 1), (1, 2), (2, 3), (4, 5)]);
        network.learn();
        network.run(Duration::from_secs(60));
        let stopped = |it: &(Time, PeerId, Record)| match it.2 {
            Record::Stopped => Some((it.1, it.0)),
            _ => None,
        };
        let stopped: Vec<_> = network.records.iter().filter_map(stopped).collect();
        let end = network.zero + Duration::from_secs(8);
        assert!(stopped.contains(&(4, end)) && stopped.contains(&(5, end)), "{mode:?}: {stopped:?}");
        assert_eq!(stopped.len() + network.finished().len(), 6, "{mode:?}");
        assert!(network.sent.iter().all(|it| it.round < 7));
    }
}

#[test]
fn a_node_that_comes_back_learns_it_anew_in_step_with_the_others() {
    let mut network = Network::new(Setup::rumor(8, 4, spec(Mode::PushPull)), &full(8));
    network.learn();
    network.run(Duration::from_millis(9_300));
    // Even the source has forgotten it.
    network.crash(0);
    network.restart(0);
    assert!(network.finish(30));
    let (node, round) = *learnt(&network).last().unwrap();
    assert!(node == 0 && round >= 10, "node {node} in round {round}");
}

#[test]
fn what_is_learnt_in_a_round_is_not_told_in_it() {
    let mut bench = Bench::new(Setup::rumor(6, 1, Rumor { source: 5, ..spec(Mode::PushPull) }), &[1, 2, 3]);
    bench.input(Input::Control(Control::Begin(bench.now)));
    let asked = |bench: &mut Bench, round| {
        let out = bench.message(2, RUMOR_REQUEST.say(round, 0, &[]));
        sends(&out).iter().filter(|(to, it, _)| *to == 2 && it.own().is_some_and(|it| it.is(&RUMOR))).count()
    };
    assert_eq!(asked(&mut bench, 0), 0, "it knows nothing");
    let out = bench.message(1, RUMOR.say(3, 0, &[]));
    assert!(out.iter().any(|it| matches!(it, Output::Record(Record::RoundFinished { round: 3, .. }))));
    assert_eq!((asked(&mut bench, 3), asked(&mut bench, 4)), (0, 1));
    let again = bench.message(1, RUMOR.say(4, 0, &[]));
    assert!(!again.iter().any(|it| matches!(it, Output::Record(_))), "it is told twice");
}

#[test]
fn a_timer_that_comes_too_late_skips_the_rounds_that_are_gone() {
    let spec = Rumor { period: Span::secs(2), source: SELF, ..spec(Mode::Push) };
    let mut bench = Bench::new(Setup::rumor(6, 1, spec), &[1, 2, 3]);
    let out = bench.input(Input::Control(Control::Begin(bench.now)));
    let set = |out: &[Output]| {
        out.iter().find_map(|it| match it {
            Output::SetTimer { timer: Timer::Stage, at, weight: Weight::Progress } => Some(at.as_secs_f64()),
            _ => None,
        })
    };
    assert_eq!(set(&out), Some(2.0));
    bench.pass(2_000);
    assert_eq!(set(&bench.timer(Timer::Stage)), Some(4.0));
    bench.pass(7_000);
    let late = bench.timer(Timer::Stage);
    assert!(sends(&late)[0].1.own().is_some_and(|it| it.is(&RUMOR) && it.round == 1));
    assert_eq!(set(&late), Some(10.0));
}
