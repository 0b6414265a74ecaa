//! P2PFL peers among themselves: what the other tests expect of a mixed network holds without this program.

use crate::peer::{Peer, Seen};
use crate::stage::{Over, Stage};
use crate::weights::{assert_same, growth, near};

const ROUNDS: u32 = 2;

/// A peer that starts learning once it knows the others, whose steps are given, and what all have seen in the end.
fn learn(over: Over, steps: &[u32]) -> Option<Vec<Seen>> {
    let stage = Stage::set(over)?;
    let others = (steps.len() - 1).to_string();
    let rounds = ROUNDS.to_string();
    let first = steps[0].to_string();
    let leader = Peer::start(&stage, "leader", &["--start", &rounds, "--peers", &others, "--step", &first]);
    let mut peers = Vec::new();
    for (i, step) in steps[1..].iter().enumerate() {
        let options = ["--connect", &leader.address, "--weights", "any", "--step", &step.to_string()];
        peers.push(Peer::start(&stage, &format!("peer-{i}"), &options));
    }
    peers.insert(0, leader);
    let seen = peers.iter().map(Peer::finished).collect();
    for peer in peers {
        peer.end();
    }
    Some(seen)
}

fn all_have_learnt_the_same(seen: &[Seen], steps: &[u32]) {
    for it in seen {
        assert_eq!((it.rounds, it.trained, it.peers), (ROUNDS, ROUNDS, steps.len() as u32 - 1));
    }
    let models: Vec<_> = seen.iter().map(|it| ("a peer", it.arrays.as_slice())).collect();
    assert_same(&models);
    let mean = f64::from(steps.iter().sum::<u32>()) / steps.len() as f64;
    let grown = growth(&seen[0].began, &seen[0].arrays);
    assert!(near(grown, f64::from(ROUNDS) * mean), "the weights have grown by {grown}");
}

#[test]
fn two_peers_learn_the_same() {
    let steps = [1, 4];
    let Some(seen) = learn(Over::Tcp, &steps) else { return };
    all_have_learnt_the_same(&seen, &steps);
}

#[test]
fn three_peers_learn_the_same_with_mutual_tls() {
    let steps = [1, 2, 4];
    let Some(seen) = learn(Over::Mtls, &steps) else { return };
    all_have_learnt_the_same(&seen, &steps);
}
