//! A shard: some of the nodes with their events, run by one thread.

use super::body::Body;
use super::calendar::Window;
use super::core::{Core, Order, World};
use super::crew::Run;
use super::host::Host;
use super::log::Log;
use super::peers::Peers;
use super::pulse::Pulse;
use super::shared::{Shared, View, Word};
use super::throughput::Throughput;
use crate::engine::course::script::Script;
use crate::metrics::{Recorder, RoundLog, Tracer};
use crate::node::io::Taken;
use crate::time::Time;
use crate::wire::PeerId;
use std::sync::Arc;

/// Some of the nodes, and their events.
pub struct Shard<'a> {
    pub(super) core: Core<Body>,
    pub(super) peers: Peers<'a>,
    /// Windows that were run.
    pub(super) windows: u64,
    /// Events that no node caused, for their order.
    pub(super) caused: u32,
    /// When the first shard has the conductor show how far the run is.
    pulse: Pulse,
}

impl<'a> Shard<'a> {
    /// The nodes of a shard, none of them up yet.
    pub fn new(shared: &'a Shared, number: u32, wanted: Option<Arc<[PeerId]>>, log: Option<Log>) -> Self {
        let range = shared.sharding.range(number);
        let rules = &shared.plan.rules;
        let order = if rules.shared_ttl() { Order::ByTime } else { Order::ByProcess };
        let peers = Peers {
            shared,
            view: View::default(),
            base: range.start,
            hosts: range.map(|_| Host::absent()).collect(),
            recorder: Recorder::new(shared.plan.recording),
            rounds: RoundLog::default(),
            tracer: Tracer::new(&shared.plan.followed),
            throughput: Throughput::default(),
            word: Word::default(),
            finished: Vec::new(),
            wanted,
            faults: Vec::new(),
            log,
            outputs: Vec::new(),
            taken: Taken::default(),
            asking: None,
            measured: (0, 0),
            pulse: Pulse::default(),
        };
        let core = Core::new(shared.sharding, number, shared.links.lookahead(), order);
        Self { core, peers, windows: 0, caused: 0, pulse: Pulse::default() }
    }

    /// Brings up those nodes that are there from the beginning.
    pub fn bring_up(&mut self, script: &Script) {
        let plan = &self.peers.shared.plan;
        let nodes = self.peers.base..self.peers.base + self.peers.hosts.len() as u32;
        for node in nodes {
            // A million of them take a while.
            if node.is_multiple_of(256) && self.peers.gives_up() {
                return;
            }
            if let Some(start) = script.first(plan, node) {
                self.peers.up(Time::ZERO, node, start, self.core.outbox());
            }
        }
    }
}

impl Run for Shard<'_> {
    type Body = Body;
    type Word = Word;

    fn core(&mut self) -> &mut Core<Body> {
        &mut self.core
    }

    fn window(&mut self, window: Window) {
        self.windows += 1;
        self.core.run(window, &mut self.peers);
        if let Some(log) = &mut self.peers.log {
            log.end_of_window();
        }
    }

    fn word(&mut self) -> Word {
        let halting = &self.peers.shared.halting;
        let tick = (self.peers.base == 0 && self.pulse.beats(halting)) || halting.reached().is_some();
        Word { tick, ..self.peers.word }
    }
}
