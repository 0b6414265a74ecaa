//! Whole networks, in every variant.

use super::network::Network;
use super::rules::Setup;
use super::shapes::{full, line, ring, star};
use crate::learning::consensus_distance;
use crate::node::spec::Variant;
use crate::wire::PeerId;

/// A shape and its name.
type Shape = (&'static str, u32, fn(u32) -> Vec<(PeerId, PeerId)>);

const SHAPES: [Shape; 4] = [("full", 8, full), ("star", 16, star), ("ring", 16, ring), ("line", 12, line)];

/// P2PFL's settings, with a time to live that lets everyone hear of everyone.
fn setup(nodes: u32, variant: Variant) -> Setup {
    Setup::p2pfl(nodes, variant).with(|it| {
        it.gossip.ttl = 20;
        it.gossip.amount_last_messages_saved = 10_000;
        it.heartbeat.timeout = crate::format::units::Span::secs(10);
    })
}

#[test]
fn repaired_finishes_everywhere_with_one_train_set_and_one_model() {
    for (name, nodes, shape) in SHAPES {
        let mut network = Network::new(setup(nodes, Variant::Repaired), &shape(nodes));
        network.learn();
        assert!(network.finish(120), "{name}: {:?} finished", network.finished());
        for round in 0..2 {
            assert_eq!(network.train_sets(round).len(), 1, "{name}: {:?}", network.train_sets(round));
            let models: Vec<_> = network.models(round).into_values().collect();
            assert_eq!(models.len(), nodes as usize, "{name}");
            // Averages of averages differ in their last bits from averages.
            let apart = consensus_distance(&models).unwrap();
            assert!(
                apart < 1e-5,
                "{name}: everyone ends round {round} with the same model, not {apart} apart"
            );
        }
    }
}

#[test]
fn p2pfl_finishes_where_everyone_hears_of_everyone() {
    for variant in [Variant::Faithful, Variant::FaithfulMemory] {
        for (name, nodes, shape) in SHAPES {
            let mut network = Network::new(setup(nodes, variant), &shape(nodes));
            network.learn();
            assert!(network.finish(120), "{name}, {variant:?}: {:?} finished", network.finished());
            assert!(network.failed().is_empty());
        }
    }
}

#[test]
fn a_ring_of_sixteen_hangs_in_memory_because_few_hear_the_votes() {
    let mut network = Network::new(Setup::p2pfl(16, Variant::FaithfulMemory), &ring(16));
    network.learn();
    assert!(!network.finish(400), "{:?}", network.finished());
    let known = |node: &super::network::Slot| node.node.as_ref().map_or(0, |it| it.links.neighbours.len());
    assert!(network.nodes.iter().all(|it| known(it) < 15), "nobody knows everyone");
}
