//! Fields that may be written in more than one way: a number or a word, one thing or a list of them.
//!
//! Serde's own untagged enums answer every mistake with "did not match any variant"; these say what was expected
//! and keep the path of what is wrong inside.

use super::{Auto, Speedup};
use crate::format::script::{At, AtRound, NodeSet, Pick, Random, Range};
use crate::learning::byzantine::spec::{Attackers, Byzantine};
use crate::learning::spec::{BatchSize, Full};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Reads a choice with the visitor named like it. Each visitor has the methods for the forms its type may take.
macro_rules! choice {
    ($type:ty, $visitor:ident, $expecting:literal, { $($methods:tt)* }) => {
        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str($expecting)
            }

            $($methods)*
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }
    };
}

choice!(At, AtVisitor, "a time such as \"30s\", or a round such as { \"round\": 2 }", {
    fn visit_str<E: Error>(self, text: &str) -> Result<At, E> {
        text.parse().map(At::Time).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<At, A::Error> {
        AtRound::deserialize(MapAccessDeserializer::new(map)).map(At::Round)
    }
});

choice!(Pick, PickVisitor, "the index of a node, a range such as \"40-49\", or { \"random\": 10 }", {
    fn visit_u64<E: Error>(self, index: u64) -> Result<Pick, E> {
        index.try_into().map(Pick::Index).map_err(|_| E::invalid_value(Unexpected::Unsigned(index), &self))
    }

    fn visit_i64<E: Error>(self, index: i64) -> Result<Pick, E> {
        index.try_into().map(Pick::Index).map_err(|_| E::invalid_value(Unexpected::Signed(index), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pick, E> {
        text.parse().map(Pick::Range).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pick, A::Error> {
        Random::deserialize(MapAccessDeserializer::new(map)).map(Pick::Random)
    }
});

choice!(
    NodeSet,
    NodeSetVisitor,
    "nodes: an index, a range such as \"40-49\", { \"random\": 10 }, or a list of these",
    {
        fn visit_u64<E: Error>(self, index: u64) -> Result<NodeSet, E> {
            PickVisitor.visit_u64(index).map(NodeSet::from)
        }

        fn visit_i64<E: Error>(self, index: i64) -> Result<NodeSet, E> {
            PickVisitor.visit_i64(index).map(NodeSet::from)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<NodeSet, E> {
            PickVisitor.visit_str(text).map(NodeSet::from)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NodeSet, A::Error> {
            PickVisitor.visit_map(map).map(NodeSet::from)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<NodeSet, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(list)).map(NodeSet)
        }
    }
);

choice!(Byzantine, ByzantineVisitor, "nodes that lie and how, or a list of these", {
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Byzantine, A::Error> {
        Attackers::deserialize(MapAccessDeserializer::new(map)).map(|only| Byzantine(vec![only]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Byzantine, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Byzantine)
    }
});

choice!(Speedup, SpeedupVisitor, "a number or \"auto\"", {
    fn visit_u64<E: Error>(self, factor: u64) -> Result<Speedup, E> {
        Ok(Speedup::Factor(factor as f64))
    }

    fn visit_i64<E: Error>(self, factor: i64) -> Result<Speedup, E> {
        Ok(Speedup::Factor(factor as f64))
    }

    fn visit_f64<E: Error>(self, factor: f64) -> Result<Speedup, E> {
        Ok(Speedup::Factor(factor))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Speedup, E> {
        match text {
            "auto" => Ok(Speedup::default()),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
});

choice!(BatchSize, BatchSizeVisitor, "a number of rows or \"full\"", {
    fn visit_u64<E: Error>(self, rows: u64) -> Result<BatchSize, E> {
        rows.try_into().map(BatchSize::Rows).map_err(|_| E::invalid_value(Unexpected::Unsigned(rows), &self))
    }

    fn visit_i64<E: Error>(self, rows: i64) -> Result<BatchSize, E> {
        rows.try_into().map(BatchSize::Rows).map_err(|_| E::invalid_value(Unexpected::Signed(rows), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<BatchSize, E> {
        match text {
            "full" => Ok(BatchSize::Full(Full::Full)),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
});

/// `auto` or a number, as the command line takes it.
impl FromStr for Speedup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto(Auto::Auto)),
            _ => match text.parse::<f64>() {
                Ok(factor) if factor.is_finite() => Ok(Self::Factor(factor)),
                _ => Err(format!("`{text}` is neither a number nor `auto`")),
            },
        }
    }
}

impl From<Pick> for NodeSet {
    fn from(pick: Pick) -> Self {
        Self(vec![pick])
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.trim().parse::<u32>().ok();
        let Some((Some(first), Some(last))) = text.split_once('-').map(|(a, b)| (number(a), number(b)))
        else {
            return Err(match number(text) {
                Some(index) => {
                    format!("\"{text}\" is text; write the index of a node without quotes: {index}")
                }
                None => {
                    format!("\"{text}\" is not a range of nodes; write \"first-last\", such as \"40-49\"")
                }
            });
        };
        if first > last {
            return Err(format!("the range \"{text}\" runs backwards; write \"{last}-{first}\""));
        }
        Ok(Self { first, last })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Range {
    fn schema_name() -> Cow<'static, str> {
        "Range".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The nodes \"first-last\", both included.",
            "pattern": r"^\s*[0-9]+\s*-\s*[0-9]+\s*$",
            "examples": ["40-49"],
        })
    }
}

impl JsonSchema for Byzantine {
    fn schema_name() -> Cow<'static, str> {
        "Byzantine".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let attackers = generator.subschema_for::<Attackers>();
        json_schema!({
            "description": "Nodes that lie and how, or a list of these.",
            "anyOf": [attackers, { "type": "array", "items": attackers }],
        })
    }
}

impl JsonSchema for NodeSet {
    fn schema_name() -> Cow<'static, str> {
        "NodeSet".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pick = generator.subschema_for::<Pick>();
        json_schema!({
            "description": "A choice of nodes: an index, a range, a random number of them, or a list of these.",
            "anyOf": [pick, { "type": "array", "items": pick, "minItems": 1 }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_takes_a_finite_factor_or_auto() {
        assert_eq!("auto".parse(), Ok(Speedup::default()));
        assert_eq!("2.5".parse(), Ok(Speedup::Factor(2.5)));
        assert!("NaN".parse::<Speedup>().is_err());
        assert!("fast".parse::<Speedup>().is_err());
    }

    #[test]
    fn each_choice_takes_all_its_forms_and_says_so_when_it_takes_none() {
        fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
            serde_json::from_str(text).map_err(|error| error.to_string())
        }
        assert_eq!(read("\"2s\""), Ok(At::Time("2s".parse().unwrap())));
        assert_eq!(read("{\"round\": 2}"), Ok(At::Round(AtRound { round: 2 })));
        assert!(read::<At>("2").unwrap_err().contains("a time such as"));
        assert_eq!(read("\"full\""), Ok(BatchSize::Full(Full::Full)));
        assert_eq!(read("16"), Ok(BatchSize::Rows(16)));
        assert!(read::<BatchSize>("-1").unwrap_err().contains("a number of rows or \"full\""));
        let range = Pick::Range(Range { first: 4, last: 9 });
        assert_eq!(read("[3, \"4-9\"]"), Ok(NodeSet(vec![Pick::Index(3), range.clone()])));
        assert_eq!(read("\"4-9\""), Ok(NodeSet(vec![range])));
        assert_eq!(read("{\"random\": 2}"), Ok(NodeSet(vec![Pick::Random(Random { random: 2 })])));
        assert!(read::<NodeSet>("\"3\"").unwrap_err().contains("without quotes: 3"));
        assert!(read::<NodeSet>("true").unwrap_err().contains("a list of these"));
    }
}
