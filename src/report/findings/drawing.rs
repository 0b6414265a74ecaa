//! The part of a topology that can be drawn: all of a small one; of a large one the nodes nearest to the initiator.

use serde::{Deserialize, Serialize};

/// Nodes and the connections between them: `topology.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawing {
    /// The nodes, ascending.
    pub nodes: Vec<u32>,
    /// Connections between them, the lower number first, ascending.
    pub edges: Vec<(u32, u32)>,
    /// How many connections there are between these nodes, drawn or not: a full graph has more than anyone can see.
    pub connections: u64,
}

impl Drawing {
    /// Nodes that are drawn at most.
    pub const MAX_NODES: usize = 2_000;
    /// Connections that are drawn at most.
    pub const MAX_EDGES: usize = 8_000;
}
