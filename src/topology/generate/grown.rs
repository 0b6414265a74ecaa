//! Graphs that come about step by step: small worlds by rewiring, scale-free ones by growth.

use super::super::{BarabasiAlbert, TopologyError, WattsStrogatz};
use super::{EdgeList, affordable, probability};
use crate::random::Stream;
use rand::RngExt;

/// A ring lattice in which each node is connected to the k nearest, and the far end of each edge is moved with
/// probability p to a node chosen uniformly among those not yet connected (Watts and Strogatz 1998).
pub fn watts_strogatz(
    nodes: u32,
    spec: &WattsStrogatz,
    stream: &mut Stream,
) -> Result<EdgeList, TopologyError> {
    const FIELD: &str = "topology.k";
    let (k, most) = (spec.k, nodes.saturating_sub(1));
    if k % 2 == 1 {
        let message =
            format!("is {k}, but must be even (k/2 neighbours on each side); take {} or {}", k - 1, k + 1);
        return Err(TopologyError::parameter(FIELD, message));
    }
    if k > most {
        let message = format!("is {k}, but a node of {nodes} has at most {most} neighbours");
        return Err(TopologyError::parameter(FIELD, message));
    }
    probability(spec.p, "topology.p")?;
    affordable(f64::from(nodes) * f64::from(k) / 2.0, FIELD)?;

    let ahead = |node: u32, by: u32| ((u64::from(node) + u64::from(by)) % u64::from(nodes)) as u32;
    let mut rows: Vec<Vec<u32>> = (0..nodes)
        .map(|node| (1..=k / 2).flat_map(|by| [ahead(node, by), ahead(node, nodes - by)]).collect())
        .collect();
    for by in 1..=k / 2 {
        for node in 0..nodes {
            let full = rows[node as usize].len() as u32 >= most;
            if stream.random::<f64>() >= spec.p || full {
                continue;
            }
            let target = loop {
                let target = stream.random_range(0..nodes);
                if target != node && !rows[node as usize].contains(&target) {
                    break target;
                }
            };
            let old = ahead(node, by);
            replace(&mut rows[node as usize], old, Some(target));
            replace(&mut rows[old as usize], node, None);
            rows[target as usize].push(node);
        }
    }
    let edges = rows.iter().enumerate();
    Ok(edges.flat_map(|(a, row)| row.iter().map(move |b| (a as u32, *b))).filter(|(a, b)| a < b).collect())
}

/// Nodes come one by one, each with m edges to different older ones, chosen in proportion to their degree; the first
/// m + 1 form a star (Barabási and Albert 1999).
pub fn barabasi_albert(
    nodes: u32,
    spec: &BarabasiAlbert,
    stream: &mut Stream,
) -> Result<EdgeList, TopologyError> {
    const FIELD: &str = "topology.m";
    let m = spec.m;
    if m == 0 || m >= nodes {
        let message = format!(
            "is {m}, but each new node of {nodes} brings from 1 to {} edges",
            nodes.saturating_sub(1)
        );
        return Err(TopologyError::parameter(FIELD, message));
    }
    affordable(f64::from(nodes - m) * f64::from(m), FIELD)?;
    let mut edges: EdgeList = (1..=m).map(|leaf| (0, leaf)).collect();
    // A node was chosen for the newest one if its entry is that node.
    let mut chosen_for = vec![0u32; nodes as usize];
    for node in m + 1..nodes {
        // A uniform end of a uniform edge is a node drawn in proportion to its degree.
        let old = edges.len();
        while edges.len() < old + m as usize {
            let (a, b) = edges[stream.random_range(0..old)];
            let target = if stream.random() { a } else { b };
            if chosen_for[target as usize] != node {
                chosen_for[target as usize] = node;
                edges.push((target, node));
            }
        }
    }
    Ok(edges)
}

/// Replaces or removes `old` in a row of neighbours.
fn replace(row: &mut Vec<u32>, old: u32, new: Option<u32>) {
    let place =
        row.iter().position(|other| *other == old).expect("an edge of the lattice stands in both rows");
    match new {
        Some(new) => row[place] = new,
        None => drop(row.swap_remove(place)),
    }
}
