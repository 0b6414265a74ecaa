//! Who is connected to whom: generators, import and export of graphs, and the measures that describe one.
//!
//! A topology is a static, undirected graph without loops or parallel edges. What a link does to a message belongs
//! to `network`; who is a neighbour at a given moment belongs to `node`.

// The generators are our own. rustworkx-core 0.18 has most of them, but no Watts–Strogatz graph, torus or static
// exponential graph; it seeds with a generator of its own instead of a `Stream`, and brings some 40 crates (ndarray,
// petgraph, a second hashbrown). A random regular graph of a million nodes and degree 8 took it 1.2 s and 209 MB; ours
// takes about as long in 79 MB. Each is a few dozen lines that a reader can check against the paper it names.

mod build;
mod components;
mod distances;
pub mod export;
mod flooding;
mod generate;
mod graph;
pub mod import;
mod measures;
mod spec;
mod spectrum;
mod triangles;

pub use build::{Built, TopologyError};
pub use components::Components;
pub use distances::Distances;
pub use flooding::{Enough, Short};
pub use graph::Graph;
pub use measures::{Degrees, Measures, TimesToLive};
pub(crate) use spec::pair;
pub use spec::*;
pub use spectrum::SpectralGap;
