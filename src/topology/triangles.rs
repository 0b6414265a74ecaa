//! How much neighbours of a node are neighbours of each other.

use super::Graph;
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

impl Graph {
    /// The clustering coefficient of Watts and Strogatz (1998): the mean over all nodes of the share of pairs of
    /// neighbours that are connected; 0 for a node with fewer than two neighbours.
    ///
    /// Each triangle is found once, from its node of lowest degree, in at most E^1.5 steps (Chiba and Nishizeki 1985).
    pub fn clustering(&self) -> f64 {
        let nodes = self.nodes();
        if self.is_complete() {
            return f64::from(u8::from(nodes > 2));
        }
        let rank = |node: u32| (self.degree(node), node);
        let above: Vec<Vec<u32>> = (0..nodes)
            .into_par_iter()
            .map(|node| self.neighbours(node).filter(|other| rank(*other) > rank(node)).collect())
            .collect();
        // Whole numbers: the order of additions does not matter.
        let triangles: Vec<AtomicU64> = (0..nodes).map(|_| AtomicU64::new(0)).collect();
        let count = |node: u32, by: u64| {
            if by > 0 {
                triangles[node as usize].fetch_add(by, Ordering::Relaxed);
            }
        };
        above.par_iter().enumerate().for_each(|(lowest, row)| {
            let mut total = 0;
            for &middle in row {
                let mut found = 0;
                for highest in common(row, &above[middle as usize]) {
                    count(highest, 1);
                    found += 1;
                }
                count(middle, found);
                total += found;
            }
            count(lowest as u32, total);
        });
        let share = |node: u32| {
            let degree = f64::from(self.degree(node));
            let found = triangles[node as usize].load(Ordering::Relaxed);
            if found == 0 { 0.0 } else { 2.0 * found as f64 / (degree * (degree - 1.0)) }
        };
        (0..nodes).map(share).sum::<f64>() / f64::from(nodes.max(1))
    }
}

/// What two ascending lists have in common.
fn common<'a>(a: &'a [u32], b: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        while let (Some(&x), Some(&y)) = (a.get(i), b.get(j)) {
            i += usize::from(x <= y);
            j += usize::from(y <= x);
            if x == y {
                return Some(x);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_the_definition_counts(edges in proptest::collection::vec((0u32..20, 0u32..20), 0..120)) {
            let graph = Graph::from_edges(20, edges);
            let local = |node: u32| {
                let row: Vec<u32> = graph.neighbours(node).collect();
                let pairs = row.iter().flat_map(|a| row.iter().map(move |b| (*a, *b))).filter(|(a, b)| a < b);
                let (all, closed) = pairs.fold((0, 0), |(n, c), (a, b)| (n + 1, c + u32::from(graph.connected(a, b))));
                if all == 0 { 0.0 } else { f64::from(closed) / f64::from(all) }
            };
            let expected = (0..20).map(local).sum::<f64>() / 20.0;
            prop_assert!((graph.clustering() - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn a_ring_lattice_has_the_clustering_of_its_formula() {
        // 3(k − 2) / 4(k − 1) with k = 6.
        let lattice = Graph::from_edges(40, (0..40).flat_map(|i| (1..=3).map(move |by| (i, (i + by) % 40))));
        assert!((lattice.clustering() - 0.6).abs() < 1e-12);
        assert_eq!(Graph::complete(5).clustering(), 1.0);
        assert_eq!(Graph::complete(2).clustering(), 0.0);
        assert_eq!(Graph::from_edges(100_000, (1..100_000).map(|leaf| (0, leaf))).clustering(), 0.0);
    }
}
