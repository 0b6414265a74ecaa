//! Enums that a scenario writes as an object with a tag: `{ "kind": "random_k", "k": 4 }`.
//!
//! Serde's own internally tagged enums buffer the object, and with it the path and position of whatever is wrong
//! inside. These read the tag first and hand the remaining fields on unbuffered, so that an error names
//! `learning.partitioning.alpha` and not `learning.partitioning`. The loader puts the tag first before it
//! reads; elsewhere a tag that comes later still works, only with a coarser path.

use schemars::{Schema, json_schema};
use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;
use std::marker::PhantomData;

/// A type written as an object whose `TAG` field chooses among `KINDS`.
pub trait Tagged: Sized {
    /// The name of the field that chooses.
    const TAG: &'static str;
    /// The values it may have, aliases included.
    const KINDS: &'static [&'static str];
    /// Builds the variant named `kind`, which is one of `KINDS`, from the other fields.
    fn build<'de, D: Deserializer<'de>>(kind: &str, fields: D) -> Result<Self, D::Error>;
    /// What a bare string says, where a type has such a shorthand.
    const BARE: Option<&'static str> = None;
    /// Builds from a bare string, where a type has such a shorthand.
    fn bare(_text: &str) -> Option<Result<Self, String>> {
        None
    }
}

/// Reads a tagged type.
pub fn deserialize<'de, T: Tagged, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(TaggedVisitor(PhantomData))
}

struct TaggedVisitor<T>(PhantomData<T>);

impl<'de, T: Tagged> Visitor<'de> for TaggedVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(bare) = T::BARE {
            write!(f, "{bare}, or ")?;
        }
        write!(f, "an object with `{}`, one of {}", T::TAG, T::KINDS.join(", "))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        match T::bare(text) {
            Some(result) => result.map_err(E::custom),
            None if T::KINDS.contains(&text) => Err(E::custom(format_args!(
                "\"{text}\" stands where an object is expected; write {{ \"{}\": \"{text}\" }}",
                T::TAG
            ))),
            None => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(first) = map.next_key::<String>()? else {
            return Err(missing::<T, _>());
        };
        if first == T::TAG {
            let kind = map.next_value_seed(KindSeed(T::KINDS))?;
            return T::build(&kind, MapAccessDeserializer::new(map));
        }
        let mut fields = Map::new();
        fields.insert(first, map.next_value::<Value>()?);
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if fields.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
            }
            fields.insert(key, value);
        }
        let Some(kind) = fields.remove(T::TAG) else {
            return Err(missing::<T, _>());
        };
        let kind = KindSeed(T::KINDS).deserialize(kind).map_err(A::Error::custom)?;
        T::build(&kind, Value::Object(fields)).map_err(A::Error::custom)
    }
}

fn missing<T: Tagged, E: Error>() -> E {
    E::custom(format_args!("missing field `{}`; it is one of {}", T::TAG, T::KINDS.join(", ")))
}

/// Reads the tag itself, so that an unknown one is reported at the tag.
struct KindSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KindSeed {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        let kind = <String as serde::Deserialize>::deserialize(deserializer)?;
        if self.0.contains(&kind.as_str()) { Ok(kind) } else { Err(D::Error::unknown_variant(&kind, self.0)) }
    }
}

/// The schema of one kind: the schema of its struct with the tag as its first field.
pub fn kind_schema(tag: &str, names: &[&str], description: &str, fields: Schema) -> Schema {
    let mut object = fields.as_object().cloned().unwrap_or_default();
    let mut properties = Map::new();
    let tag_schema = if let [only] = names { json!({ "const": only }) } else { json!({ "enum": names }) };
    properties.insert(tag.to_owned(), tag_schema);
    if let Some(Value::Object(own)) = object.remove("properties") {
        properties.extend(own);
    }
    let mut required = vec![Value::from(tag)];
    if let Some(Value::Array(own)) = object.remove("required") {
        required.extend(own);
    }
    json_schema!({
        "title": names.first(),
        "description": description.trim(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema of the enum: exactly one of its kinds, or its shorthand.
pub fn schema(description: &str, kinds: Vec<Schema>, bare: Option<Schema>) -> Schema {
    let mut choices = kinds;
    choices.extend(bare);
    json_schema!({ "description": description.trim(), "oneOf": choices })
}

/// Defines a [`Tagged`] enum whose variants are structs of their own. Serialisation and the JSON Schema come from
/// the same definition.
macro_rules! tagged {
    (
        $(#[doc = $doc:literal])+
        #[derive($($derive:path),*)]
        $(#[command($($command:tt)*)])?
        $vis:vis enum $name:ident by $tag:literal {
            $( $(#[doc = $vdoc:literal])+ $(#[command($($vcommand:tt)*)])? $variant:ident($ty:ty) = $text:literal $(| $alias:literal)* ),+ $(,)?
        }
        $(bare $bare_type:ty = $bare:expr)?
    ) => {
        $(#[doc = $doc])+
        #[derive($($derive,)* serde::Serialize)]
        $(#[command($($command)*)])?
        #[serde(tag = $tag)]
        $vis enum $name {
            $( $(#[doc = $vdoc])+ $(#[command($($vcommand)*)])? #[serde(rename = $text)] $variant($ty) ),+
        }

        impl $crate::format::tagged::Tagged for $name {
            const TAG: &'static str = $tag;
            const KINDS: &'static [&'static str] = &[$($text $(, $alias)*),+];
            fn build<'de, D: serde::Deserializer<'de>>(kind: &str, fields: D) -> Result<Self, D::Error> {
                match kind {
                    $( $text $(| $alias)* => {
                        <$ty as serde::Deserialize>::deserialize(fields).map(Self::$variant)
                    } )+
                    _ => Err(<D::Error as serde::de::Error>::unknown_variant(kind, Self::KINDS)),
                }
            }
            $( const BARE: Option<&'static str> = Some(<$bare_type>::DESCRIPTION);
            fn bare(text: &str) -> Option<Result<Self, String>> {
                let bare: fn(&str) -> Result<Self, String> = $bare;
                Some(bare(text))
            } )?
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::format::tagged::deserialize(deserializer)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let kinds = vec![
                    $( $crate::format::tagged::kind_schema(
                        $tag,
                        &[$text $(, $alias)*],
                        concat!($($vdoc),+),
                        <$ty as schemars::JsonSchema>::json_schema(generator),
                    ) ),+
                ];
                let bare = None::<schemars::Schema> $( .or(Some(generator.subschema_for::<$bare_type>())) )?;
                $crate::format::tagged::schema(concat!($($doc),+), kinds, bare)
            }
        }
    };
}
pub(crate) use tagged;
