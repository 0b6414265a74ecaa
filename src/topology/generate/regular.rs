//! Random regular graphs.

use super::super::{RandomRegular, TopologyError};
use super::{EdgeList, affordable};
use crate::random::Stream;
use rand::RngExt;
use rand::seq::SliceRandom;

/// A graph in which every node has the same degree, close to uniformly among all such graphs: the pairing model
/// (Bollobás 1980), whose loops and parallel edges are then switched away (McKay and Wormald 1990).
///
/// Every simple pairing is equally likely. A pairing has about (d² − 1)/4 bad edges whatever the number of nodes, and
/// each is mended by one switch with a random edge, so that at a million nodes a few dozen edges of millions
/// have moved. Degrees above half the nodes are made as the complement of a sparse one. Below that a switch that mends
/// nearly always exists; where none does (five nodes that have only loops, say), the pairing is drawn again.
pub fn random_regular(
    nodes: u32,
    spec: &RandomRegular,
    stream: &mut Stream,
) -> Result<EdgeList, TopologyError> {
    const FIELD: &str = "topology.degree";
    let (degree, most) = (spec.degree, nodes.saturating_sub(1));
    if degree > most {
        let message = format!("is {degree}, but a node of {nodes} has at most {most} neighbours");
        return Err(TopologyError::parameter(FIELD, message));
    }
    if nodes % 2 == 1 && degree % 2 == 1 {
        let message = format!(
            "is {degree}, but nodes × degree must be even, and {nodes} × {degree} is odd; take {} or {}, or {} nodes",
            degree - 1,
            degree + 1,
            u64::from(nodes) + 1
        );
        return Err(TopologyError::parameter(FIELD, message));
    }
    affordable(f64::from(nodes) * f64::from(degree) / 2.0, FIELD)?;
    if degree <= most / 2 {
        return Ok(simple(nodes, degree, stream));
    }
    let mut absent = simple(nodes, most - degree, stream);
    absent.iter_mut().for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
    absent.sort_unstable();
    let mut absent = absent.into_iter().peekable();
    let all = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
    Ok(all.filter(|pair| absent.next_if_eq(pair).is_none()).collect())
}

/// The edges of a simple graph in which every node has `degree` neighbours, at most half of the others. Such a graph
/// exists for every even number of ends, and every pairing is as likely as any other, so a redraw ends sooner or later.
fn simple(nodes: u32, degree: u32, stream: &mut Stream) -> EdgeList {
    loop {
        if let Some(edges) = Pairing::draw(nodes, degree, stream).mend(stream) {
            return edges;
        }
    }
}

/// A multigraph in which every node has the same number of ends.
struct Pairing {
    degree: usize,
    edges: EdgeList,
    /// The other ends of node i's edges are `ends[i * degree..][..degree]`; a loop stands there twice.
    ends: Vec<u32>,
}

impl Pairing {
    fn draw(nodes: u32, degree: u32, stream: &mut Stream) -> Self {
        let degree = degree as usize;
        let mut stubs: Vec<u32> = (0..nodes).flat_map(|node| std::iter::repeat_n(node, degree)).collect();
        stubs.shuffle(stream);
        let edges: EdgeList = stubs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let mut ends = stubs;
        let mut filled = vec![0u32; nodes as usize];
        for &(a, b) in &edges {
            for (from, to) in [(a, b), (b, a)] {
                ends[from as usize * degree + filled[from as usize] as usize] = to;
                filled[from as usize] += 1;
            }
        }
        Self { degree, edges, ends }
    }

    /// Switches {a, b}, {c, d} to {a, c}, {b, d} until no edge is a loop or parallel to another; nothing if an edge is
    /// left that no switch mends. Every switch leaves fewer bad edges, since the two that it makes are good.
    fn mend(mut self, stream: &mut Stream) -> Option<EdgeList> {
        for bad in 0..self.edges.len() {
            let mut misses = 0;
            while self.is_bad(self.edges[bad]) {
                let other = stream.random_range(0..self.edges.len());
                let (mut c, mut d) = self.edges[other];
                if stream.random() {
                    std::mem::swap(&mut c, &mut d);
                }
                if self.switches(bad, other, (c, d)) {
                    let (a, b) = self.edges[bad];
                    for (at, old, new) in [(a, b, c), (b, a, d), (c, d, a), (d, c, b)] {
                        self.replace(at, old, new);
                    }
                    (self.edges[bad], self.edges[other]) = ((a, c), (b, d));
                    continue;
                }
                misses += 1;
                // So many misses are rare unless there is nothing to hit: that is worth one look at every edge.
                if misses == self.edges.len() && !self.is_mendable(bad) {
                    return None;
                }
            }
        }
        Some(self.edges)
    }

    /// Whether switching edge `bad` with edge `other`, taken in the direction (c, d), gives two good edges.
    fn switches(&self, bad: usize, other: usize, (c, d): (u32, u32)) -> bool {
        let (a, b) = self.edges[bad];
        let same = other == bad || (a.min(c), a.max(c)) == (b.min(d), b.max(d));
        !(same || a == c || b == d || self.multiplicity(a, c) > 0 || self.multiplicity(b, d) > 0)
    }

    fn is_mendable(&self, bad: usize) -> bool {
        let mut others = self.edges.iter().enumerate();
        others.any(|(other, &(c, d))| self.switches(bad, other, (c, d)) || self.switches(bad, other, (d, c)))
    }

    fn is_bad(&self, (a, b): (u32, u32)) -> bool {
        a == b || self.multiplicity(a, b) > 1
    }

    /// How often `a` and `b` are connected. Counting to the end rather than stopping at the first lets it be done
    /// many at a time.
    fn multiplicity(&self, a: u32, b: u32) -> usize {
        let start = a as usize * self.degree;
        self.ends[start..start + self.degree].iter().filter(|end| **end == b).count()
    }

    fn replace(&mut self, at: u32, old: u32, new: u32) {
        let start = at as usize * self.degree;
        let row = &mut self.ends[start..start + self.degree];
        let place =
            row.iter().position(|end| *end == old).expect("every edge stands in the rows of its ends");
        row[place] = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;
    use std::collections::BTreeSet;

    /// Small graphs are where a pairing may have no switch that mends it: every size and degree, many seeds.
    #[test]
    fn small_graphs_are_simple_and_regular_from_every_seed() {
        for nodes in 1..=10 {
            for degree in (0..nodes).filter(|degree| nodes * degree % 2 == 0) {
                for seed in 0..2_000 {
                    let mut stream = Stream::new(seed, 0, Purpose::Topology, 0);
                    let edges = random_regular(nodes, &RandomRegular { degree }, &mut stream).unwrap();
                    let mut degrees = vec![0; nodes as usize];
                    for &(a, b) in &edges {
                        assert_ne!(a, b, "{nodes} nodes of degree {degree}, seed {seed}");
                        degrees[a as usize] += 1;
                        degrees[b as usize] += 1;
                    }
                    assert!(degrees.iter().all(|it| *it == degree), "{nodes}, {degree}, seed {seed}");
                    let distinct: BTreeSet<_> = edges.iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
                    assert_eq!(distinct.len(), edges.len(), "{nodes}, {degree}, seed {seed}");
                }
            }
        }
    }

    #[test]
    fn a_pairing_of_loops_alone_cannot_be_mended() {
        let loops = || Pairing {
            degree: 2,
            edges: (0..5).map(|node| (node, node)).collect(),
            ends: (0..5).flat_map(|node| [node, node]).collect(),
        };
        for seed in 0..20 {
            let mut stream = Stream::new(seed, 0, Purpose::Topology, 0);
            assert_eq!(loops().mend(&mut stream), None, "seed {seed}");
        }
    }
}
