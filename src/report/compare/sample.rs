//! Comparisons made by hand, for tests. Their figures are invented: they say nothing of any transport.

use super::{Cell, Compare, Figures, Measured, Run, SCHEMA};
use crate::costs::{Connection, Costs, Load, Parts, TransportCosts, Wire};
use crate::machine::Machine;
use crate::metrics::result::{Outcome, RunResult};
use crate::report::RunRow;
use crate::report::sample;

/// All of them.
pub fn all() -> Vec<Compare> {
    vec![empty(&["memory"], 1), by_themselves(), repeated(), once(), troubled(), without_first(), probe()]
}

/// Nothing has run.
pub fn empty(transports: &[&str], repeat: u32) -> Compare {
    Compare {
        schema: SCHEMA.into(),
        name: "ring-100".into(),
        transports: transports.iter().map(|&it| it.to_owned()).collect(),
        repeat,
        speedup: 12.5,
        speedup_is_auto: false,
        paces: Vec::new(),
        threads: 1,
        interrupted: false,
        costs: None,
        rows: Vec::new(),
        runs: Vec::new(),
    }
}

/// Five transports, three turns.
pub fn repeated() -> Compare {
    let all = ["memory", "grpc", "grpc+uds", "grpc+tls", "grpc+mtls"];
    let mut compare = Compare { speedup_is_auto: true, costs: Some(costs(&all)), ..empty(&all, 3) };
    for turn in 1..=3 {
        for (i, transport) in all.iter().enumerate() {
            add(&mut compare, transport, turn, figures(1.0 + i as f64 + f64::from(turn) / 10.0, i > 0));
        }
    }
    compare
}

/// Three transports, and no scenario.
pub fn by_themselves() -> Compare {
    let all = ["memory", "grpc", "grpc+tls"];
    Compare { costs: Some(costs(&all)), ..empty(&all, 0) }
}

/// The first has neither wire nor connections.
fn costs(transports: &[&str]) -> Costs {
    let load = |scale: f64, in_flight: u32, connections: u32| Load {
        in_flight,
        connections,
        cpu_s_per_message: scale * 25e-6 / f64::from(in_flight).sqrt(),
        p50_s: scale * 26e-6 * f64::from(in_flight),
        p99_s: scale * 44e-6 * f64::from(in_flight),
        messages_per_s: 4e4 / scale,
    };
    let wire = |i: usize, in_flight: u32, payload_bytes: u64, first: bool| Wire {
        in_flight,
        payload_bytes,
        first,
        sent: Parts {
            payload: payload_bytes as f64,
            encoding: 5.0,
            framing: 9.0,
            headers: if first { 150.0 } else { 34.5 },
            control: 0.25,
            security: if i > 1 { 44.0 / f64::from(in_flight) } else { 0.0 },
            headers_as_text: Some(184.0),
        },
        answered: Parts {
            headers: 21.0,
            encoding: 5.0,
            framing: 9.0,
            headers_as_text: Some(60.0),
            ..Parts::default()
        },
    };
    let transport = |(i, name): (usize, &&str)| {
        let (scale, sockets) = (0.02 + i as f64, i > 0);
        let none = |it: Vec<Wire>| if sockets { it } else { Vec::new() };
        TransportCosts {
            transport: (*name).to_owned(),
            small: vec![load(scale, 1, 1), load(scale, 8, 1), load(scale, 64, 1)],
            apart: if sockets {
                vec![load(scale * 1.5, 8, 8), load(scale * 2.0, 64, 64)]
            } else {
                Vec::new()
            },
            large: load(scale * 20.0, 1, 1),
            sender_share: sockets.then_some(0.53),
            wire: none(vec![
                wire(i, 1, 104, true),
                wire(i, 1, 104, false),
                wire(i, 64, 104, false),
                wire(i, 1, 1_000_044, false),
            ]),
            connection: sockets.then(|| Connection {
                opens_s: 150e-6 * scale,
                cpu_s: 140e-6 * scale,
                round_trips: Some(1 + i as u32),
                bytes: 168.0 * scale,
                memory_bytes: Some(58e3),
                memory_after_large_bytes: Some(70e3),
            }),
        }
    };
    Costs {
        machine: Machine { cpu: None, cores: 2, memory_bytes: None, platform: "linux x86_64".into() },
        small_bytes: 104,
        large_bytes: 1_000_044,
        turns: 5,
        transports: transports.iter().enumerate().map(transport).collect(),
    }
}

/// Two transports, a run of each.
pub fn once() -> Compare {
    let mut compare = empty(&["grpc", "grpc+uds"], 1);
    add(&mut compare, "grpc", 1, figures(2.0, true));
    add(&mut compare, "grpc+uds", 1, figures(1.5, true));
    compare
}

/// One was overloaded, one could not begin in the first turn, and the user had enough in the second.
pub fn troubled() -> Compare {
    let mut compare = Compare { interrupted: true, ..empty(&["memory", "grpc", "grpc+tls"], 2) };
    ran(&mut compare, "memory", 1, 8.0);
    let overloaded = RunResult { overloaded: true, ..sample::full() };
    compare.add("grpc", 1, RunRow::of(2, "grpc/1", 7, &overloaded), Some(&overloaded));
    failed(&mut compare, "grpc+tls", 1);
    let interrupted = sample::interrupted();
    compare.add("memory", 2, RunRow::of(4, "memory/2", 8, &interrupted), Some(&interrupted));
    compare
}

/// What the others are to be set against could not begin.
pub fn without_first() -> Compare {
    let mut compare = empty(&["memory", "grpc"], 1);
    failed(&mut compare, "memory", 1);
    ran(&mut compare, "grpc", 1, 9.0);
    compare
}

/// Three cells over two transports.
pub fn probe() -> Compare {
    let mut compare = Compare { name: "probe-64b".into(), ..empty(&["memory", "grpc"], 2) };
    for turn in 1..=2 {
        for (i, transport) in ["memory", "grpc"].into_iter().enumerate() {
            let whole = Figures::default().with("ended_s", 10.0).with("wall_s", 10.5);
            add(&mut compare, transport, turn, whole);
            let cells =
                [(64, Some(1)), (1_000_000, Some(64)), (64, None)].map(|(payload_bytes, concurrency)| {
                    let scale = 1.0 + i as f64 + f64::from(turn) / 8.0 + concurrency.unwrap_or(8) as f64;
                    let figures = of_messages(scale);
                    Measured { cell: Some(Cell { payload_bytes, concurrency }), figures }
                });
            compare.runs.last_mut().expect("it was added").measured.extend(cells);
        }
    }
    compare.combine();
    compare
}

/// A completed run that took so long.
pub fn ran(compare: &mut Compare, transport: &str, turn: u32, wall_s: f64) {
    let mut result = sample::full();
    result.cost.wall_s = wall_s;
    let row =
        RunRow::of(compare.runs.len() + 1, &format!("{transport}/{turn}"), 6 + u64::from(turn), &result);
    compare.add(transport, turn, row, Some(&result));
}

/// A run that could not begin.
pub fn failed(compare: &mut Compare, transport: &str, turn: u32) {
    let reason = "the run cannot begin: no certificate could be made".to_owned();
    let row = RunRow::failed(compare.runs.len() + 1, 6 + u64::from(turn), "", reason);
    compare.add(transport, turn, row, None);
}

/// A completed run of which only these figures are known.
fn add(compare: &mut Compare, transport: &str, turn: u32, figures: Figures<Option<f64>>) {
    let run = compare.runs.len() + 1;
    let row =
        RunRow { outcome: Outcome::Completed, reason: None, ..RunRow::failed(run, 7, "", String::new()) };
    let measured = vec![Measured { cell: None, figures }];
    compare.runs.push(Run { transport: transport.to_owned(), repeat: turn, measured, row });
    compare.combine();
}

/// Each in proportion to a number, so that ratios can be seen.
fn figures(scale: f64, sockets: bool) -> Figures<Option<f64>> {
    let figures = of_messages(scale).with("ended_s", 38.25).with("wall_s", 3.0 + scale);
    if sockets {
        figures.with("connecting.p50", 1e-3 * scale).with("connecting.p99", 4e-3 * scale)
    } else {
        figures
    }
}

fn of_messages(scale: f64) -> Figures<Option<f64>> {
    Figures::default()
        .with("messages_per_s", 300e3 / scale)
        .with("payload_bytes_per_s", 16e6 / scale)
        .with("latency.message.p50", 12e-6 * scale)
        .with("latency.message.p99", 900e-6 * scale)
        .with("latency.rpc.p50", 20e-6 * scale)
        .with("latency.rpc.p99", 1.5e-3 * scale)
        .with("cpu_s_per_message", 2.5e-6 * scale)
        .with("payload_bytes_per_message", 61.0)
        .with("wire_bytes_per_message", 61.0 + 9.0 * scale)
}
