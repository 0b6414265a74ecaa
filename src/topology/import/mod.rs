//! Graphs from files that a user has: edge lists and GraphML.
//!
//! A file is data of unknown origin: its size, its lines and its node numbers are bounded before anything is
//! allocated for them, and every complaint names the file and the line.

mod edge_list;
mod graphml;

use super::build::MAX_NODES;
use super::generate::EdgeList;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Nodes named in it, or implied by the greatest number.
    pub nodes: u32,
    /// Its edges in order, loops and repetitions included.
    pub edges: EdgeList,
    /// What is not taken over as it is written.
    pub warnings: Vec<String>,
}

/// Why a file is no graph.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file can be read, but not understood.
    #[error("{path}, line {line}: {message}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl ImportError {
    /// The file that is not there, if that is what is wrong.
    pub fn missing(&self) -> Option<&Path> {
        match self {
            Self::Read { path, source } if source.kind() == std::io::ErrorKind::NotFound => Some(path),
            _ => None,
        }
    }
}

/// Something wrong in a line, before the file's name is added.
#[derive(Debug)]
struct Problem {
    line: u64,
    message: String,
}

/// The largest file that is read: 1 GiB, about 70 million edges.
const MAX_FILE: u64 = 1 << 30;

/// Reads GraphML if the name ends in `.graphml` or `.xml`, else an edge list. `nodes` bounds the node numbers.
///
/// # Errors
/// A file that is missing, too large or malformed, or that has more nodes than `nodes`.
pub fn read(path: &Path, nodes: Option<u32>) -> Result<Imported, ImportError> {
    let unreadable = |source| ImportError::Read { path: path.to_owned(), source };
    let other = |message: &str| unreadable(std::io::Error::other(message));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(other("it is not a regular file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(other("it is larger than 1 GiB"));
    }
    let reader = BufReader::new(File::open(path).map_err(unreadable)?);
    let extension = path.extension().map(|e| e.to_ascii_lowercase());
    let limit = nodes.unwrap_or(MAX_NODES);
    let imported = if extension.is_some_and(|e| e == "graphml" || e == "xml") {
        graphml::read(reader, limit)
    } else {
        edge_list::read(reader, limit)
    };
    imported.map_err(|Problem { line, message }| ImportError::Content {
        path: path.to_owned(),
        line,
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::super::export::{Format, write};
    use super::super::{Graph, Shape, Topology};
    use super::*;
    use proptest::prelude::*;

    fn through(text: &[u8], name: &str, nodes: Option<u32>) -> Result<Imported, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read(&path, nodes).map_err(|error| {
            let message = error.to_string();
            message.replace(&format!("{}/", folder.path().display()), "")
        })
    }

    proptest! {
        #[test]
        fn what_is_exported_reads_back(
            nodes in 1u32..30, edges in proptest::collection::vec((0u32..30, 0u32..30), 0..60)
        ) {
            let edges = edges.into_iter().map(|(a, b)| (a % nodes, b % nodes));
            let graph = Graph::from_edges(nodes, edges);
            for (format, name) in [(Format::Edges, "graph.txt"), (Format::Graphml, "graph.graphml")] {
                let mut text = Vec::new();
                write(&graph, format, &mut text).unwrap();
                let back = through(&text, name, Some(nodes)).unwrap();
                prop_assert!(graph.edge_list().eq(back.edges));
                prop_assert!(back.warnings.is_empty());
                if format == Format::Graphml {
                    prop_assert_eq!(back.nodes, nodes);
                }
            }
        }

        #[test]
        fn no_bytes_make_a_reader_panic(text in "[a-z0-9 ,#<>/\"'=&;!\\-\n]{0,200}", bytes: Vec<u8>) {
            for name in ["x.txt", "x.graphml"] {
                through(text.as_bytes(), name, Some(10)).ok();
                through(&bytes, name, None).ok();
                let inside = format!("<graphml><graph>{text}</graph></graphml>");
                through(inside.as_bytes(), name, None).ok();
            }
        }
    }

    #[test]
    fn an_edge_list_is_read_as_people_write_it() {
        let text = "\u{feff}# a comment\n0 1\r\n 1,2 # another\n\n2\t, 3\n";
        let imported = through(text.as_bytes(), "x.edges", None).unwrap();
        assert_eq!((imported.nodes, imported.edges), (4, vec![(0, 1), (1, 2), (2, 3)]));
    }

    #[test]
    fn graphml_of_other_programs_is_read() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <graphml xmlns="http://graphml.graphdrawing.org/xmlns">
              <key id="d0" for="node" attr.name="city" attr.type="string"/>
              <graph id="G" edgedefault="undirected">
                <edge source="Turin" target="R&amp;D"><data key="d1">1.5</data></edge>
                <node id="Bern"><data key="d0">the <![CDATA[<node>]]> of</data></node>
                <node id="Turin"/><node id="R&amp;D"/>
                <!-- <node id="no"/> -->
              </graph>
            </graphml>"#;
        let imported = through(text.as_bytes(), "x.GraphML", Some(5)).unwrap();
        assert_eq!((imported.nodes, imported.edges), (3, vec![(1, 2)]));
        assert_eq!(
            imported.warnings,
            [
                "its ids are not the numbers 0 to 2, so nodes count in the order they stand: `Bern` is 0, `Turin` 1, `R&D` 2"
            ]
        );
        let numbered = r#"<graphml><graph edgedefault="directed"><node id="2"/><node id="0"/><node id="1"/>
            <edge source="2" target="0"/></graph></graphml>"#;
        let imported = through(numbered.as_bytes(), "x.xml", None).unwrap();
        assert_eq!((imported.nodes, imported.edges), (3, vec![(2, 0)]));
        assert_eq!(imported.warnings, ["its edges are directed, but are read as going both ways"]);
    }

    #[test]
    fn what_is_no_graph_is_refused_with_its_line() {
        for (name, text, expected) in [
            (
                "x.txt",
                "0 1\n0 x\n",
                "x.txt, line 2: `0 x` is not an edge; write two node numbers from 0, such as `0 1`",
            ),
            ("x.txt", "0 1 2\n", "x.txt, line 1: `0 1 2` is not an edge"),
            ("x.txt", "0 1\n\n3 10\n", "x.txt, line 3: node 10 does not exist; the nodes are 0 to 9"),
            ("x.txt", "0 -1\n", "x.txt, line 1: `0 -1` is not an edge"),
            (
                "x.xml",
                "<graphml>\n<graph>\n<node/></graph></graphml>",
                "x.xml, line 3: a `node` without `id`",
            ),
            (
                "x.xml",
                "<graphml><graph><edge source='a' target='b'/>\n</graph></graphml>",
                "line 2: an edge names the node `a`, which is not declared",
            ),
            (
                "x.xml",
                "<graphml><graph><node id='a'/><node id='a'/></graph></graphml>",
                "line 1: the node `a` is declared twice",
            ),
            (
                "x.xml",
                "<graphml><graph><node id='a'>\n<graph/></node></graph></graphml>",
                "line 2: a second `graph`; only one can be read",
            ),
            ("x.xml", "<graphml><graph><hyperedge/></graph></graphml>", "line 1: `hyperedge` cannot be read"),
            ("x.xml", "<graphml></graphml>", "line 1: there is no `graph` in it"),
            ("x.xml", "<graphml><graph>", "line 1: the file ends inside an element"),
            ("x.xml", "<graphml></graph>", "line 1: not well-formed XML"),
            ("x.xml", "<graphml><graph><node id='&bomb;'/></graph></graphml>", "line 1: not well-formed XML"),
        ] {
            let message = through(text.as_bytes(), name, Some(10)).unwrap_err();
            assert!(message.contains(expected), "{message}\nshould contain\n{expected}");
        }
        let long = through(&[b'1'; 100_000], "x.txt", None).unwrap_err();
        assert!(long.len() < 200 && long.contains("line 1: longer than"), "{long}");
        let nodes: String = (0..11).map(|i| format!("<node id='{i}'/>\n")).collect();
        let many =
            through(format!("<graphml><graph>{nodes}</graph></graphml>").as_bytes(), "x.xml", Some(10));
        assert_eq!(many.unwrap_err(), "x.xml, line 11: more than 10 nodes, as many as there are");
        let huge = through(b"0 4294967295\n", "x.txt", None).unwrap_err();
        assert!(huge.contains("node 4294967295 does not exist"), "{huge}");
        assert!(read(Path::new("/"), None).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn a_scenario_reads_its_file_from_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pairs.txt"), "0 1\n1 2\n2 2\n").unwrap();
        let shape = Shape::File(super::super::File { path: "pairs.txt".into() });
        let topology = Topology { shape, additional_connections: vec![(0, 2)] };
        let built = topology.build(3, 0, folder.path()).unwrap();
        assert_eq!(built.graph.edges(), 3);
        assert_eq!(
            built.warnings,
            ["pairs.txt: 1 edges from a node to itself are left out, the first [2, 2]"]
        );
    }
}
