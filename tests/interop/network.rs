//! A simulated network of five nodes that a P2PFL peer takes part in.

use crate::ours::Ours;
use crate::peer::Peer;
use crate::stage::{Over, Stage};
use crate::weights::assert_same;

/// The peer takes the network's model, and is one of six.
fn a_peer_joins_a_simulated_network(over: Over) {
    let Some(stage) = Stage::set(over) else { return };
    let peer = Peer::start(&stage, "peer", &["--weights", "any", "--step", "0.125"]);
    let mut run = Ours::run(&stage, &peer.address);
    let seen = peer.finished();
    let learnt = run.learnt(&stage);
    assert_eq!((seen.rounds, seen.peers), (2, 5));
    assert_same(&[("the network", &learnt), ("the peer", &seen.arrays)]);
    peer.end();
}

#[test]
fn a_peer_joins_a_simulated_network_over_tcp() {
    a_peer_joins_a_simulated_network(Over::Tcp);
}

#[test]
fn a_peer_joins_a_simulated_network_over_mutual_tls() {
    a_peer_joins_a_simulated_network(Over::Mtls);
}
