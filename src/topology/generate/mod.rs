//! Generators: each gives the edges of one kind of graph, or says which parameter cannot be.
//!
//! They check what depends on the number of nodes. What follows for every kind (additional connections, warnings)
//! is in `build`.

mod grown;
mod lattice;
mod random;
mod regular;

pub use grown::{barabasi_albert, watts_strogatz};
pub use lattice::{grid, line, ring, star, static_exponential, torus};
pub use random::{erdos_renyi, random_k};
pub use regular::random_regular;

use super::TopologyError;

/// Edges of a graph to be. A loop or a repetition may be among them; the graph drops it.
pub type EdgeList = Vec<(u32, u32)>;

/// More edges than this (8 GiB while the graph is built) are refused before anything is allocated.
pub const MAX_EDGES: u64 = 1 << 29;

/// Refuses a graph that would have too many edges.
fn affordable(edges: f64, field: &'static str) -> Result<(), TopologyError> {
    if edges <= MAX_EDGES as f64 {
        return Ok(());
    }
    Err(TopologyError::parameter(
        field,
        format!(
            "would make about {edges:.1e} edges, which is too many to hold ({MAX_EDGES} at most); \
             take fewer, or the kind `full`, which is never written out"
        ),
    ))
}

/// Refuses what is not a probability.
fn probability(p: f64, field: &'static str) -> Result<(), TopologyError> {
    if (0.0..=1.0).contains(&p) {
        return Ok(());
    }
    Err(TopologyError::parameter(field, format!("is {p}, but must be a probability from 0 to 1")))
}
