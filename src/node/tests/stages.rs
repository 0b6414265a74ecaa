//! Nodes on the bench that have come as far as a stage, with three neighbours.

use super::bench::Bench;
use super::rules::{Setup, experiment};
use crate::node::Stage;
use crate::node::spec::Variant;
use crate::wire::{GossipBody, NO_ROUND, PeerId};

pub const PEERS: [PeerId; 3] = [1, 2, 3];

pub fn bench(variant: Variant) -> Bench {
    Bench::new(Setup::p2pfl(10, variant), &PEERS)
}

/// In the vote of round 0, with everyone initialised.
pub fn voting(variant: Variant) -> Bench {
    let mut bench = bench(variant);
    bench.reach_vote(&PEERS);
    assert_eq!(bench.node.stage(), Some(Stage::Vote));
    bench
}

/// In the train set with the others, trained, spreading its contribution.
pub fn swapping(variant: Variant) -> Bench {
    let mut bench = voting(variant);
    let out = bench.elect(0, &PEERS, &[0, 1, 2, 3]);
    bench.work(out);
    assert_eq!(bench.node.stage(), Some(Stage::Aggregate));
    bench
}

/// Outside the train set, waiting for the aggregate.
pub fn waiting(variant: Variant) -> Bench {
    let mut bench = voting(variant);
    bench.elect_others(0);
    assert_eq!(bench.node.stage(), Some(Stage::Wait));
    bench
}

/// Waiting for a first model.
pub fn awaiting(variant: Variant) -> Bench {
    let mut bench = bench(variant);
    let experiment = experiment(&bench.rules);
    bench.gossip(1, NO_ROUND, GossipBody::StartLearning(experiment));
    assert_eq!(bench.node.stage(), Some(Stage::Start));
    bench
}
