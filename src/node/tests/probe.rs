//! The probe: what a node sends when, and what it measures.

use super::bench::{Bench, SELF, reply, sends};
use super::rules::Setup;
use crate::node::io::{Control, Expect, Input, Measured, Output, Record, RequestId, Timer};
use crate::node::probe::spec::{Exchange, Probe};
use crate::node::spec::{Variant, Workflow};

use crate::format::several::Several;
use crate::format::units::{Size, Span};
use crate::wire::{self, Message, NO_ROUND, PeerId, Response};

fn bench(spec: Probe, neighbours: &[PeerId]) -> Bench {
    let workflow = Workflow::Probe(spec);
    let setup = Setup { workflow, ..Setup::p2pfl(4, Variant::Repaired) };
    Bench::new(setup, neighbours)
}

fn begin(bench: &mut Bench) -> Vec<Output> {
    let zero = bench.now;
    bench.input(Input::Control(Control::Begin(zero)))
}

/// Probes that were sent: to whom, for which cell, and the request if they ask for an answer.
fn probes(outputs: &[Output]) -> Vec<(PeerId, i32, Option<RequestId>)> {
    let probe = |(to, message, expect): (PeerId, &Message, Expect)| match message {
        Message::Probe(it) => Some((to, it.cell, expect.request())),
        _ => None,
    };
    sends(outputs).into_iter().filter_map(probe).collect()
}

fn asked(outputs: &[Output]) -> Vec<RequestId> {
    probes(outputs).into_iter().filter_map(|(.., request)| request).collect()
}

fn measured(outputs: &[Output]) -> Vec<Measured> {
    let measured = |it: &Output| match it {
        Output::Record(Record::Measured(it)) => Some(*it),
        _ => None,
    };
    outputs.iter().filter_map(measured).collect()
}

fn finished(outputs: &[Output]) -> bool {
    outputs.iter().any(|it| matches!(it, Output::Record(Record::Finished)))
}

fn counted(count: u64) -> Probe {
    Probe { count: Some(count), ..Probe::default() }
}

#[test]
fn the_next_request_waits_for_an_answer() {
    let mut bench = bench(Probe { concurrency: 2.into(), ..counted(3) }, &[1]);
    let first = asked(&begin(&mut bench));
    assert_eq!(first.len(), 2, "two are under way");
    bench.pass(5);
    let out = bench.respond(first[1], Response::Empty);
    assert_eq!(measured(&out), [Measured::Answered { cell: 0, within: 0, took: 5_000_000, since_due: None }]);
    let last = asked(&out);
    assert_eq!(last.len(), 1);
    assert!(probes(&bench.respond(first[0], Response::Empty)).is_empty(), "three were asked for");
    assert!(finished(&bench.respond(last[0], Response::Empty)));
}

#[test]
fn half_of_what_is_under_way_is_told_of_by_one_answer() {
    let spec = Probe { mode: Exchange::OneWay, concurrency: 5.into(), ..counted(12) };
    let mut bench = bench(spec, &[1]);
    let asks = |out: &[Output]| probes(out).iter().map(|it| it.2.is_some()).collect::<Vec<_>>();
    let out = begin(&mut bench);
    assert_eq!(asks(&out), [false, false, true, false, false]);
    let out = bench.respond(asked(&out)[0], Response::Empty);
    assert_eq!(asks(&out), [true, false, false], "three are let go of, and three follow");
    assert!(measured(&out).is_empty(), "an answer is no measure here");
    let out = bench.respond(asked(&out)[0], Response::Empty);
    assert_eq!(asks(&out), [true, false, false]);
    let out = bench.respond(asked(&out)[0], Response::Empty);
    assert_eq!(asks(&out), [true], "the last one asks, so that the end is known");
    assert!(finished(&bench.respond(asked(&out)[0], Response::Empty)));
}

#[test]
fn a_cell_warms_up_then_is_measured_and_the_next_follows_on_time() {
    let spec = Probe {
        payload: Several(vec![Size(64), Size(128)]),
        duration: Some(Span::secs(1)),
        warm_up: Some(Span::secs(1)),
        ..Probe::default()
    };
    let mut bench = bench(spec, &[1]);
    let cells = |out: &[Output]| probes(out).iter().map(|it| it.1).collect::<Vec<_>>();
    let out = begin(&mut bench);
    assert_eq!(cells(&out), [NO_ROUND]);
    bench.pass(1_000);
    let out = [bench.timer(Timer::Stage), bench.respond(asked(&out)[0], Response::Empty)].concat();
    assert!(out.iter().any(|it| matches!(it, Output::Record(Record::RoundStarted(0)))));
    assert_eq!(cells(&out), [0]);
    // What was sent while warming up is done with while the cell is measured: it counts for throughput alone.
    let late = Measured::Answered { cell: NO_ROUND, within: 0, took: 1_000_000_000, since_due: None };
    assert_eq!(measured(&out), [late]);
    bench.pass(1_000);
    let next = bench.timer(Timer::Stage);
    assert_eq!(cells(&next), [NO_ROUND], "the second cell warms up");
    let out = bench.respond(asked(&out)[0], Response::Empty);
    assert!(cells(&out).is_empty(), "an answer of the cell before makes room for nothing");
}

#[test]
fn what_is_due_is_sent_however_late_and_measured_from_then() {
    let spec = Probe {
        rate: Some(10.0),
        duration: Some(Span::secs(1)),
        warm_up: Some(Span::secs(0)),
        ..Probe::default()
    };
    let mut bench = bench(spec, &[1, 2]);
    let mut out = begin(&mut bench);
    bench.pass(1_300);
    out.extend(bench.timer(Timer::Models));
    out.extend(bench.timer(Timer::Stage));
    let sent = probes(&out);
    assert_eq!(sent.iter().filter(|it| it.0 == 1).count(), 10);
    assert_eq!(sent.iter().filter(|it| it.0 == 2).count(), 10);
    assert!(sent.iter().all(|it| it.1 == 0), "all were due while the cell was measured");
    let late: Vec<u64> = measured(&out)
        .iter()
        .map(|it| if let Measured::Late { by, .. } = it { *by } else { panic!("{it:?}") })
        .collect();
    assert_eq!(late.len(), 20);
    assert!(late.windows(2).all(|pair| pair[0] > pair[1]), "the first was due first");
}

#[test]
fn every_request_is_answered_and_only_the_peer_that_is_gone_is_left_alone() {
    let mut bench = bench(Probe { duration: Some(Span::secs(9)), ..Probe::default() }, &[1, 2]);
    let probe = wire::Probe { cell: 0, size: 64, due: bench.now };
    assert_eq!(reply(&bench.message(2, Message::Probe(probe))), Some(Response::Empty));
    let asked = asked(&begin(&mut bench));
    assert!(probes(&bench.respond(asked[0], Response::Unreachable)).is_empty());
    let again = probes(&bench.respond(asked[1], Response::Timeout));
    assert_eq!(again.iter().map(|it| it.0).collect::<Vec<_>>(), [2], "a lost message makes room for another");
    assert_ne!(again[0].0, SELF);
}
