//! The end of a run: what the shards and the conductor know becomes the run's raw measurements.

use super::conductor::Conductor;
use super::fingerprint;
use super::host::Host;
use super::shard::Shard;
use super::shared::{Shared, Word};
use super::throughput::Throughput;
use crate::engine::course::ending;
use crate::engine::{Fate, NodeReport, Run};
use crate::metrics::result::{Nodes, Outcome};
use crate::metrics::{Recorder, RoundLog};
use crate::node::Node;
use crate::time::Time;

/// Puts together what a run leaves.
pub fn finish(shared: &Shared, shards: Vec<Shard>, mut conductor: Conductor) -> Run {
    let plan = &shared.plan;
    let words: Vec<Word> = shards.iter().map(|shard| shard.peers.word).collect();
    let all = Word::all(&words);
    let reached = shards.first().map_or(Time::ZERO, |shard| shard.core.reached());
    let windows = shards.first().map_or(0, |shard| shard.windows);
    let threads = shards.len() as u32;
    let fingerprint =
        fingerprint::combine(shards.iter().flat_map(|shard| &shard.peers.hosts).map(|host| host.chain));
    let mut recorder = Recorder::new(plan.recording);
    let mut throughput = Throughput::default();
    let mut tracer = conductor.tracer.clone();
    let mut rounds = RoundLog::default();
    let mut counts = Nodes { total: plan.nodes(), joined: conductor.joined, ..Nodes::default() };
    let mut faults = Vec::new();
    let mut reports: Vec<NodeReport> = Vec::new();
    for shard in shards {
        let peers = shard.peers;
        recorder.merge(&peers.recorder);
        throughput.merge(&peers.throughput);
        rounds.merge(&peers.rounds);
        let mut traced = peers.tracer;
        for (node, host) in (peers.base..).zip(&peers.hosts) {
            if let Some(stage) = host.node.as_ref().and_then(Node::stage) {
                traced.last_stage(node, stage, conductor.end);
            }
        }
        tracer.merge(traced);
        let count = |of: fn(&Host) -> bool| peers.hosts.iter().filter(|host| of(host)).count() as u32;
        counts.crashed += count(|host| host.crashed);
        counts.left += count(|host| host.left);
        counts.panicked += count(|host| host.panicked);
        faults.extend(peers.faults);
        // What a node holds is let go of before the next one's report is made, which takes its place in memory.
        drop(shard.core);
        let part: Vec<NodeReport> = peers.hosts.into_iter().map(report).collect();
        if reports.is_empty() {
            reports = part
        } else {
            reports.extend(part)
        }
        if let Some(log) = peers.log {
            // What was measured is worth more than the log.
            if let Err(error) = log.finish() {
                conductor.warnings.push(format!("the event log is not complete: {error}"));
            }
        }
    }
    counts.finished = reports.iter().filter(|it| it.finished_at.is_some()).count() as u32;
    faults.sort_unstable();
    let mut warnings = std::mem::take(&mut conductor.warnings);
    warnings.extend(ending::faults(faults.into_iter().map(|(.., text)| text).collect()));
    for i in &conductor.unplayed {
        warnings.push(format!("script[{i}] never fired: the run was over before"));
    }
    for (node, accuracy) in conductor.evaluator.end(&mut rounds, &mut warnings) {
        reports[node as usize].accuracy = Some(accuracy);
    }
    let verdict = conductor.verdict.expect("a run ends with a verdict");
    let completed = verdict.outcome == Outcome::Completed;
    Run {
        stalled: if completed { Vec::new() } else { ending::waiting(&reports) },
        outcome: verdict.outcome,
        reason: verdict.reason,
        overloaded: Vec::new(),
        warnings,
        nodes: counts,
        reports,
        zero: conductor.zero,
        end: conductor.end,
        rounds,
        recorder,
        series: throughput.series(reached),
        trace: tracer.trace(conductor.zero.unwrap_or(conductor.end), conductor.end),
        laps: None,
        inputs: all.inputs,
        threads,
        speedup: 1.0,
        interval_s: 1.0,
        lookahead: Some(shared.links.lookahead()),
        events_per_window: (windows > 0).then(|| all.inputs as f64 / windows as f64),
        fingerprint: Some(fingerprint),
        sockets: None,
        model: None,
    }
}

fn report(host: Host) -> NodeReport {
    let node = host.node.as_ref();
    NodeReport {
        fate: host.fate,
        rounds_finished: host.rounds_finished,
        rounds_trained: host.rounds_trained,
        finished_at: (host.finished_at != Time::NEVER).then_some(host.finished_at),
        sent: host.sent,
        handled: host.handled,
        bytes_sent: host.bytes_sent,
        round_nanos: host.round_nanos,
        accuracy: None,
        stage: node.and_then(Node::stage),
        // Who is done waits for nothing; there may be a million of them.
        waits_for: node.filter(|_| host.fate == Fate::Up).map(Node::waits_for).unwrap_or_default(),
    }
}
