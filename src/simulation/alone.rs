//! One node as a process of its own: what a scenario says of all nodes, cut down to one of them.

use super::Prepared;
use crate::engine::{Listen, Reach};
use crate::learning;
use crate::node::Starter;
use crate::random::{NO_NODE, Purpose, Stream};
use crate::topology::Graph;
use crate::transport::socket::Address;
use rand::Rng;
use std::time::Duration;

/// What a single node is besides what its scenario says.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Whose part of the data it has; nothing if it has no model and takes the first that it is sent.
    pub share: Option<u32>,
    /// Rounds of learning that it starts; nothing if another peer starts.
    pub starts: Option<u32>,
    /// How many nodes train in a round that it starts.
    pub trainset_size: Option<u32>,
    /// It starts once it has heard of so many peers.
    pub peers: u32,
    /// Where it listens.
    pub listen: Address,
    /// Sets this process apart from others: draws depend on it, and the hashes of messages.
    pub salt: u64,
}

/// Nobody waits longer.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Cuts a plan down to one node. Who else there is, it learns from its neighbours.
pub fn alone(prepared: &mut Prepared, alone: &Alone) {
    let plan = &mut prepared.plan;
    plan.graph = Graph::complete(1);
    plan.rules.own = 1;
    plan.script = Vec::new();
    plan.absent = Vec::new();
    plan.links = None;
    plan.reach = Reach::alone(alone.peers.saturating_sub(plan.outside()));
    plan.learner = match alone.share {
        Some(node) => learning::share(plan.learner.clone(), node),
        None => learning::adopting(),
    };
    plan.learns_shapes = alone.share.is_none();
    if let Some(sockets) = &mut plan.sockets {
        sockets.listen = Listen::At(alone.listen.clone());
        // It starts once it has heard of peers, and waits for them for ever.
        sockets.join_optional = true;
    }
    plan.rules.evaluates &= alone.share.is_some();
    // Two processes of one scenario must not draw the same numbers.
    plan.rules.seed = Stream::new(plan.rules.seed, NO_NODE, Purpose::Process, alone.salt).next_u64();
    plan.time_limit = FOR_EVER;
    plan.wall_limit = FOR_EVER;
    plan.start_after = FOR_EVER;
    plan.speedup = 1.0;
    plan.rules.starter = if alone.starts.is_some() { Starter::Engine } else { Starter::Outside };
    plan.rules.workflow.alone(alone.starts, alone.trainset_size);
}
