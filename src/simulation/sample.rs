//! Which nodes of a large run are looked at closely: those whose doings are traced, and those that are drawn.
//!
//! Half of them are the nearest to the initiator, so that they are each other's neighbours and one sees what goes between
//! them; the other half are spread evenly over all.

use crate::metrics::Followed;
use crate::report::findings::Drawing;
use crate::scenario::Scenario;
use crate::topology::Graph;
use crate::wire::PeerId;
use std::collections::{BTreeSet, VecDeque};

/// Nodes that are traced at most.
const MAX_FOLLOWED: usize = 512;
/// Nodes that are traced in any case, if there are so many.
const MIN_FOLLOWED: usize = 16;
/// Spans and transfers that a trace is to have at most, about: ten megabytes of it.
const EVENTS: u64 = 100_000;
/// Stages and jobs of a node in a round, about.
const SPANS_A_ROUND: u64 = 9;

/// Who starts learning, or would.
pub fn initiator(scenario: &Scenario) -> PeerId {
    scenario.workflow.first().map_or(0, |(node, _)| node)
}

/// The nodes that are traced: as many as fit a trace that one can look at.
pub fn followed(graph: &Graph, initiator: PeerId, rounds: u32) -> Followed {
    let rounds = u64::from(rounds.max(1));
    let mut count = MAX_FOLLOWED.min(graph.nodes() as usize);
    let mut nodes = near_and_far(graph, initiator, count);
    while count > MIN_FOLLOWED && rounds.saturating_mul(events_a_round(graph, &nodes)) > EVENTS {
        count = (count / 2).max(MIN_FOLLOWED);
        nodes = near_and_far(graph, initiator, count);
    }
    // Most nodes have about as many; one that has far more must not push the others out.
    let each = (4 * EVENTS / nodes.len().max(1) as u64).max(1_000);
    Followed::new(nodes, u32::try_from(each).unwrap_or(u32::MAX))
}

/// What can be drawn: the nodes nearest to the initiator, and connections between them.
pub fn drawing(graph: &Graph, initiator: PeerId) -> Drawing {
    let mut nodes = nearest(graph, initiator, Drawing::MAX_NODES);
    if graph.nodes() as usize <= Drawing::MAX_NODES {
        // Parts that the initiator cannot reach are drawn, too.
        nodes = (0..graph.nodes()).collect();
    }
    nodes.sort_unstable();
    let mut all = Vec::new();
    for &a in &nodes {
        all.extend(among(graph, a, &nodes).into_iter().filter(|&b| a < b).map(|b| (a, b)));
    }
    // Every so many of them, so that those of all nodes are seen.
    let every = all.len().div_ceil(Drawing::MAX_EDGES).max(1);
    let connections = all.len() as u64;
    Drawing { edges: all.into_iter().step_by(every).collect(), nodes, connections }
}

/// Half of the nodes nearest to a node, half spread over all.
fn near_and_far(graph: &Graph, from: PeerId, count: usize) -> Vec<PeerId> {
    let all = graph.nodes();
    if count >= all as usize {
        return (0..all).collect();
    }
    let mut chosen: BTreeSet<PeerId> = nearest(graph, from, count.div_ceil(2)).into_iter().collect();
    let rest = (count - chosen.len()).max(1) as u64;
    let spread = (0..rest).map(|i| (i * u64::from(all) / rest) as PeerId);
    chosen.extend(spread);
    chosen.into_iter().collect()
}

/// So many nodes in the order of their distance from one, itself first.
fn nearest(graph: &Graph, from: PeerId, count: usize) -> Vec<PeerId> {
    let mut found = vec![from];
    let mut seen = BTreeSet::from([from]);
    let mut queue = VecDeque::from([from]);
    while let Some(node) = queue.pop_front() {
        for peer in graph.neighbours(node) {
            if found.len() >= count {
                return found;
            }
            if seen.insert(peer) {
                found.push(peer);
                queue.push_back(peer);
            }
        }
    }
    found
}

fn events_a_round(graph: &Graph, nodes: &[PeerId]) -> u64 {
    nodes.iter().map(|&node| SPANS_A_ROUND + among(graph, node, nodes).len() as u64).sum()
}

/// Those of `nodes`, which are ascending, that are neighbours of a node.
fn among(graph: &Graph, node: PeerId, nodes: &[PeerId]) -> Vec<PeerId> {
    if graph.degree(node) as usize > nodes.len() {
        return nodes.iter().copied().filter(|&peer| graph.connected(node, peer)).collect();
    }
    graph.neighbours(node).filter(|peer| nodes.binary_search(peer).is_ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Graph;

    fn ring(nodes: u32) -> Graph {
        Graph::from_edges(nodes, (0..nodes).map(|i| (i, (i + 1) % nodes)))
    }

    #[test]
    fn of_a_small_run_every_node_is_followed_and_drawn() {
        let graph = ring(100);
        assert_eq!(followed(&graph, 7, 5).nodes(), (0..100).collect::<Vec<_>>());
        let drawing = drawing(&graph, 7);
        assert_eq!((drawing.nodes.len(), drawing.edges.len(), drawing.connections), (100, 100, 100));
        // In two parts, too.
        let parts = Graph::from_edges(4, [(0, 1), (2, 3)]);
        assert_eq!(super::drawing(&parts, 0).edges, [(0, 1), (2, 3)]);
    }

    #[test]
    fn of_a_large_one_the_neighbourhood_of_the_initiator_and_some_from_everywhere() {
        let graph = ring(100_000);
        let nodes = followed(&graph, 50_000, 5).nodes().to_vec();
        assert!((256..=512).contains(&nodes.len()), "{}", nodes.len());
        assert!((49_900..50_100).all(|node| nodes.binary_search(&node).is_ok()));
        assert!(nodes.iter().filter(|&&node| !(49_000..51_000).contains(&node)).count() > 200);
        let drawing = drawing(&graph, 50_000);
        assert_eq!((drawing.nodes.len(), drawing.connections), (2_000, 1_999));
    }

    #[test]
    fn the_longer_a_run_or_the_denser_its_graph_the_fewer_are_followed() {
        let many = followed(&ring(10_000), 0, 10).nodes().len();
        let long = followed(&ring(10_000), 0, 10_000).nodes().len();
        let dense = followed(&Graph::complete(2_000), 0, 10).nodes().len();
        assert!(long < many && dense < many, "{long} {dense} {many}");
        assert!(long >= 8 && dense >= 8);
    }

    #[test]
    fn no_more_connections_are_drawn_than_can_be_seen() {
        let drawing = drawing(&Graph::complete(1_000_000), 3);
        assert_eq!(drawing.nodes.len(), Drawing::MAX_NODES);
        assert!(drawing.edges.len() <= Drawing::MAX_EDGES);
        assert_eq!(drawing.connections, 2_000 * 1_999 / 2);
    }
}
