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
/// have moved. Degrees above half the nodes are made as the complement of a sparse one; below that a switch that
/// mends always exists, so the loop ends.
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
        return Ok(Pairing::draw(nodes, degree, stream).mend(stream));
    }
    let mut absent = Pairing::draw(nodes, most - degree, stream).mend(stream);
    absent.iter_mut().for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
    absent.sort_unstable();
    let mut absent = absent.into_iter().peekable();
    let all = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
    Ok(all.filter(|pair| absent.next_if_eq(pair).is_none()).collect())
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

    /// Switches {a, b}, {c, d} to {a, c}, {b, d} until no edge is a loop or parallel to another.
    fn mend(mut self, stream: &mut Stream) -> EdgeList {
        for bad in 0..self.edges.len() {
            while self.is_bad(self.edges[bad]) {
                let (a, b) = self.edges[bad];
                let other = stream.random_range(0..self.edges.len());
                let (mut c, mut d) = self.edges[other];
                if stream.random() {
                    std::mem::swap(&mut c, &mut d);
                }
                let same = other == bad || (a.min(c), a.max(c)) == (b.min(d), b.max(d));
                if same || a == c || b == d || self.multiplicity(a, c) > 0 || self.multiplicity(b, d) > 0 {
                    continue;
                }
                for (at, old, new) in [(a, b, c), (b, a, d), (c, d, a), (d, c, b)] {
                    self.replace(at, old, new);
                }
                (self.edges[bad], self.edges[other]) = ((a, c), (b, d));
            }
        }
        self.edges
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
