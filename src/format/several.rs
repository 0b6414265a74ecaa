//! A field that is written as one value or as a list of them: `"64B"` or `["64B", "1MB"]`.
//!
//! One value reads like a value of its own, with that type's own error messages; written out again it is one value.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{SeqAccessDeserializer, StrDeserializer, U64Deserializer};
use serde::de::{Error, IntoDeserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// One or more values. A list may be empty as far as this type is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several<T>(pub Vec<T>);

impl<T> From<T> for Several<T> {
    fn from(only: T) -> Self {
        Self(vec![only])
    }
}

impl<T: Serialize> Serialize for Several<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [only] => only.serialize(serializer),
            all => all.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeveralVisitor(PhantomData))
    }
}

struct SeveralVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SeveralVisitor<T> {
    type Value = Several<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let text: StrDeserializer<E> = text.into_deserializer();
        T::deserialize(text).map(Several::from)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let number: U64Deserializer<E> = number.into_deserializer();
        T::deserialize(number).map(Several::from)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        // What is not negative has come as unsigned; an own deserializer says what was expected instead.
        let number =
            u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        self.visit_u64(number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Several)
    }
}

impl<T: JsonSchema> JsonSchema for Several<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Several{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::units::Size;

    #[test]
    fn one_value_and_a_list_read_back_as_they_were_written() {
        for text in [r#""64B""#, r#"["64B","1MB"]"#, "[]"] {
            let read: Several<Size> = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        assert_eq!(serde_json::from_str::<Several<u32>>("[1, 64]").unwrap(), Several(vec![1, 64]));
        assert_eq!(serde_json::from_str::<Several<u32>>("3").unwrap(), Several::from(3));
    }

    #[test]
    fn a_mistake_is_explained_as_it_is_for_a_single_value() {
        let said = |text: &str| serde_json::from_str::<Several<Size>>(text).unwrap_err().to_string();
        assert!(said(r#""64""#).contains("is not a size"), "{}", said(r#""64""#));
        assert!(said(r#"["1MB", "x"]"#).contains("`x` is not a size"));
        assert!(said("true").contains("one value or a list of them"));
        assert!(serde_json::from_str::<Several<u32>>("-1").is_err());
    }
}
