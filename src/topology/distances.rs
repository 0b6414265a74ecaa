//! Hop counts between nodes: diameter, mean path length, and how many peers are within so many hops.
//!
//! Breadth-first searches from 512 sources run at once, one bit each (Then et al. 2014, "The more the merrier"): a
//! node that several searches reach at the same hop is expanded once for all of them.

use super::Graph;
use crate::random::{NO_NODE, Purpose, Stream};
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;

/// Shortest paths of a connected graph, in hops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distances {
    /// The longest shortest path; if not `exact`, the longest one seen, so at least this.
    pub diameter: u32,
    /// The diameter is at most this: equal to it if known, else twice the smallest eccentricity seen.
    pub diameter_at_most: u32,
    /// The mean over all pairs of nodes, or over those with a sampled source.
    pub mean_path_length: f64,
    /// Whether every node was a source.
    pub exact: bool,
    /// How many nodes searches started from.
    pub sources: u32,
}

/// Up to so many nodes all of them are sources.
const EXACT_NODES: u32 = 20_000;
const WORDS: usize = 8;
/// Sources that are searched from together.
const BATCH: usize = WORDS * 64;

/// A set of the sources of a batch.
type Sources = [u64; WORDS];

impl Graph {
    /// Diameter and mean path length: exact up to 20,000 nodes, above that bounds from 512 sources drawn from
    /// `seed`. Nothing if some nodes cannot reach each other.
    pub fn distances(&self, seed: u64) -> Option<Distances> {
        let nodes = self.nodes();
        if self.is_complete() || nodes < 2 {
            let diameter = u32::from(nodes > 1);
            let mean_path_length = f64::from(diameter);
            return Some(Distances {
                diameter,
                diameter_at_most: diameter,
                mean_path_length,
                exact: true,
                sources: nodes,
            });
        }
        if self.components().count() > 1 {
            return None;
        }
        let (sources, exact) = self.sources(seed);
        let total = self.tally_of(&sources);
        let pairs = sources.len() as f64 * f64::from(nodes - 1);
        Some(Distances {
            diameter: total.longest,
            diameter_at_most: if exact { total.longest } else { total.shortest.saturating_mul(2) },
            mean_path_length: total.hops as f64 / pairs,
            exact,
            sources: sources.len() as u32,
        })
    }

    /// The longest shortest path between nodes that can reach each other: the longest one seen, how long it is at most,
    /// and whether these are the same. The sources of a sample, where one is needed, are drawn from `seed`.
    pub(super) fn widest(&self, seed: u64) -> (u32, u32, bool) {
        if self.is_complete() || self.nodes() < 2 {
            let width = u32::from(self.nodes() > 1);
            return (width, width, true);
        }
        let (sources, exact) = self.sources(seed);
        let total = self.tally_of(&sources);
        let components = self.components();
        let at_most = match components.count() {
            _ if exact => total.longest,
            1 => total.shortest.saturating_mul(2),
            _ => components.largest() - 1,
        };
        (total.longest, at_most, exact)
    }

    /// Where searches start from, and whether that is everywhere.
    fn sources(&self, seed: u64) -> (Vec<u32>, bool) {
        let nodes = self.nodes();
        if nodes <= EXACT_NODES {
            return ((0..nodes).collect(), true);
        }
        let stream = &mut Stream::new(seed, NO_NODE, Purpose::Measure, 0);
        let mut chosen = BTreeSet::new();
        while chosen.len() < BATCH {
            chosen.insert(stream.random_range(0..nodes));
        }
        (chosen.into_iter().collect(), false)
    }

    fn tally_of(&self, sources: &[u32]) -> Tally {
        sources.par_chunks(BATCH).map(|batch| self.tally(batch)).reduce(
            || Tally { hops: 0, longest: 0, shortest: u32::MAX },
            |a, b| Tally {
                hops: a.hops + b.hops,
                longest: a.longest.max(b.longest),
                shortest: a.shortest.min(b.shortest),
            },
        )
    }

    /// How far the farthest node is that can be reached from `node`, in hops.
    pub fn eccentricity(&self, node: u32) -> u32 {
        // A search would look at every edge: half a million million of a million nodes.
        if self.is_complete() {
            return u32::from(self.nodes() > 1);
        }
        self.sweep(&[node], u32::MAX, |_, _, _| {})
    }

    /// For each node, how many others are at most `hops` hops away.
    ///
    /// At once if everyone in a component is certainly within reach of everyone else; otherwise a search
    /// from every node, which takes seconds from about 100,000 nodes on.
    pub fn reach(&self, hops: u32) -> Vec<u32> {
        let nodes = self.nodes();
        if self.is_complete() {
            return vec![if hops > 0 { nodes - 1 } else { 0 }; nodes as usize];
        }
        let components = self.components();
        let mut first = vec![None; components.count()];
        for node in 0..nodes {
            first[components.of(node) as usize].get_or_insert(node);
        }
        // No two nodes are farther apart than twice the eccentricity of any one.
        let near = |node: u32| u64::from(self.eccentricity(node)) * 2 <= u64::from(hops);
        if hops >= 2 && first.iter().flatten().all(|&node| near(node)) {
            return (0..nodes).map(|node| components.sizes()[components.of(node) as usize] - 1).collect();
        }
        // Paths go both ways: the sources that reach a node are those that it reaches.
        let empty = || vec![0u32; nodes as usize];
        let all: Vec<u32> = (0..nodes).collect();
        all.par_chunks(BATCH)
            .fold(empty, |mut reached, batch| {
                self.sweep(batch, hops, |_, node, sources| reached[node as usize] += size(sources));
                reached
            })
            .reduce(empty, |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                a
            })
    }

    fn tally(&self, batch: &[u32]) -> Tally {
        let (mut hops, mut last) = (0u64, vec![0u32; batch.len()]);
        let (mut hop_now, mut alive) = (0, [0u64; WORDS]);
        let settle = |hop: u32, alive: &Sources, last: &mut Vec<u32>| {
            members(alive).for_each(|source| last[source] = hop);
        };
        self.sweep(batch, u32::MAX, |hop, _, sources| {
            if hop != hop_now {
                settle(hop_now, &alive, &mut last);
                (hop_now, alive) = (hop, [0; WORDS]);
            }
            hops += u64::from(hop) * u64::from(size(sources));
            alive.iter_mut().zip(sources).for_each(|(a, s)| *a |= s);
        });
        settle(hop_now, &alive, &mut last);
        let extreme = |it: Option<&u32>| it.copied().unwrap_or(0);
        Tally { hops, longest: extreme(last.iter().max()), shortest: extreme(last.iter().min()) }
    }

    /// Searches from up to 512 sources at once, at most `hops` far. For each hop from 1 on, `visit` gets every node
    /// that is first reached then, with the sources that reach it. Returns the last hop that reached anyone.
    fn sweep(&self, batch: &[u32], hops: u32, mut visit: impl FnMut(u32, u32, &Sources)) -> u32 {
        let nodes = self.nodes() as usize;
        let (mut seen, mut here, mut next) =
            (vec![[0u64; WORDS]; nodes], vec![[0u64; WORDS]; nodes], vec![[0u64; WORDS]; nodes]);
        for (i, &source) in batch.iter().enumerate() {
            seen[source as usize][i / 64] |= 1 << (i % 64);
            here[source as usize] = seen[source as usize];
        }
        let (mut active, mut touched) = (batch.to_vec(), Vec::new());
        for hop in 1..=hops {
            for &node in &active {
                let sources = here[node as usize];
                for other in self.neighbours(node) {
                    let target = &mut next[other as usize];
                    if *target == [0; WORDS] {
                        touched.push(other);
                    }
                    target.iter_mut().zip(sources).for_each(|(t, s)| *t |= s);
                }
            }
            active.clear();
            for node in touched.drain(..) {
                let (at, known) = (node as usize, &mut seen[node as usize]);
                let mut new = std::mem::take(&mut next[at]);
                new.iter_mut().zip(known.iter_mut()).for_each(|(n, k)| {
                    *n &= !*k;
                    *k |= *n;
                });
                if new != [0; WORDS] {
                    here[at] = new;
                    active.push(node);
                    visit(hop, node, &new);
                }
            }
            if active.is_empty() {
                return hop - 1;
            }
        }
        hops
    }
}

/// What a batch adds: hops of all its paths, its greatest and its smallest eccentricity.
struct Tally {
    hops: u64,
    longest: u32,
    shortest: u32,
}

fn size(sources: &Sources) -> u32 {
    sources.iter().map(|word| word.count_ones()).sum()
}

fn members(sources: &Sources) -> impl Iterator<Item = usize> + '_ {
    sources
        .iter()
        .enumerate()
        .flat_map(|(i, &word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| i * 64 + bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(nodes: u32) -> Graph {
        Graph::from_edges(nodes, (0..nodes).map(|i| (i, (i + 1) % nodes)))
    }

    /// Hops from one node by the textbook.
    fn hops_from(graph: &Graph, source: u32) -> Vec<Option<u32>> {
        let mut hops = vec![None; graph.nodes() as usize];
        hops[source as usize] = Some(0);
        let mut queue = std::collections::VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for other in graph.neighbours(node) {
                if hops[other as usize].is_none() {
                    hops[other as usize] = hops[node as usize].map(|h| h + 1);
                    queue.push_back(other);
                }
            }
        }
        hops
    }

    proptest! {
        #[test]
        fn many_searches_at_once_find_what_one_by_one_finds(
            nodes in 2u32..700, edges in proptest::collection::vec((0u32..700, 0u32..700), 0..1500), hops in 0u32..12
        ) {
            let graph = Graph::from_edges(nodes, edges.iter().map(|(a, b)| (a % nodes, b % nodes)));
            let all: Vec<Vec<Option<u32>>> = (0..nodes).map(|source| hops_from(&graph, source)).collect();
            let near = |row: &Vec<Option<u32>>| row.iter().flatten().filter(|h| (1..=hops).contains(*h)).count() as u32;
            prop_assert_eq!(graph.reach(hops), all.iter().map(near).collect::<Vec<_>>());
            let far: Option<u64> = all.iter().flatten().map(|h| h.map(u64::from)).sum();
            let found = graph.distances(0);
            prop_assert_eq!(found.is_some(), far.is_some());
            if let (Some(found), Some(far)) = (found, far) {
                prop_assert_eq!(Some(found.diameter), all.iter().flatten().flatten().copied().max());
                prop_assert_eq!(found.mean_path_length, far as f64 / (f64::from(nodes) * f64::from(nodes - 1)));
            }
        }
    }

    #[test]
    fn a_ring_has_half_its_nodes_as_diameter_and_two_peers_a_hop() {
        let distances = ring(1_000).distances(0).unwrap();
        assert_eq!((distances.diameter, distances.exact, distances.sources), (500, true, 1_000));
        assert_eq!(ring(30).reach(11), [22; 30]);
        assert_eq!(ring(30).reach(u32::MAX), [29; 30]);
    }

    #[test]
    fn of_a_large_graph_the_bounds_hold_the_diameter() {
        let nodes = EXACT_NODES + 2;
        let distances = ring(nodes).distances(7).unwrap();
        assert!(!distances.exact && distances.sources == 512);
        assert!(distances.diameter <= nodes / 2 && nodes / 2 <= distances.diameter_at_most);
        // On a ring every source sees the same.
        assert_eq!(distances.mean_path_length, f64::from(nodes).powi(2) / 4.0 / f64::from(nodes - 1));
    }

    #[test]
    fn the_complete_graph_is_one_hop_wide() {
        let full = Graph::complete(1_000_000);
        assert_eq!(full.distances(0).map(|d| (d.diameter, d.mean_path_length)), Some((1, 1.0)));
        assert_eq!(Graph::complete(4).reach(1), [3; 4]);
        assert_eq!(Graph::complete(4).reach(0), [0; 4]);
        assert_eq!(Graph::complete(1).distances(0).map(|d| d.diameter), Some(0));
    }
}
