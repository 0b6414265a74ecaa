//! Uniformly random graphs: G(n, M) and G(n, p).

use super::super::{ErdosRenyi, RandomK, TopologyError};
use super::{EdgeList, affordable, probability};
use crate::random::Stream;
use rand::RngExt;

/// M = round(n·k/2) edges chosen uniformly among all: G(n, M) of Erdős and Rényi (1959), with mean degree k.
pub fn random_k(nodes: u32, spec: &RandomK, stream: &mut Stream) -> Result<EdgeList, TopologyError> {
    const FIELD: &str = "topology.k";
    let (n, most) = (f64::from(nodes), nodes.saturating_sub(1));
    if !(0.0..=f64::from(most)).contains(&spec.k) {
        let message = format!("is {}, but the mean degree of {nodes} nodes is from 0 to {most}", spec.k);
        return Err(TopologyError::parameter(FIELD, message));
    }
    affordable(n * spec.k / 2.0, FIELD)?;
    let wanted = (n * spec.k / 2.0).round() as u64;
    let pairs = u64::from(nodes) * u64::from(most) / 2;
    let dense = wanted > pairs / 2;
    let chosen = distinct_pairs(nodes, if dense { pairs - wanted } else { wanted } as usize, stream);
    if !dense {
        return Ok(chosen);
    }
    // More than half of all edges: those that are absent were chosen.
    let mut absent = chosen.into_iter().peekable();
    let all = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
    Ok(all.filter(|pair| absent.next_if_eq(pair).is_none()).collect())
}

/// Each edge with probability p, by skipping from one edge to the next with geometric steps, so that a sparse graph
/// costs its edges and not all pairs (Batagelj and Brandes 2005).
pub fn erdos_renyi(nodes: u32, spec: &ErdosRenyi, stream: &mut Stream) -> Result<EdgeList, TopologyError> {
    const FIELD: &str = "topology.p";
    probability(spec.p, FIELD)?;
    let n = f64::from(nodes);
    affordable(spec.p * n * (n - 1.0) / 2.0, FIELD)?;
    let mut edges = Vec::new();
    if spec.p == 0.0 {
        return Ok(edges);
    }
    // Pairs (smaller, row) are walked row by row; a step of 1 is the next pair.
    let log_absent = libm::log1p(-spec.p);
    let (mut row, mut column) = (1u64, -1i64);
    while row < u64::from(nodes) {
        let uniform: f64 = 1.0 - stream.random::<f64>();
        // For p = 1 the logarithm is minus infinity and every step is 1.
        let step = 1.0 + (libm::log(uniform) / log_absent).floor();
        // A step beyond all pairs ends the walk; the cast saturates.
        column = column.saturating_add(step as i64);
        while row < u64::from(nodes) && column >= row as i64 {
            column -= row as i64;
            row += 1;
        }
        if row < u64::from(nodes) {
            edges.push((column as u32, row as u32));
        }
    }
    Ok(edges)
}

/// `count` different pairs (smaller, greater), ascending. Draws as many as are missing until none is, which leaves
/// the first `count` different ones of a sequence of uniform draws, so every choice is equally likely.
fn distinct_pairs(nodes: u32, count: usize, stream: &mut Stream) -> EdgeList {
    let mut pairs: EdgeList = Vec::with_capacity(count);
    while pairs.len() < count {
        for _ in pairs.len()..count {
            let a = stream.random_range(0..nodes);
            let b = stream.random_range(0..nodes - 1);
            let b = if b >= a { b + 1 } else { b };
            pairs.push((a.min(b), a.max(b)));
        }
        pairs.sort_unstable();
        pairs.dedup();
    }
    pairs
}
