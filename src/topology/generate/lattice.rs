//! Graphs without chance: star, line, ring, grid, torus, static exponential graph.

use super::super::{Grid, TopologyError};
use super::{EdgeList, affordable};

/// Node 0 connected to every other.
pub fn star(nodes: u32) -> EdgeList {
    (1..nodes).map(|leaf| (0, leaf)).collect()
}

/// A chain.
pub fn line(nodes: u32) -> EdgeList {
    (1..nodes).map(|node| (node - 1, node)).collect()
}

/// A closed chain. Two nodes share one edge.
pub fn ring(nodes: u32) -> EdgeList {
    let mut edges = line(nodes);
    if nodes > 2 {
        edges.push((nodes - 1, 0));
    }
    edges
}

/// A rectangle, numbered row by row.
pub fn grid(nodes: u32, size: &Grid) -> Result<EdgeList, TopologyError> {
    check_size(nodes, size)?;
    let Grid { rows, columns } = *size;
    let at = |row: u32, column: u32| row * columns + column;
    let across = (0..rows).flat_map(move |r| (1..columns).map(move |c| (at(r, c - 1), at(r, c))));
    let down = (1..rows).flat_map(move |r| (0..columns).map(move |c| (at(r - 1, c), at(r, c))));
    Ok(across.chain(down).collect())
}

/// A rectangle whose opposite sides are joined. With two rows or columns the joint is the edge that is there
/// already.
pub fn torus(nodes: u32, size: &Grid) -> Result<EdgeList, TopologyError> {
    let mut edges = grid(nodes, size)?;
    let Grid { rows, columns } = *size;
    if columns > 2 {
        edges.extend((0..rows).map(|r| (r * columns + columns - 1, r * columns)));
    }
    if rows > 2 {
        edges.extend((0..columns).map(|c| ((rows - 1) * columns + c, c)));
    }
    Ok(edges)
}

/// Node i connected to i + 2^j modulo n for every 2^j < n (Ying et al. 2021, "Exponential graph is provably
/// efficient for decentralized deep training"), each edge in both directions.
pub fn static_exponential(nodes: u32) -> Result<EdgeList, TopologyError> {
    let hops = || (0..32).map(|j| 1u32 << j).take_while(|hop| *hop < nodes);
    affordable(f64::from(nodes) * hops().count() as f64, "nodes")?;
    let to = |node: u32, hop: u32| ((u64::from(node) + u64::from(hop)) % u64::from(nodes)) as u32;
    Ok((0..nodes).flat_map(|node| hops().map(move |hop| (node, to(node, hop)))).collect())
}

fn check_size(nodes: u32, size: &Grid) -> Result<(), TopologyError> {
    let Grid { rows, columns } = *size;
    for (field, value) in [("topology.rows", rows), ("topology.columns", columns)] {
        if value == 0 {
            return Err(TopologyError::parameter(field, "is 0, but must be at least 1".into()));
        }
    }
    let product = u64::from(rows) * u64::from(columns);
    if product == u64::from(nodes) {
        return Ok(());
    }
    let advice = if nodes.is_multiple_of(rows) {
        format!("take {} columns, or {product} nodes", nodes / rows)
    } else {
        // The most nearly square rectangle of so many nodes.
        let rows = (1..=nodes.isqrt()).rev().find(|r| nodes.is_multiple_of(*r)).unwrap_or(1);
        format!("take {rows} rows and {} columns, or {product} nodes", nodes / rows)
    };
    Err(TopologyError::parameter(
        "topology.columns",
        format!("{rows} rows × {columns} columns are {product} nodes, but there are {nodes}; {advice}"),
    ))
}
