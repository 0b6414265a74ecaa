//! Small networks' edges.

use crate::wire::PeerId;

pub fn full(nodes: u32) -> Vec<(PeerId, PeerId)> {
    (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b))).collect()
}

pub fn star(nodes: u32) -> Vec<(PeerId, PeerId)> {
    (1..nodes).map(|peer| (0, peer)).collect()
}

pub fn line(nodes: u32) -> Vec<(PeerId, PeerId)> {
    (1..nodes).map(|peer| (peer - 1, peer)).collect()
}

pub fn ring(nodes: u32) -> Vec<(PeerId, PeerId)> {
    (0..nodes).map(|peer| (peer, (peer + 1) % nodes)).collect()
}
