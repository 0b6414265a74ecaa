//! How long a message that floods has to live to reach everyone.
//!
//! Where each copy of a message counts for itself, a time to live of t carries it over t + 1 hops: the diameter decides.
//! Where all receivers share it, the message is passed on t times in all, by the first t nodes that get it, and which
//! these are is a matter of latencies. What is computed here holds for every order.

use super::{Components, Graph};
use serde::Serialize;
use std::collections::BTreeSet;

/// A time to live that carries every message to everyone that it could reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Enough {
    /// The time to live.
    pub ttl: u32,
    /// Whether no shorter one is certain to do.
    pub exact: bool,
}

/// A node of which not everyone need hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// The node.
    pub node: u32,
    /// How many others hear of it, if all goes as badly as it can.
    pub reached: u32,
    /// How many others could hear of it.
    pub of: u32,
}

/// Nodes and edges that are passed in looking for what is hardest, about: if that is not enough to look everywhere, what
/// is found may be a bound.
const LOOKED_AT: u64 = 100_000_000;

impl Graph {
    /// The least time to live with which a message reaches everyone, where each copy counts for itself: the diameter
    /// less one. The sources of a sample, where one is needed, are drawn from `seed`.
    pub fn ttl_of_copies(&self, seed: u64) -> Enough {
        let (_, at_most, exact) = self.widest(seed);
        Enough { ttl: at_most.saturating_sub(1), exact }
    }

    /// The least time to live with which a message is certain to reach everyone, where all its receivers share it.
    ///
    /// A node hears of a message once a neighbour passes it on. So it can be left out if all that could get the message
    /// without the help of these neighbours are enough to use the time to live up before any of them has its turn: the
    /// nodes that are left in the source's part of the graph when the node and its neighbours are taken away. The
    /// largest such part decides. On a ring it has all nodes but three.
    pub fn ttl_shared(&self) -> Enough {
        self.hardest(LOOKED_AT).0
    }

    /// The node whose messages need the longest time to live, where receivers share it, if `ttl` is not enough for it.
    pub fn short_of(&self, ttl: u32) -> Option<Short> {
        let (enough, source) = self.hardest(LOOKED_AT);
        let node = source.filter(|_| enough.ttl > ttl)?;
        let components = self.components();
        let of = components.sizes()[components.of(node) as usize] - 1;
        Some(Short { node, reached: self.unlucky_flood(node, ttl).min(of), of })
    }

    /// The least time to live that is enough where it is shared, and a node that needs it; a bound if it takes passing more
    /// nodes and edges than `budget`.
    fn hardest(&self, budget: u64) -> (Enough, Option<u32>) {
        if self.is_complete() || self.nodes() == 0 {
            return (Enough { ttl: 0, exact: true }, None);
        }
        let components = self.components();
        let bound = |node: u32| {
            components.sizes()[components.of(node) as usize].saturating_sub(1 + self.degree(node))
        };
        let mut order: Vec<u32> = (0..self.nodes()).collect();
        order.sort_by_key(|&node| std::cmp::Reverse(bound(node)));
        let mut looks = (budget / (u64::from(self.nodes()) + 2 * self.edges())).max(1);
        let mut parts = Parts::new(self, &components);
        let mut best = (0, None);
        let mut neighbourhoods = BTreeSet::new();
        for left_out in order {
            // No later one can be worse.
            if best.0 >= bound(left_out) {
                break;
            }
            // What has the same neighbours as another leaves as much.
            if !neighbourhoods.insert(self.neighbours(left_out).collect::<Vec<u32>>()) {
                continue;
            }
            if looks == 0 {
                return (Enough { ttl: bound(left_out), exact: false }, best.1);
            }
            looks -= 1;
            let found = parts.largest_without(left_out);
            if found.0 > best.0 {
                best = (found.0, Some(found.1));
            }
        }
        (Enough { ttl: best.0, exact: true }, best.1)
    }

    /// How many others hear of a message of `source` that is passed on `forwards` times in all, if always that node
    /// passes it on next which tells it to the fewest.
    fn unlucky_flood(&self, source: u32, forwards: u32) -> u32 {
        let nodes = self.nodes() as usize;
        let mut heard = vec![false; nodes];
        heard[source as usize] = true;
        let mut waiting: Vec<u32> = self.neighbours(source).collect();
        waiting.iter().for_each(|&node| heard[node as usize] = true);
        let mut reached = waiting.len() as u32;
        for _ in 0..forwards {
            let fresh = |node: u32| self.neighbours(node).filter(|&other| !heard[other as usize]).count();
            let next = waiting.iter().enumerate().min_by_key(|&(_, &node)| (fresh(node), node));
            let Some((at, &node)) = next else { break };
            waiting.swap_remove(at);
            for other in self.neighbours(node) {
                if !std::mem::replace(&mut heard[other as usize], true) {
                    waiting.push(other);
                    reached += 1;
                }
            }
        }
        reached
    }
}

/// Looks for the parts of a graph without some of its nodes, many times.
struct Parts<'a> {
    graph: &'a Graph,
    components: &'a Components,
    /// Nodes seen in the look of this number.
    seen: Vec<u32>,
    look: u32,
    /// The nodes of each component.
    members: Vec<Vec<u32>>,
    stack: Vec<u32>,
}

impl<'a> Parts<'a> {
    fn new(graph: &'a Graph, components: &'a Components) -> Self {
        let mut members = vec![Vec::new(); components.count()];
        for node in 0..graph.nodes() {
            members[components.of(node) as usize].push(node);
        }
        Self { graph, components, seen: vec![0; graph.nodes() as usize], look: 0, members, stack: Vec::new() }
    }

    /// The size of the largest part of the node's component when the node and its neighbours are taken away, and one of
    /// its members.
    fn largest_without(&mut self, node: u32) -> (u32, u32) {
        self.look += 1;
        let (graph, look) = (self.graph, self.look);
        self.seen[node as usize] = look;
        graph.neighbours(node).for_each(|it| self.seen[it as usize] = look);
        let mut largest = (0, node);
        for &start in &self.members[self.components.of(node) as usize] {
            if std::mem::replace(&mut self.seen[start as usize], look) == look {
                continue;
            }
            self.stack.push(start);
            let mut size = 0;
            while let Some(it) = self.stack.pop() {
                size += 1;
                for other in graph.neighbours(it) {
                    if std::mem::replace(&mut self.seen[other as usize], look) != look {
                        self.stack.push(other);
                    }
                }
            }
            if size > largest.0 {
                largest = (size, start);
            }
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(nodes: u32) -> Graph {
        Graph::from_edges(nodes, (0..nodes).map(|i| (i, (i + 1) % nodes)))
    }

    fn line(nodes: u32) -> Graph {
        Graph::from_edges(nodes, (1..nodes).map(|i| (i - 1, i)))
    }

    /// Whether some order of passing on leaves someone out, by trying all of them.
    fn leaves_out(graph: &Graph, heard: u32, passed: u32, left: u32) -> bool {
        let others = |node: u32| graph.neighbours(node).fold(0u32, |set, it| set | 1 << it);
        let waiting: Vec<u32> =
            (0..graph.nodes()).filter(|i| heard >> i & 1 == 1 && passed >> i & 1 == 0).collect();
        if left == 0 || waiting.is_empty() {
            return heard.count_ones() < graph.nodes();
        }
        waiting.iter().any(|&node| leaves_out(graph, heard | others(node), passed | 1 << node, left - 1))
    }

    proptest! {
        #[test]
        fn what_is_enough_where_receivers_share_it_is_enough_in_every_order(
            nodes in 2u32..7, edges in proptest::collection::vec((0u32..7, 0u32..7), 0..12)
        ) {
            let graph = Graph::from_edges(nodes, edges.iter().map(|(a, b)| (a % nodes, b % nodes)));
            prop_assume!(graph.components().count() == 1);
            let Enough { ttl, exact } = graph.ttl_shared();
            prop_assert!(exact);
            let fails = |ttl: u32| (0..nodes).any(|source| {
                let heard = graph.neighbours(source).fold(1 << source, |set, it| set | 1 << it);
                leaves_out(&graph, heard, 1 << source, ttl)
            });
            prop_assert!(!fails(ttl));
            prop_assert!(ttl == 0 || fails(ttl - 1));
            prop_assert_eq!(graph.short_of(ttl), None);
            prop_assert_eq!(ttl.checked_sub(1).and_then(|it| graph.short_of(it)).is_some(), ttl > 0);
        }
    }

    #[test]
    fn a_shared_time_to_live_has_to_be_as_long_as_a_ring_less_three() {
        assert_eq!(ring(30).ttl_shared(), Enough { ttl: 27, exact: true });
        assert_eq!(ring(30).ttl_of_copies(0), Enough { ttl: 14, exact: true });
        assert_eq!(line(12).ttl_shared(), Enough { ttl: 10, exact: true });
        assert_eq!(line(12).ttl_of_copies(0), Enough { ttl: 10, exact: true });
        assert_eq!(ring(30).short_of(14), Some(Short { node: 2, reached: 16, of: 29 }));
        assert_eq!(ring(30).short_of(27), None);
    }

    #[test]
    fn on_a_star_the_hub_alone_passes_on_and_on_a_complete_graph_nobody_has_to() {
        let star = Graph::from_edges(64, (1..64).map(|leaf| (0, leaf)));
        assert_eq!(star.ttl_shared().ttl, 1);
        assert_eq!(Graph::complete(1_000_000).ttl_shared(), Enough { ttl: 0, exact: true });
        assert_eq!(Graph::complete(1_000_000).ttl_of_copies(0), Enough { ttl: 0, exact: true });
    }

    #[test]
    fn each_component_counts_for_itself() {
        let two =
            Graph::from_edges(14, (0..10).map(|i| (i, (i + 1) % 10)).chain([(10, 11), (11, 12), (12, 13)]));
        assert_eq!((two.ttl_shared().ttl, two.ttl_of_copies(0).ttl), (7, 4));
        assert_eq!(two.short_of(6).map(|it| it.of), Some(9));
    }

    #[test]
    fn of_a_large_graph_what_is_enough_may_be_a_bound() {
        assert_eq!(ring(100_000).ttl_shared(), Enough { ttl: 99_997, exact: true });
        // Leaves of a star are all alike; pairs of nodes behind a hub are not, and there may be too many to look at.
        let star = Graph::from_edges(100_000, (1..100_000).map(|leaf| (0, leaf)));
        assert_eq!(star.ttl_shared(), Enough { ttl: 1, exact: true });
        let pairs = Graph::from_edges(201, (0..100).flat_map(|i| [(0, 2 * i + 1), (2 * i + 1, 2 * i + 2)]));
        assert_eq!(pairs.hardest(u64::MAX).0, Enough { ttl: 199, exact: true });
        let tree = Graph::from_edges(201, (1..201).map(|node| ((node - 1) / 2, node)));
        let (all, some) = (tree.hardest(u64::MAX).0, tree.hardest(0).0);
        assert!(all.exact && !some.exact && some.ttl > all.ttl, "{all:?} {some:?}");
    }
}
