//! From the words of a scenario to a graph: checks parameters against the number of nodes, and names in warnings
//! what is probably not meant.

use super::generate::{self, EdgeList, MAX_EDGES};
use super::import::{self, ImportError};
use super::{Graph, Shape, Topology};
use crate::random::{NO_NODE, Purpose, Stream};
use std::path::Path;

/// A graph, and what a user should know about it.
#[derive(Clone, Debug)]
pub struct Built {
    /// The graph.
    pub graph: Graph,
    /// What was left out, and which nodes cannot reach each other; each a sentence that names the field.
    pub warnings: Vec<String>,
}

/// Why a topology cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// A parameter does not fit.
    #[error("{field} {message}")]
    Parameter {
        /// The path of the field within the scenario, such as `topology.degree`.
        field: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A file cannot be read or understood.
    #[error("topology.path: {0}")]
    File(#[from] ImportError),
}

impl TopologyError {
    pub(super) fn parameter(field: impl Into<String>, message: String) -> Self {
        Self::Parameter { field: field.into(), message }
    }
}

/// More nodes than this are refused before anything is allocated.
pub(super) const MAX_NODES: u32 = 1 << 27;

impl Topology {
    /// Builds the graph of `nodes` nodes. Chance comes from `seed`; a file is looked for relative to `base_dir`.
    ///
    /// # Errors
    /// A parameter that does not fit the number of nodes, an edge to a node that does not exist, or a file that
    /// cannot be read.
    pub fn build(&self, nodes: u32, seed: u64, base_dir: &Path) -> Result<Built, TopologyError> {
        if nodes == 0 || nodes > MAX_NODES {
            let message = format!("is {nodes}, but must be from 1 to {MAX_NODES}");
            return Err(TopologyError::parameter("nodes", message));
        }
        let mut warnings = Vec::new();
        let mut graph = match self.shape.edges(nodes, seed, base_dir, &mut warnings)? {
            None => Graph::complete(nodes),
            Some(edges) => Graph::from_edges(nodes, edges),
        };
        if !self.additional_connections.is_empty() {
            graph = self.extend(graph, &mut warnings)?;
        }
        let components = graph.components();
        if components.count() > 1 {
            warnings.push(format!("topology: the graph is not connected; it has {components}"));
        }
        Ok(Built { graph, warnings })
    }

    fn extend(&self, graph: Graph, warnings: &mut Vec<String>) -> Result<Graph, TopologyError> {
        const FIELD: &str = "topology.additional_connections";
        let additional = &self.additional_connections;
        check_ends(additional, graph.nodes(), FIELD)?;
        warnings.extend(oddities(additional, FIELD));
        let known = |&&(a, b): &&(u32, u32)| a != b && graph.connected(a, b);
        if let Some((a, b)) = additional.iter().find(known) {
            let count = additional.iter().filter(known).count();
            warnings.push(format!("{FIELD}: the shape has {count} of them already, the first [{a}, {b}]"));
        }
        if graph.is_complete() {
            return Ok(graph);
        }
        Ok(Graph::from_edges(graph.nodes(), graph.edge_list().chain(additional.iter().copied())))
    }
}

impl Shape {
    /// The edges of the shape; none for the complete graph, which is never written out.
    fn edges(
        &self,
        nodes: u32,
        seed: u64,
        base_dir: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<Option<EdgeList>, TopologyError> {
        let stream = &mut Stream::new(seed, NO_NODE, Purpose::Topology, 0);
        Ok(Some(match self {
            Self::Full(_) => return Ok(None),
            Self::Star(_) => generate::star(nodes),
            Self::Line(_) => generate::line(nodes),
            Self::Ring(_) => generate::ring(nodes),
            Self::RandomK(it) => generate::random_k(nodes, it, stream)?,
            Self::RandomRegular(it) => generate::random_regular(nodes, it, stream)?,
            Self::Grid(it) => generate::grid(nodes, it)?,
            Self::Torus(it) => generate::torus(nodes, it)?,
            Self::ErdosRenyi(it) => generate::erdos_renyi(nodes, it, stream)?,
            Self::WattsStrogatz(it) => generate::watts_strogatz(nodes, it, stream)?,
            Self::BarabasiAlbert(it) => generate::barabasi_albert(nodes, it, stream)?,
            Self::StaticExponential(_) => generate::static_exponential(nodes)?,
            Self::Edges(it) => {
                const FIELD: &str = "topology.edges";
                check_ends(&it.edges, nodes, FIELD)?;
                warnings.extend(oddities(&it.edges, FIELD));
                it.edges.clone()
            }
            Self::File(it) => {
                let imported = import::read(&base_dir.join(&it.path), Some(nodes))?;
                let name = it.path.display().to_string();
                warnings.extend(imported.warnings.into_iter().map(|warning| format!("{name}: {warning}")));
                warnings.extend(oddities(&imported.edges, &name));
                imported.edges
            }
        }))
    }

    /// How many nodes the parameters themselves ask for, where they do: the rows and columns of a grid, the ends of
    /// listed edges, the nodes of a file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn natural_nodes(&self, base_dir: &Path) -> Result<Option<u32>, TopologyError> {
        Ok(match self {
            Self::Grid(it) | Self::Torus(it) => it.rows.checked_mul(it.columns),
            Self::Edges(it) => it.edges.iter().map(|(a, b)| a.max(b).saturating_add(1)).max(),
            Self::File(it) => Some(import::read(&base_dir.join(&it.path), None)?.nodes),
            _ => None,
        })
    }
}

fn check_ends(edges: &[(u32, u32)], nodes: u32, field: &str) -> Result<(), TopologyError> {
    if edges.len() as u64 > MAX_EDGES {
        return Err(TopologyError::parameter(field, format!("has more than {MAX_EDGES} edges")));
    }
    match edges.iter().position(|(a, b)| a.max(b) >= &nodes) {
        None => Ok(()),
        Some(at) => {
            let (a, b) = edges[at];
            let message = format!("is [{a}, {b}], but the nodes are 0 to {}", nodes - 1);
            Err(TopologyError::parameter(format!("{field}[{at}]"), message))
        }
    }
}

/// Warnings for loops and repetitions in a list.
fn oddities(edges: &[(u32, u32)], name: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let loops = || edges.iter().filter(|(a, b)| a == b);
    if let Some((a, _)) = loops().next() {
        let count = loops().count();
        warnings
            .push(format!("{name}: {count} edges from a node to itself are left out, the first [{a}, {a}]"));
    }
    let mut sorted: Vec<(u32, u32, usize)> = edges
        .iter()
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .map(|(i, (a, b))| (*a.min(b), *a.max(b), i))
        .collect();
    sorted.sort_unstable();
    let again = sorted.windows(2).filter(|w| (w[0].0, w[0].1) == (w[1].0, w[1].1)).map(|w| w[1].2);
    if let Some(first) = again.clone().min() {
        let ((a, b), count) = (edges[first], again.count());
        warnings.push(format!("{name}: {count} edges are listed again and count once, the first [{a}, {b}]"));
    }
    warnings
}

#[cfg(test)]
mod tests;
