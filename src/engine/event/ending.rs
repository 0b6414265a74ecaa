//! The end of a run: what the shards and the conductor know becomes the run's raw measurements.

use super::conductor::Conductor;
use super::fingerprint;
use super::host::Host;
use super::shard::Shard;
use super::shared::{Shared, Word};
use super::throughput::Throughput;
use crate::engine::course::{ending, roster};
use crate::engine::{Fate, NodeReport, Run};
use crate::metrics::result::Outcome;
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
    let verdict = conductor.verdict.take().expect("a run ends with a verdict");
    let mut tracer = conductor.script.tracer.clone();
    let mut rounds = RoundLog::default();
    let members = shards.iter().flat_map(|shard| &shard.peers.hosts).map(|it| &it.member);
    let nodes = roster::totals(plan, conductor.script.joined(), members);
    let mut faults = std::mem::take(&mut conductor.faults);
    let mut reports: Vec<NodeReport> = Vec::new();
    for shard in shards {
        let peers = shard.peers;
        recorder.merge(&peers.recorder);
        throughput.merge(&peers.throughput);
        rounds.merge(&peers.rounds);
        let mut traced = peers.tracer;
        for (node, host) in (peers.base..).zip(&peers.hosts) {
            if let Some(stage) = host.node.as_ref().and_then(Node::stage) {
                traced.last_stage(node, stage, verdict.end);
            }
        }
        tracer.merge(traced);
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
    faults.sort_unstable_by_key(|it| (it.at, it.node));
    let mut warnings = std::mem::take(&mut conductor.warnings);
    let faults = faults.into_iter().map(|it| roster::fault(it.node, it.fate, &it.why));
    warnings.extend(ending::faults(faults.collect()));
    warnings.extend(conductor.script.left_over());
    for (node, accuracy) in conductor.evaluator.end(&mut rounds, &mut warnings) {
        reports[node as usize].accuracy = Some(accuracy);
    }
    let completed = verdict.outcome == Outcome::Completed;
    Run {
        stalled: if completed { Vec::new() } else { ending::waiting(&reports) },
        outcome: verdict.outcome,
        reason: verdict.reason,
        overloaded: Vec::new(),
        warnings,
        nodes,
        reports,
        zero: conductor.zero,
        end: verdict.end,
        rounds,
        recorder,
        series: throughput.series(reached),
        trace: tracer.trace(conductor.zero.unwrap_or(verdict.end), verdict.end),
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
    let (node, member) = (host.node.as_ref(), host.member);
    NodeReport {
        fate: member.fate,
        rounds_finished: member.rounds_finished,
        rounds_trained: member.rounds_trained,
        finished_at: member.has_finished().then_some(member.finished_at),
        sent: host.sent,
        handled: host.handled,
        bytes_sent: host.bytes_sent,
        round_nanos: host.round_nanos,
        accuracy: None,
        stage: node.and_then(Node::stage),
        // Who is done waits for nothing; there may be a million of them.
        waits_for: node.filter(|_| member.fate == Fate::Up).map(Node::waits_for).unwrap_or_default(),
    }
}
