//! What the conductor tells a shard, and what a shard reports: the only way between the two. Plain values go in and come out,
//! and nothing of a shard is lent, so that one could as well live in another process.

use super::body::Body;
use super::calendar::Window;
use super::core::Event;
use super::fingerprint;
use super::host::Host;
use super::log::Log;
use super::peers::Fault;
use super::shard::Shard;
use super::shared::Word;
use super::throughput::Throughput;
use crate::engine::course::roster::{self, Counts, Member};
use crate::engine::course::script::Order;
use crate::engine::course::start::{self, Anew};
use crate::engine::{Doing, Fate, NodeReport};
use crate::learning::Model;
use crate::metrics::result::Nodes;
use crate::metrics::{Happened, Histogram, Recorder, RoundLog, Tracer};
use crate::network::Timeline;
use crate::node::Node;
use crate::node::io::Control;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;

/// Who causes the events that no node causes.
const NOBODY: PeerId = PeerId::MAX;

/// What has happened in a shard since it was last asked.
#[derive(Debug, Default)]
pub struct News {
    /// Nodes that went by a fault.
    pub faults: Vec<Fault>,
    /// Models with which nodes finished rounds.
    pub finished: Vec<(u32, PeerId, Arc<Model>)>,
}

/// How far a shard is, for who watches the run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Rounds that every node has finished that is still awaited.
    pub slowest: Option<u32>,
    /// Payload bytes handled.
    pub bytes: u64,
}

/// What a shard's nodes are doing.
#[derive(Debug)]
pub struct Doings {
    /// Every so many nodes of the run, one.
    pub nodes: Vec<Doing>,
    /// Latencies since it was last asked.
    pub latencies: Histogram,
    /// What has happened to nodes beyond what was told before.
    pub happened: Vec<Happened>,
}

/// All that a shard has measured.
pub struct LastReport {
    pub recorder: Recorder,
    pub throughput: Throughput,
    pub rounds: RoundLog,
    pub tracer: Tracer,
    /// What became of its nodes, together and of each.
    pub totals: Nodes,
    pub nodes: Vec<NodeReport>,
    /// The hash over what happened to those before and to these.
    pub chain: u64,
    /// Windows that were run.
    pub windows: u64,
    /// Why the event log is not complete, if there is one.
    pub log: Option<std::io::Error>,
}

/// What the conductor tells a shard.
impl Shard<'_> {
    /// Something is to happen to a node.
    pub fn tell(&mut self, at: Time, node: PeerId, order: Order) {
        self.cause(at, node, Body::Order(Box::new(order)));
    }

    /// Learning begins at `zero`. Those that start it are told `control` then.
    pub fn begin(&mut self, zero: Time, control: Control) {
        self.peers.view.zero = Some(zero);
        self.peers.view.begin = Some(control);
        for node in self.nodes() {
            self.peers.count(node, Counts::begins);
            let workflow = &self.peers.shared.plan.rules.workflow;
            if start::starts(workflow, node, &self.peers.host_of(node).member) {
                self.cause(zero, node, Body::Begin);
            }
        }
    }

    /// This is wrong with the network, and will be.
    pub fn faults(&mut self, timeline: &Arc<Timeline>) {
        self.peers.view.faults = Arc::clone(timeline);
    }

    fn cause(&mut self, at: Time, to: PeerId, body: Body) {
        let seq = self.caused;
        self.caused = seq.checked_add(1).expect("a script causes fewer than four thousand million events");
        self.peers.word.pending += 1;
        self.core.outbox().push(Event { at, to, from: NOBODY, seq, body });
    }
}

/// What a shard reports.
impl Shard<'_> {
    /// How it stands.
    pub fn stands(&self) -> Word {
        self.peers.word
    }

    /// The first window in which it has something to do.
    pub fn first(&self) -> Option<Window> {
        self.core.first()
    }

    /// Nothing has happened yet after this.
    pub fn reached(&self) -> Time {
        self.core.reached()
    }

    pub fn news(&mut self) -> News {
        let peers = &mut self.peers;
        News { faults: std::mem::take(&mut peers.faults), finished: std::mem::take(&mut peers.finished) }
    }

    /// When one of its nodes first entered a round or a later one.
    pub fn entered(&self, round: u32) -> Option<Time> {
        self.peers.rounds.first_from(round)
    }

    /// Its nodes that learning waits for.
    pub fn unready(&self) -> Vec<PeerId> {
        roster::unready(self.members())
    }

    /// Which of its nodes would start learning if nobody learns.
    pub fn starter(&self) -> Option<PeerId> {
        Anew::starter(&self.peers.shared.plan.rules, roster::up(self.members()))
    }

    /// Whether a node has finished all rounds.
    pub fn has_finished(&self, node: PeerId) -> bool {
        self.peers.host_of(node).member.has_finished()
    }

    pub fn progress(&self) -> Progress {
        let slowest = roster::slowest(self.members());
        Progress { slowest, bytes: self.peers.recorder.handled().1 }
    }

    /// What of its nodes every `every`th of the run is doing; `told` happenings are known already.
    pub fn doings(&mut self, every: u32, told: usize) -> Doings {
        let doing = |host: &Host| Doing::of(host.member.fate, host.node.as_ref().and_then(Node::stage));
        let nodes = self.nodes().filter(|node| node.is_multiple_of(every));
        Doings {
            nodes: nodes.map(|node| doing(self.peers.host_of(node))).collect(),
            latencies: self.peers.recorder.take_recent(),
            happened: self.peers.tracer.since(told).to_vec(),
        }
    }

    /// All of it, at the run's end; `before` is the hash over the nodes of the shards before it.
    pub fn last_report(self, end: Time, before: u64) -> LastReport {
        let Self { core, peers, windows, .. } = self;
        let mut tracer = peers.tracer;
        for (node, host) in (peers.base..).zip(&peers.hosts) {
            if let Some(stage) = host.node.as_ref().and_then(Node::stage) {
                tracer.last_stage(node, stage, end);
            }
        }
        // What a node holds is let go of before the next one's report is made, which takes its place in memory.
        drop(core);
        LastReport {
            recorder: peers.recorder,
            throughput: peers.throughput,
            rounds: peers.rounds,
            tracer,
            totals: roster::totals(peers.hosts.iter().map(|it| &it.member)),
            chain: fingerprint::combine(before, peers.hosts.iter().map(|it| it.chain)),
            nodes: peers.hosts.into_iter().map(report).collect(),
            windows,
            log: peers.log.and_then(|it| Log::finish(it).err()),
        }
    }

    fn nodes(&self) -> std::ops::Range<PeerId> {
        self.peers.base..self.peers.base + self.peers.hosts.len() as u32
    }

    fn members(&self) -> impl Iterator<Item = (PeerId, &Member)> {
        self.nodes().zip(self.peers.hosts.iter().map(|it| &it.member))
    }
}

fn report(host: Host) -> NodeReport {
    let (node, member) = (host.node.as_ref(), host.member);
    NodeReport {
        sent: host.sent,
        handled: host.handled,
        bytes_sent: host.bytes_sent,
        round_nanos: host.round_nanos,
        stage: node.and_then(Node::stage),
        // Who is done waits for nothing; there may be a million of them.
        waits_for: node.filter(|_| member.fate == Fate::Up).map(Node::waits_for).unwrap_or_default(),
        ..member.report()
    }
}
