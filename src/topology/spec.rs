//! What a scenario and the command line say about the topology: the kinds, and their parameters.
//!
//! Only the words. Which parameters make sense for how many nodes is checked where the graph is built.

use crate::format::tagged::tagged;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;

/// Who is connected to whom: `{ "kind": "ring" }`, any kind also with `"additional_connections": [[0, 50]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Topology {
    /// The shape.
    #[serde(flatten)]
    pub shape: Shape,
    /// Edges beside those of the shape.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_connections: Vec<(u32, u32)>,
}

impl JsonSchema for Topology {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Topology".into()
    }

    /// Every kind of shape, with one more property.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let connections = generator.subschema_for::<Vec<(u32, u32)>>();
        let mut schema = Shape::json_schema(generator);
        let kinds = schema.get_mut("oneOf").and_then(|kinds| kinds.as_array_mut());
        for properties in kinds.into_iter().flatten().filter_map(|kind| kind.get_mut("properties")) {
            let mut connections = connections.clone();
            connections.insert("description".into(), "Edges beside those of the kind. Default: none.".into());
            properties["additional_connections"] = connections.to_value();
        }
        schema
    }
}

tagged! {
    /// The shape of the network.
    #[derive(Clone, Debug, PartialEq, clap::Subcommand)]
    #[command(rename_all = "snake_case")]
    pub enum Shape by "kind" {
        /// Node 0 in the middle, connected to every other.
        Star(Plain) = "star",
        /// Everyone connected to everyone.
        #[command(visible_aliases = ["complete", "mesh"])]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Plain {}
/// See [`Shape::RandomK`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct RandomK {
    /// The mean degree.
    #[arg(long)]
    pub k: f64,
}
/// See [`Shape::RandomRegular`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct RandomRegular {
    /// The degree of every node.
    #[arg(long)]
    pub degree: u32,
}
/// See [`Shape::Grid`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Rows; rows × columns is the number of nodes.
    #[arg(long)]
    pub rows: u32,
    /// Columns.
    #[arg(long)]
    pub columns: u32,
}
/// See [`Shape::ErdosRenyi`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct ErdosRenyi {
    /// The probability of each edge.
    #[arg(long)]
    pub p: f64,
}
/// See [`Shape::WattsStrogatz`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct WattsStrogatz {
    /// Degree of the lattice; even.
    #[arg(long)]
    pub k: u32,
    /// The probability of rewiring an edge.
    #[arg(long)]
    pub p: f64,
}
/// See [`Shape::BarabasiAlbert`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct BarabasiAlbert {
    /// Edges that each new node brings.
    #[arg(long)]
    pub m: u32,
}
/// See [`Shape::Edges`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Edges {
    /// Pairs of node indices.
    #[arg(long, value_name = "A-B,C-D,…", required = true, value_delimiter = ',', value_parser = pair)]
    pub edges: Vec<(u32, u32)>,
}
/// See [`Shape::File`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The file, relative to the scenario's folder.
    #[arg(long, value_name = "FILE")]
    pub path: PathBuf,
}

impl<'de> Deserialize<'de> for Topology {
    /// The fields of the shape stream through to it untouched, so that an error in one keeps its path; only
    /// `additional_connections` is taken out on the way. (Serde's own `flatten` would buffer them all.)
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopologyVisitor;
        impl<'de> Visitor<'de> for TopologyVisitor {
            type Value = Topology;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a topology: an object with `kind`, such as { \"kind\": \"ring\" }")
            }

            /// The shape alone knows what is wrong with a text.
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Topology, E> {
                let shape = Shape::deserialize(serde::de::value::StrDeserializer::new(text))?;
                Ok(Topology { shape, additional_connections: Vec::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Topology, A::Error> {
                let mut additional = None;
                let fields = Fields { map, additional: &mut additional };
                let shape = Shape::deserialize(MapAccessDeserializer::new(fields))?;
                Ok(Topology { shape, additional_connections: additional.unwrap_or_default() })
            }
        }
        deserializer.deserialize_any(TopologyVisitor)
    }
}

const ADDITIONAL: &str = "additional_connections";

/// The fields of a topology but `additional_connections`, which is put aside when it comes by.
struct Fields<'a, A> {
    map: A,
    additional: &'a mut Option<Vec<(u32, u32)>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.map.next_key_seed(Key { seed: &mut seed, seen: self.additional.is_some() })? {
                None => return Ok(None),
                Some(Some(key)) => return Ok(Some(key)),
                Some(None) => *self.additional = Some(self.map.next_value()?),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Hands a key on to the shape's own seed, unless it is `additional_connections`. The seed runs inside the key's
/// deserialisation, so that an unknown field is reported with its name in the path.
struct Key<'a, K> {
    seed: &'a mut Option<K>,
    seen: bool,
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, K> {
    type Value = Option<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let key = String::deserialize(deserializer)?;
        if key == ADDITIONAL {
            return if self.seen { Err(D::Error::duplicate_field(ADDITIONAL)) } else { Ok(None) };
        }
        let key: StringDeserializer<D::Error> = key.into_deserializer();
        self.seed.take().map(|seed| seed.deserialize(key)).transpose()
    }
}

/// `3-7` on the command line.
pub(crate) fn pair(text: &str) -> Result<(u32, u32), String> {
    let ends = text.split_once('-').and_then(|(a, b)| Some((a.trim().parse().ok()?, b.trim().parse().ok()?)));
    ends.ok_or_else(|| format!("`{text}` is not an edge; write two node numbers, such as 0-1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Topology, (String, String)> {
        let mut json = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut json).map_err(|e| (e.path().to_string(), e.inner().to_string()))
    }

    #[test]
    fn additional_connections_are_read_wherever_they_stand() {
        let expected = Topology {
            shape: Shape::RandomK(RandomK { k: 4.0 }),
            additional_connections: vec![(0, 5), (2, 3)],
        };
        for text in [
            r#"{"kind": "random_k", "k": 4, "additional_connections": [[0, 5], [2, 3]]}"#,
            r#"{"kind": "random_k", "additional_connections": [[0, 5], [2, 3]], "k": 4}"#,
            r#"{"additional_connections": [[0, 5], [2, 3]], "kind": "random_k", "k": 4}"#,
            r#"{"additional_connections": [[0, 5], [2, 3]], "k": 4, "kind": "random_k"}"#,
        ] {
            assert_eq!(read(text), Ok(expected.clone()), "{text}");
        }
        let written = serde_json::to_string(&expected).unwrap();
        assert_eq!(read(&written), Ok(expected));
        assert!(read(r#"{"kind": "mesh"}"#).unwrap().additional_connections.is_empty());
    }

    #[test]
    fn an_error_names_the_field_it_is_in() {
        for (text, path, part) in [
            (r#"{"kind": "ring", "k": 4}"#, "k", "unknown field `k`"),
            (r#"{"kind": "random_k", "k": 4, "degree": 4}"#, "degree", "unknown field `degree`"),
            (r#"{"kind": "random_k", "k": "four"}"#, "k", "invalid type"),
            (r#"{"kind": "random_k", "k": 4, "k": 5}"#, ".", "duplicate field `k`"),
            (r#"{"kind": "random_k"}"#, ".", "missing field `k`"),
            (r#"{"kind": "rng"}"#, "kind", "unknown variant `rng`"),
            (r#"{"kind": "ring", "kind": "ring"}"#, "kind", "unknown field `kind`"),
            (r#"{}"#, ".", "missing field `kind`"),
            (
                r#"{"kind": "ring", "additional_connections": [[0, 1], [0, -1]]}"#,
                "additional_connections[1][1]",
                "invalid value",
            ),
            (
                r#"{"kind": "ring", "additional_connections": [], "additional_connections": []}"#,
                "additional_connections",
                "duplicate field",
            ),
            (r#"{"k": 4, "k": 5, "kind": "random_k"}"#, ".", "duplicate field `k`"),
        ] {
            let (at, message) = read(text).unwrap_err();
            assert!(at == path && message.contains(part), "{text}: at `{at}`: {message}");
        }
    }

    #[test]
    fn the_schema_takes_what_the_program_takes() {
        let schema = serde_json::to_value(schemars::schema_for!(Topology)).unwrap();
        let valid = |text: &str| jsonschema::is_valid(&schema, &serde_json::from_str(text).unwrap());
        assert!(valid(r#"{"kind": "ring"}"#));
        assert!(valid(r#"{"kind": "ring", "additional_connections": [[0, 5]]}"#));
        assert!(valid(r#"{"kind": "torus", "rows": 2, "columns": 5, "additional_connections": [[0, 5]]}"#));
        assert!(!valid(r#"{"kind": "ring", "k": 4}"#));
        assert!(!valid(r#"{"kind": "torus", "rows": 2}"#));
        assert!(!valid(r#"{"kind": "ring", "additional_connections": [[0]]}"#));
    }
}
