//! What describes a graph in a few numbers. How each is computed is in a file of its own.

use super::{Distances, Enough, Graph, SpectralGap};
use serde::Serialize;
use std::collections::BTreeMap;

/// The measures of a graph.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// Nodes.
    pub nodes: u32,
    /// Edges.
    pub edges: u64,
    /// Neighbours a node.
    pub degree: Degrees,
    /// Sizes of the connected components, largest first, at most the first hundred.
    pub component_sizes: Vec<u32>,
    /// How many connected components there are.
    pub components: u32,
    /// Shortest paths; nothing if the graph is not connected.
    pub distances: Option<Distances>,
    /// How long a message has to live to reach everyone in its component.
    pub ttl: TimesToLive,
    /// The mean share of pairs of neighbours that are neighbours themselves.
    pub clustering: f64,
    /// How fast averaging with neighbours mixes.
    pub spectral_gap: SpectralGap,
}

/// How long a message has to live to reach everyone in its component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimesToLive {
    /// Where each copy counts for itself.
    pub copies: Enough,
    /// Where all receivers of a message share its time to live, as in the variant `faithful-memory`.
    pub shared: Enough,
}

/// How many neighbours nodes have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Degrees {
    /// The fewest.
    pub min: u32,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub max: u32,
    /// (degree, nodes of that degree), ascending.
    pub histogram: Vec<(u32, u32)>,
}

impl Graph {
    /// All measures. Samples and start vectors, where any are needed, come from `seed`.
    pub fn measures(&self, seed: u64) -> Measures {
        let components = self.components();
        let mut component_sizes = components.sizes().to_vec();
        component_sizes.sort_unstable_by(|a, b| b.cmp(a));
        component_sizes.truncate(100);
        let distances = self.distances(seed);
        let copies = match &distances {
            Some(it) => Enough {
                ttl: it.diameter_at_most.saturating_sub(1),
                exact: it.diameter == it.diameter_at_most,
            },
            None => self.ttl_of_copies(seed),
        };
        Measures {
            nodes: self.nodes(),
            edges: self.edges(),
            degree: self.degrees(),
            component_sizes,
            components: components.count() as u32,
            distances,
            ttl: TimesToLive { copies, shared: self.ttl_shared() },
            clustering: self.clustering(),
            spectral_gap: self.spectral_gap(seed),
        }
    }

    /// How many neighbours nodes have.
    pub fn degrees(&self) -> Degrees {
        let mut histogram = BTreeMap::new();
        for node in 0..self.nodes() {
            *histogram.entry(self.degree(node)).or_insert(0) += 1;
        }
        let end = |entry: Option<(&u32, &u32)>| entry.map_or(0, |(degree, _)| *degree);
        Degrees {
            min: end(histogram.first_key_value()),
            mean: 2.0 * self.edges() as f64 / f64::from(self.nodes().max(1)),
            max: end(histogram.last_key_value()),
            histogram: histogram.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_described_by_its_hub_and_leaves() {
        let measures = Graph::from_edges(5, (1..5).map(|leaf| (0, leaf))).measures(0);
        assert_eq!(measures.degree, Degrees { min: 1, mean: 1.6, max: 4, histogram: vec![(1, 4), (4, 1)] });
        assert_eq!((measures.components, measures.component_sizes), (1, vec![5]));
        assert_eq!(measures.distances.map(|d| (d.diameter, d.mean_path_length)), Some((2, 1.6)));
        assert_eq!(measures.clustering, 0.0);
    }

    #[test]
    fn what_is_not_connected_has_no_diameter() {
        let measures = Graph::from_edges(5, [(0, 1), (2, 3), (3, 4)]).measures(0);
        assert_eq!((measures.components, measures.component_sizes), (2, vec![3, 2]));
        assert_eq!((measures.distances, measures.spectral_gap.value), (None, 0.0));
    }
}
