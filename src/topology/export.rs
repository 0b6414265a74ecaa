//! Graphs for other programs: edge list, GraphML, DOT.

use super::Graph;
use std::io::{Result, Write};

/// A format that a graph can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Two node numbers a line.
    Edges,
    /// XML, read by networkx, igraph, Gephi, yEd.
    Graphml,
    /// The language of Graphviz.
    Dot,
}

/// Writes every edge once. Edge list and GraphML read back as they were.
///
/// # Errors
/// What the writer says.
pub fn write(graph: &Graph, format: Format, to: &mut impl Write) -> Result<()> {
    match format {
        Format::Edges => {
            writeln!(to, "# {} nodes, {} edges", graph.nodes(), graph.edges())?;
            graph.edge_list().try_for_each(|(a, b)| writeln!(to, "{a} {b}"))
        }
        Format::Graphml => {
            writeln!(to, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
            writeln!(to, r#"<graphml xmlns="http://graphml.graphdrawing.org/xmlns">"#)?;
            writeln!(to, r#"  <graph id="topology" edgedefault="undirected">"#)?;
            (0..graph.nodes()).try_for_each(|node| writeln!(to, r#"    <node id="n{node}"/>"#))?;
            graph
                .edge_list()
                .try_for_each(|(a, b)| writeln!(to, r#"    <edge source="n{a}" target="n{b}"/>"#))?;
            writeln!(to, "  </graph>\n</graphml>")
        }
        Format::Dot => {
            writeln!(to, "graph topology {{")?;
            (0..graph.nodes()).try_for_each(|node| writeln!(to, "  {node};"))?;
            graph.edge_list().try_for_each(|(a, b)| writeln!(to, "  {a} -- {b};"))?;
            writeln!(to, "}}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_names_every_node_and_edge_once() {
        let mut text = Vec::new();
        write(&Graph::from_edges(3, [(1, 0)]), Format::Dot, &mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "graph topology {\n  0;\n  1;\n  2;\n  0 -- 1;\n}\n");
    }
}
