//! Who is connected to whom: generators, import and export of graphs, and the measures that describe one.
//!
//! A topology is a static, undirected graph without loops or parallel edges. What a link does to a message belongs
//! to `network`; who is a neighbour at a given moment belongs to `node`.

use crate::scenario::tagged::tagged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Who is connected to whom: `{ "kind": "ring" }`, any kind also with `"additional_connections": [[0, 50]]`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Topology {
    /// The shape.
    #[serde(flatten)]
    pub shape: Shape,
    /// Edges beside those of the shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_connections: Vec<(u32, u32)>,
}

impl<'de> Deserialize<'de> for Topology {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shape::deserialize(deserializer).map(|shape| Self { shape, additional_connections: Vec::new() })
    }
}

tagged! {
    /// The shape of the network.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Shape by "kind" {
        /// Node 0 in the middle, connected to every other.
        Star(Plain) = "star",
        /// Everyone connected to everyone.
        Full(Plain) = "full" | "complete" | "mesh",
        /// A chain from node 0 to the last.
        Line(Plain) = "line",
        /// A closed chain.
        Ring(Plain) = "ring",
        /// Uniformly chosen edges, as many as give mean degree k: G(n, M), as P2PFL has it.
        RandomK(RandomK) = "random_k",
        /// Uniformly random among the graphs in which every node has the same degree.
        RandomRegular(RandomRegular) = "random_regular",
        /// A rectangle of nodes, each connected to those beside, above and below it.
        Grid(Grid) = "grid",
        /// A grid whose edges are joined.
        Torus(Grid) = "torus",
        /// Each edge present with the same probability: G(n, p).
        ErdosRenyi(ErdosRenyi) = "erdos_renyi",
        /// A ring lattice whose edges are rewired at random: a small world.
        WattsStrogatz(WattsStrogatz) = "watts_strogatz",
        /// Grown by preferential attachment: a few hubs, many leaves.
        BarabasiAlbert(BarabasiAlbert) = "barabasi_albert",
        /// Node i connected to i ± 1, 2, 4, 8, … (modulo n).
        StaticExponential(Plain) = "static_exponential",
        /// The edges that the scenario lists.
        Edges(Edges) = "edges",
        /// A graph from a file: GraphML if it ends in .graphml or .xml, else an edge list.
        File(File) = "file",
    }
}

/// A shape without parameters of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plain {}
/// See [`Shape::RandomK`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomK {
    /// The mean degree.
    pub k: f64,
}
/// See [`Shape::RandomRegular`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomRegular {
    /// The degree of every node.
    pub degree: u32,
}
/// See [`Shape::Grid`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Rows; rows × columns is the number of nodes.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
}
/// See [`Shape::ErdosRenyi`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErdosRenyi {
    /// The probability of each edge.
    pub p: f64,
}
/// See [`Shape::WattsStrogatz`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WattsStrogatz {
    /// Degree of the lattice; even.
    pub k: u32,
    /// The probability of rewiring an edge.
    pub p: f64,
}
/// See [`Shape::BarabasiAlbert`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BarabasiAlbert {
    /// Edges that each new node brings.
    pub m: u32,
}
/// See [`Shape::Edges`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// Pairs of node indices.
    pub edges: Vec<(u32, u32)>,
}
/// See [`Shape::File`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The file, relative to the scenario's folder.
    pub path: PathBuf,
}

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
    pub fn from_edges(nodes: u32, edges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut both: Vec<(u32, u32)> =
            edges.into_iter().filter(|(a, b)| a != b).flat_map(|(a, b)| [(a, b), (b, a)]).collect();
        both.sort_unstable();
        both.dedup();
        let mut offsets = vec![0u64; nodes as usize + 1];
        for &(a, _) in &both {
            offsets[a as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        Self { rows: Rows::Sparse { offsets, targets: both.into_iter().map(|(_, b)| b).collect() } }
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
            Rows::Complete { nodes } => nodes - 1,
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
}
