//! P2PFL peers and `p2pfl-sim node`, each a process of its own.

use crate::ours::{Ours, SCENARIO};
use crate::peer::Peer;
use crate::stage::{Over, Stage};
use crate::weights::{assert_same, growth};

const ROUNDS: u32 = 2;

/// Two of our nodes train nothing; what the peer has learnt reaches them nevertheless.
fn a_peer_leads_two_of_our_nodes(over: Over) {
    let Some(stage) = Stage::set(over) else { return };
    let leader = Peer::start(&stage, "leader", &["--start", "2", "--peers", "2", "--step", "3"]);
    let mut nodes = ["one", "two"].map(|name| Ours::node(&stage, name, &["--connect", &leader.address]));
    let seen = leader.finished();
    let learnt = nodes.each_mut().map(|it| it.learnt(&stage));
    assert_eq!((seen.rounds, seen.trained, seen.peers), (ROUNDS, ROUNDS, 2));
    assert_same(&[("the peer", &seen.arrays), ("node one", &learnt[0]), ("node two", &learnt[1])]);
    let grown = growth(&seen.began, &seen.arrays);
    let alone = f64::from(ROUNDS) * 3.0;
    assert!(
        grown > 0.0 && grown < alone,
        "the weights have grown by {grown}, and by {alone} if it was alone"
    );
    leader.end();
}

/// Our node brings a model and data of its own; the peers add to it.
fn one_of_our_nodes_leads_two_peers(over: Over) {
    let Some(stage) = Stage::set(over) else { return };
    let mut leader = Ours::node(&stage, "leader", &["--scenario", SCENARIO, "--start", "2", "--peers", "2"]);
    let address = leader.address();
    let peers = ["one", "two"].map(|name| {
        Peer::start(&stage, name, &["--connect", &address, "--weights", "any", "--step", "0.125"])
    });
    let seen = peers.each_ref().map(Peer::finished);
    let learnt = leader.learnt(&stage);
    for it in &seen {
        assert_eq!((it.rounds, it.trained, it.peers), (ROUNDS, ROUNDS, 2));
    }
    let shapes: Vec<_> = learnt.iter().map(|it| it.shape.as_slice()).collect();
    assert_eq!(shapes, [&[64, 10][..], &[10]]);
    assert_same(&[("our node", &learnt), ("peer one", &seen[0].arrays), ("peer two", &seen[1].arrays)]);
    for peer in peers {
        peer.end();
    }
}

#[test]
fn a_peer_leads_two_of_our_nodes_over_tcp() {
    a_peer_leads_two_of_our_nodes(Over::Tcp);
}

#[test]
fn a_peer_leads_two_of_our_nodes_over_mutual_tls() {
    a_peer_leads_two_of_our_nodes(Over::Mtls);
}

#[test]
fn one_of_our_nodes_leads_two_peers_over_tcp() {
    one_of_our_nodes_leads_two_peers(Over::Tcp);
}

#[test]
fn one_of_our_nodes_leads_two_peers_over_mutual_tls() {
    one_of_our_nodes_leads_two_peers(Over::Mtls);
}
