//! The graph itself: who is a neighbour of whom, in compressed sparse rows.
//!
//! How a graph comes about is in `generate` and `import`, what is measured of it in `measures`.

/// Indices of the nodes that a node is connected to: an undirected graph in compressed sparse rows, or a complete
/// graph, which is never written out.
#[derive(Clone, Debug)]
pub struct Graph {
    rows: Rows,
}

#[derive(Clone, Debug)]
enum Rows {
    Complete {
        nodes: u32,
    },
    /// The neighbours of `i` are `targets[offsets[i]..offsets[i + 1]]`, ascending.
    Sparse {
        offsets: Vec<u64>,
        targets: Vec<u32>,
    },
}

impl Graph {
    /// Everyone connected to everyone.
    pub fn complete(nodes: u32) -> Self {
        Self { rows: Rows::Complete { nodes } }
    }

    /// A graph of the given edges; loops are left out, an edge listed twice counts once.
    ///
    /// # Panics
    /// If an end is not below `nodes`: what a user wrote is checked before.
    pub fn from_edges(nodes: u32, edges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let edges: Vec<(u32, u32)> = edges.into_iter().filter(|(a, b)| a != b).collect();
        let mut offsets = vec![0u64; nodes as usize + 1];
        for &(a, b) in &edges {
            assert!(a < nodes && b < nodes, "the edge ({a}, {b}) leaves a graph of {nodes} nodes");
            offsets[a as usize + 1] += 1;
            offsets[b as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut next = offsets.clone();
        let mut targets = vec![0u32; edges.len() * 2];
        let mut push = |from: u32, to: u32| {
            targets[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        };
        for &(a, b) in &edges {
            push(a, b);
            push(b, a);
        }
        drop((edges, next));

        // Each row is sorted and loses its repetitions; what remains moves up.
        let (mut row_start, mut kept) = (0, 0);
        for node in 0..nodes as usize {
            let row_end = offsets[node + 1] as usize;
            targets[row_start..row_end].sort_unstable();
            let first = kept;
            for at in row_start..row_end {
                if kept == first || targets[kept - 1] != targets[at] {
                    targets[kept] = targets[at];
                    kept += 1;
                }
            }
            offsets[node + 1] = kept as u64;
            row_start = row_end;
        }
        targets.truncate(kept);
        targets.shrink_to_fit();
        Self { rows: Rows::Sparse { offsets, targets } }
    }

    /// Whether this is the complete graph that is never written out.
    pub fn is_complete(&self) -> bool {
        matches!(self.rows, Rows::Complete { .. })
    }

    /// The number of nodes.
    pub fn nodes(&self) -> u32 {
        match &self.rows {
            Rows::Complete { nodes } => *nodes,
            Rows::Sparse { offsets, .. } => (offsets.len() - 1) as u32,
        }
    }

    /// The number of edges.
    pub fn edges(&self) -> u64 {
        match &self.rows {
            Rows::Complete { nodes } => u64::from(*nodes) * u64::from(nodes.saturating_sub(1)) / 2,
            Rows::Sparse { targets, .. } => targets.len() as u64 / 2,
        }
    }

    /// How many neighbours `node` has.
    pub fn degree(&self, node: u32) -> u32 {
        match &self.rows {
            Rows::Complete { nodes } => nodes.saturating_sub(1),
            Rows::Sparse { offsets, .. } => (offsets[node as usize + 1] - offsets[node as usize]) as u32,
        }
    }

    /// The neighbours of `node`, ascending.
    pub fn neighbours(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let (complete, sparse): (std::ops::Range<u32>, &[u32]) = match &self.rows {
            Rows::Complete { nodes } => (0..*nodes, &[]),
            Rows::Sparse { offsets, targets } => {
                (0..0, &targets[offsets[node as usize] as usize..offsets[node as usize + 1] as usize])
            }
        };
        complete.filter(move |other| *other != node).chain(sparse.iter().copied())
    }

    /// Whether two nodes are connected.
    pub fn connected(&self, a: u32, b: u32) -> bool {
        match &self.rows {
            Rows::Complete { .. } => a != b,
            Rows::Sparse { offsets, targets } => targets
                [offsets[a as usize] as usize..offsets[a as usize + 1] as usize]
                .binary_search(&b)
                .is_ok(),
        }
    }

    /// The same graph with the edges of some nodes, given in ascending order, left out.
    pub fn without(&self, nodes: &[u32]) -> Self {
        if nodes.is_empty() {
            return self.clone();
        }
        let stays = |node: u32| nodes.binary_search(&node).is_err();
        Self::from_edges(self.nodes(), self.edge_list().filter(|&(a, b)| stays(a) && stays(b)))
    }

    /// Every edge once, as (smaller, greater), in ascending order.
    pub fn edge_list(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        (0..self.nodes()).flat_map(|a| self.neighbours(a).filter(move |b| *b > a).map(move |b| (a, b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_graph_holds_each_of_its_edges_once_in_both_directions(
            edges in proptest::collection::vec((0u32..12, 0u32..12), 0..60)
        ) {
            let graph = Graph::from_edges(12, edges.iter().copied());
            let expected: BTreeSet<(u32, u32)> =
                edges.iter().filter(|(a, b)| a != b).map(|&(a, b)| (a.min(b), a.max(b))).collect();
            prop_assert_eq!(graph.edges(), expected.len() as u64);
            prop_assert!(graph.edge_list().eq(expected.iter().copied()));
            for a in 0..12 {
                let row: Vec<u32> = graph.neighbours(a).collect();
                prop_assert!(row.is_sorted() && row.len() == graph.degree(a) as usize);
                for b in 0..12 {
                    prop_assert_eq!(graph.connected(a, b), expected.contains(&(a.min(b), a.max(b))));
                    prop_assert_eq!(graph.connected(a, b), row.contains(&b));
                }
            }
        }
    }

    #[test]
    fn without_a_node_only_its_edges_are_gone() {
        let ring = Graph::from_edges(5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]);
        assert!(ring.without(&[2]).edge_list().eq([(0, 1), (0, 4), (3, 4)]));
        assert_eq!(Graph::complete(5).without(&[0, 4]).edges(), 3);
    }

    #[test]
    fn the_complete_graph_is_the_one_with_every_edge() {
        let (implicit, all) = (Graph::complete(5), (0..5).flat_map(|a| (0..5).map(move |b| (a, b))));
        let written = Graph::from_edges(5, all);
        assert!(implicit.edge_list().eq(written.edge_list()));
        assert_eq!((implicit.edges(), implicit.degree(3)), (written.edges(), written.degree(3)));
        assert_eq!(implicit.connected(2, 2), written.connected(2, 2));
        assert_eq!((Graph::complete(0).edges(), Graph::complete(1).degree(0)), (0, 0));
    }
}
