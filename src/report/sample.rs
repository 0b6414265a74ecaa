//! Results made by hand, for the tests of reports: one of each kind that a reader can meet.

use super::findings::{Drawing, Findings, Interval, Spectrum};
use super::tables::{NodeRow, NodeState};
use crate::machine::Machine;
use crate::metrics::result::{
    self, Engine, Final, Messages, Nodes, Outcome, RunResult, SCHEMA, Setup, StalledGroup, Threshold,
};
use crate::metrics::trace::{Happening, Job};
use crate::metrics::{
    Cause, Cost, Followed, Histogram, Phase, Recorder, Recording, RoundLog, Series, Spread, Trace, Tracer,
};
use crate::node::Stage;
use crate::time::Time;
use crate::wire::Command;
use serde_json::json;
use std::sync::Arc;

/// All of them.
pub fn all() -> Vec<RunResult> {
    vec![full(), stalled(), interrupted(), failed(), empty(), one_node(), many_rounds(), probed()]
}

/// A completed run with every field set.
pub fn full() -> RunResult {
    let recorder = recorder();
    let mut log = RoundLog::default();
    for round in 0..2 {
        log.started(round, seconds(30 + 20 * u64::from(round)));
        for node in 0..100 {
            let set: &[u32] = if round == 1 && node < 3 { &[1, 4, 9] } else { &[1, 4, 9, 16] };
            log.finished(round, node, seconds(48 + 20 * u64::from(round)), Some(set));
        }
    }
    log.evaluated(0, spread(0.7125, 0.7, 0.725), spread(1.21, 1.1, 1.3), Some(0.42));
    log.evaluated(1, spread(0.9123, 0.905, 0.9194), spread(0.4, 0.35, 0.45), Some(0.0021));
    let rounds = log.rounds(seconds(30));
    RunResult {
        nodes: Nodes { total: 100, finished: 100, crashed: 1, joined: 2, left: 0, panicked: 0 },
        setup: Setup::of(&recorder, 30.0),
        ended_s: Some(38.25),
        r#final: Final::of(&rounds),
        rounds,
        latency: result::latency(&recorder),
        hops: recorder.hops_histogram().summary(1.0),
        hop_counts: result::hop_counts(&recorder),
        throughput: series().throughput(0.1),
        messages: Messages::of(&recorder),
        thresholds: vec![
            threshold("final.accuracy.mean >= 0.85", json!(0.9123), true),
            threshold("latency.round.p99 < 60s", json!(18.0), true),
            threshold("nodes.finished >= 101", json!(100), false),
            threshold("outcome == completed", json!("completed"), true),
            threshold("latency.rpc.p99 < 1s", json!(null), false),
        ],
        warnings: vec![
            "31 nodes have not heard of all others: gossip.ttl 10 reaches 11 hops, the diameter is 50; \
             set settings.gossip.ttl to 49 or more"
                .to_owned(),
        ],
        fingerprint: Some("9f86d081884c7d65".to_owned()),
        engine: Engine { lookahead_s: Some(0.0001), events_per_window: Some(512.5), ..engine("real") },
        ..blank()
    }
}

/// A run that hangs, as P2PFL does on a ring.
pub fn stalled() -> RunResult {
    RunResult {
        outcome: Outcome::Stalled,
        reason: Some("nothing is pending that could move a node on".to_owned()),
        ended_s: Some(61.5),
        nodes: Nodes { total: 16, ..Nodes::default() },
        stalled: vec![
            group("0-3,12-15", 8, Some(Stage::Vote), "votes of 4-11, which are further away than 11 hops"),
            group("4,6,8", 3, Some(Stage::Wait), "the aggregate of round 0 from the train set 0, 1, 2, 3"),
            group("5,7,9-11", 5, None, "start_learning"),
        ],
        thresholds: vec![threshold("outcome == stalled", json!("stalled"), true)],
        rounds: full().rounds.into_iter().take(1).map(|round| result_round(round, 0)).collect(),
        scenario: scenario("ring-16-faithful-memory", 3),
        ..full_traffic()
    }
}

/// A run that the user ended.
pub fn interrupted() -> RunResult {
    RunResult {
        outcome: Outcome::Interrupted,
        reason: Some("Ctrl-C".to_owned()),
        ended_s: Some(25.0),
        nodes: Nodes { total: 100, finished: 3, ..Nodes::default() },
        rounds: full().rounds.into_iter().take(1).collect(),
        ..full_traffic()
    }
}

/// A run that reached a limit on a machine that could not keep up.
pub fn failed() -> RunResult {
    RunResult {
        outcome: Outcome::Failed,
        reason: Some("limits.wall of 10m is reached".to_owned()),
        overloaded: true,
        ended_s: Some(4_000.0),
        nodes: Nodes { total: 12_345, finished: 0, panicked: 1, ..Nodes::default() },
        ..blank()
    }
}

/// A probe: a cell of a closed loop and one of an open one, which no run has both of.
pub fn probed() -> RunResult {
    let mut taken = crate::metrics::Histogram::default();
    (1..=1_000).for_each(|micros| taken.record(10_000 * micros, 10));
    let summary = taken.summary(1e9);
    let closed = result::Cell {
        payload_bytes: 64,
        concurrency: Some(64),
        seconds: 5.0,
        messages: 12_345_678,
        failed: 3,
        messages_per_s: 2_469_135.6,
        payload_bytes_per_s: 158_024_678.4,
        message_bytes: 99.5,
        wire_bytes: 104.5,
        message: summary,
        rpc: Some(summary),
        since_due: None,
        lateness: None,
        cpu_s_per_message: Some(381e-9),
    };
    let open = result::Cell {
        payload_bytes: 10_000_000,
        concurrency: None,
        failed: 0,
        since_due: Some(summary),
        lateness: Some(summary),
        cpu_s_per_message: None,
        ..closed
    };
    RunResult {
        ended_s: Some(11.0),
        nodes: Nodes { total: 2, finished: 2, ..Nodes::default() },
        probe: Some(result::Probe { cells: vec![closed, open] }),
        ..blank()
    }
}

/// What went on at the sockets of a run that somebody has tried to disturb.
pub fn sockets() -> result::Sockets {
    let mut set_up = Histogram::default();
    set_up.record(863_000, 62);
    result::Sockets {
        peers_outside: 0,
        messages_outside: 0,
        connections: 62,
        failed: 1,
        set_up: set_up.summary(1e9),
        bytes_written: 1_770_676,
        bytes_read: 1_770_676,
        refused: [("tls".to_owned(), 3)].into(),
    }
}

/// A run that ended before anything was measured.
pub fn empty() -> RunResult {
    RunResult {
        outcome: Outcome::Interrupted,
        reason: Some("Ctrl-C".to_owned()),
        nodes: Nodes { total: 100, ..Nodes::default() },
        cost: Cost {
            machine: None,
            wall_s: 0.0,
            cpu_s: 0.0,
            peak_rss_bytes: None,
            events: 0,
            events_per_cpu_s: f64::NAN,
            messages_per_cpu_s: f64::NAN,
            bytes_per_node: f64::NAN,
        },
        ..blank()
    }
}

/// What the others begin with.
fn blank() -> RunResult {
    let recorder = Recorder::new(Recording::On);
    RunResult {
        schema: SCHEMA.to_owned(),
        scenario: scenario("ring-100", 2),
        scenario_hash: "6dcd4ce23d88e2ee".to_owned(),
        engine: engine("real"),
        outcome: Outcome::Completed,
        reason: None,
        overloaded: false,
        warnings: Vec::new(),
        ended_s: None,
        nodes: Nodes::default(),
        setup: Setup::default(),
        rounds: Vec::new(),
        r#final: Final::default(),
        latency: result::latency(&recorder),
        hops: recorder.hops_histogram().summary(1.0),
        hop_counts: result::hop_counts(&recorder),
        throughput: Series::default().throughput(0.1),
        messages: Messages::of(&recorder),
        sockets: None,
        rumor: None,
        probe: None,
        thresholds: Vec::new(),
        stalled: Vec::new(),
        cost: Cost {
            machine: Some(Machine {
                cpu: Some("Model 3".into()),
                cores: 2,
                memory_bytes: Some(25_769_803_776),
                platform: "linux x86_64".into(),
            }),
            wall_s: 7.9,
            cpu_s: 12.4,
            peak_rss_bytes: Some(52_428_800),
            events: 4_321_000,
            events_per_cpu_s: 348_467.7,
            messages_per_cpu_s: 250_000.0,
            bytes_per_node: 7_654.3,
        },
        fingerprint: None,
    }
}

/// A run of one node, which has nobody to talk to.
pub fn one_node() -> RunResult {
    let mut log = RoundLog::default();
    log.started(0, seconds(0));
    log.finished(0, 0, seconds(1), Some(&[0]));
    log.evaluated(0, spread(0.5, 0.5, 0.5), spread(f64::NAN, f64::NAN, f64::NAN), Some(0.0));
    let rounds = log.rounds(seconds(0));
    RunResult {
        scenario: scenario("alone", 1),
        ended_s: Some(1.0),
        nodes: Nodes { total: 1, finished: 1, ..Nodes::default() },
        r#final: Final::of(&rounds),
        rounds,
        engine: Engine { threads: 1, ..engine("virtual") },
        ..blank()
    }
}

/// A run of more rounds than a page has lines.
pub fn many_rounds() -> RunResult {
    let mut log = RoundLog::default();
    for round in 0..200u32 {
        log.started(round, seconds(round.into()));
        log.finished(round, 0, seconds(u64::from(round) + 1), None);
        let accuracy = 0.95 - 0.85 / f64::from(round + 1);
        log.evaluated(
            round,
            spread(accuracy, accuracy - 0.01, accuracy + 0.01),
            spread(1e-5, 0.0, 1.0),
            None,
        );
    }
    let rounds = log.rounds(seconds(0));
    RunResult {
        scenario: scenario("dpsgd-10k", 200),
        ended_s: Some(200.0),
        nodes: Nodes { total: 10_000, finished: 9_990, crashed: 10, ..Nodes::default() },
        r#final: Final::of(&rounds),
        rounds,
        ..blank()
    }
}

/// All that is known of the full run.
pub fn findings() -> Findings {
    let recorder = recorder();
    Findings {
        // What its own files tell, too.
        result: RunResult { nodes: Nodes { total: 3, ..full().nodes }, ended_s: Some(21.0), ..full() },
        nodes: node_rows(),
        series: series().points().copied().collect(),
        spectra: result::histograms(&recorder)
            .into_iter()
            .map(|(name, histogram)| (name, Spectrum::of(&histogram)))
            .collect(),
        intervals: Interval::all(recorder.intervals()),
        trace: trace(),
        drawing: Drawing { nodes: vec![0, 1, 2], edges: vec![(0, 1), (1, 2)], connections: 2 },
    }
}

/// Two nodes in two rounds, and one that crashes.
pub fn trace() -> Trace {
    let mut tracer = Tracer::new(&Arc::new(Followed::new(vec![0, 1, 2], 100)));
    for node in 0..2 {
        tracer.started(node, seconds(30));
        tracer.stage(node, Stage::Start, seconds(30), seconds(31));
        for round in 0..2u32 {
            let at = |offset: u64| seconds(31 + 10 * u64::from(round) + offset);
            tracer.round(node, round, at(0));
            tracer.stage(node, Stage::Vote, at(0), at(2));
            tracer.job(node, Job::Train, at(2), at(4));
            tracer.stage(node, Stage::Train, at(2), at(4));
            tracer.stage(node, Stage::Aggregate, at(4), at(7));
            tracer.transfer(1 - node, node, Command::PartialModel, round as i32, at(4), at(5), 2_700);
            tracer.stage(node, Stage::Diffuse, at(7), at(10));
        }
    }
    tracer.started(2, seconds(30));
    tracer.last_stage(2, Stage::Start, seconds(33));
    tracer.happened(2, Happening::Crash, seconds(33));
    tracer.happened_to("2".into(), Happening::Crash, seconds(33));
    tracer.happened_to("0 | 1-2".into(), Happening::Partition, seconds(40));
    tracer.trace(seconds(30), seconds(51))
}

/// What is known of a run that left this result and nothing else.
pub fn bare(result: RunResult) -> Findings {
    Findings {
        result,
        nodes: Vec::new(),
        series: Vec::new(),
        spectra: Default::default(),
        intervals: Vec::new(),
        trace: Trace::default(),
        drawing: Drawing::default(),
    }
}

/// Half a second of throughput.
pub fn series() -> Series {
    let mut series = Series::default();
    [(0.0, 0, 0), (0.1, 12_000, 900_000), (0.2, 20_000, 1_400_000)]
        .into_iter()
        .for_each(|(at_s, messages, bytes)| series.sample(at_s, messages, bytes));
    series
}

/// Nodes in different states.
pub fn node_rows() -> Vec<NodeRow> {
    let row = |node: u32, state| NodeRow {
        node,
        address: format!("node-{node}"),
        degree: 2,
        state,
        rounds_finished: 2,
        finished_at_s: (state == NodeState::Finished).then_some(38.25),
        trained_rounds: 1,
        samples: 14,
        messages_sent: 1_000,
        messages_handled: 990,
        accuracy: (state == NodeState::Finished).then_some(0.9),
        bytes_sent: 64_000,
        round_s: Some(9.5),
    };
    vec![row(0, NodeState::Finished), row(1, NodeState::Crashed), row(2, NodeState::Absent)]
}

fn recorder() -> Recorder {
    let mut recorder = Recorder::new(Recording::On);
    recorder.sent(Phase::Setup, Command::Handshake, 200, 4_000, 6_000);
    recorder.delivered(Phase::Setup, Command::Handshake, 200, 4_000);
    let learning = Phase::Learning;
    recorder.sent(learning, Command::Beat, 1_234_567, 61_728_350, 70_000_000);
    recorder.copied(learning, Command::Beat, 3);
    recorder.delivered(learning, Command::Beat, 600_000, 30_000_000);
    recorder.duplicate(learning, Command::Beat, 634_000, 31_700_000);
    recorder.dropped(learning, Command::Beat, Cause::Crash, 500);
    recorder.dropped(learning, Command::Beat, Cause::Loss, 60);
    recorder.sent(learning, Command::VoteTrainSet, 9_900, 990_000, 1_100_000);
    recorder.delivered(learning, Command::VoteTrainSet, 9_900, 990_000);
    recorder.sent(learning, Command::PartialModel, 1_200, 3_200_000, 3_210_000);
    recorder.delivered(learning, Command::PartialModel, 1_200, 3_200_000);
    for i in 1..=1_000 {
        recorder.message_latency(learning, Command::Beat, i * 700, 1_234);
        recorder.together(learning, i * 700, 1_234);
        recorder.rpc_latency(learning, Command::PartialModel, i * 2_000);
        recorder.timer_lateness(i * 1_100);
    }
    for i in 1..=100 {
        recorder.round(18_000_000_000 - i * 1_000_000);
        recorder.stage(Stage::Vote, 2_000_000_000 + i * 1_000_000);
        recorder.stage(Stage::Train, 200_000_000);
        recorder.dissemination(learning, i * 50_000_000, u32::try_from(i / 2).expect("small"));
    }
    recorder
}

/// The traffic of the full result under an outcome of another.
fn full_traffic() -> RunResult {
    let full = full();
    RunResult {
        setup: full.setup,
        latency: full.latency,
        hops: full.hops,
        hop_counts: full.hop_counts,
        throughput: full.throughput,
        messages: full.messages,
        ..blank()
    }
}

fn engine(clock: &str) -> Engine {
    Engine {
        clock: clock.to_owned(),
        transport: "memory".to_owned(),
        threads: 2,
        speedup: 10.0,
        version: "0.1.0".to_owned(),
        commit: Some("0123abc".to_owned()),
        lookahead_s: None,
        events_per_window: None,
    }
}

fn scenario(name: &str, rounds: u32) -> serde_json::Value {
    json!({ "name": name, "nodes": 100, "workflow": { "kind": "p2pfl", "rounds": rounds } })
}

fn result_round(round: crate::metrics::Round, nodes_finished: u32) -> crate::metrics::Round {
    crate::metrics::Round {
        nodes_finished,
        ended_s: None,
        accuracy: None,
        loss: None,
        consensus_distance: None,
        train_sets: Vec::new(),
        ..round
    }
}

fn group(nodes: &str, count: u32, stage: Option<Stage>, waiting_for: &str) -> StalledGroup {
    StalledGroup { nodes: nodes.to_owned(), count, stage, waiting_for: waiting_for.to_owned() }
}

fn threshold(text: &str, value: serde_json::Value, passed: bool) -> Threshold {
    Threshold { threshold: text.to_owned(), value, passed }
}

fn spread(mean: f64, min: f64, max: f64) -> Option<Spread> {
    Some(Spread { mean, min, max })
}

fn seconds(seconds: u64) -> Time {
    Time::from_nanos(seconds * 1_000_000_000)
}
