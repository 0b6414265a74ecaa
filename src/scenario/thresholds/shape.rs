//! The shape of a result: what stands at each path of any result that there can be. It is read off the schema of the
//! result's types, so that a figure that is added to a result is known here.

use super::lookup::{Tree, place, told};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    /// An object with these fields, those of a map with known keys among them.
    Object(Vec<(String, Self)>),
    /// A list of entries of one shape, and how many there can be, if that is known.
    List(Box<Self>, Option<usize>),
    /// An object in which any whole number is a key.
    Numbered(Box<Self>),
    /// A number.
    Number,
    /// `true` or `false`.
    Truth,
    /// One of these words; any text if there are none.
    Word(Vec<String>),
    /// Nothing is known of it.
    Unknown,
}

impl Shape {
    /// The shape of a type's values in JSON.
    pub fn of<T: JsonSchema>() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|it| it.inline_subschemas = true);
        Self::of_schema(settings.into_generator().into_root_schema_for::<T>().as_value())
    }

    /// The shape of one value.
    pub fn of_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Unknown,
            Value::Bool(_) => Self::Truth,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Word(Vec::new()),
            Value::Array(entries) => Self::List(
                Box::new(entries.first().map_or(Self::Unknown, Self::of_value)),
                Some(entries.len()),
            ),
            Value::Object(fields) => Self::Object(
                fields.iter().map(|(name, value)| (name.clone(), Self::of_value(value))).collect(),
            ),
        }
    }

    fn of_schema(schema: &Value) -> Self {
        let choices = ["oneOf", "anyOf"].into_iter().find_map(|key| schema[key].as_array());
        if let Some(choices) = choices {
            let some: Vec<Self> =
                choices.iter().filter(|it| it["type"] != "null").map(Self::of_schema).collect();
            return Self::any(some);
        }
        if let Some(word) = schema["const"].as_str() {
            return Self::Word(vec![word.to_owned()]);
        }
        if let Some(words) = schema["enum"].as_array() {
            return Self::Word(words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        let kind = match &schema["type"] {
            Value::String(kind) => kind.as_str(),
            // A value that may be missing: `["number", "null"]`.
            Value::Array(kinds) => {
                kinds.iter().filter_map(Value::as_str).find(|it| *it != "null").unwrap_or("")
            }
            _ => "",
        };
        match kind {
            "number" | "integer" => Self::Number,
            "boolean" => Self::Truth,
            "string" => Self::Word(Vec::new()),
            "array" => Self::List(Box::new(Self::of_schema(&schema["items"])), None),
            "object" => match (schema["properties"].as_object(), schema["patternProperties"].as_object()) {
                (Some(fields), _) => Self::Object(
                    fields.iter().map(|(name, it)| (name.clone(), Self::of_schema(it))).collect(),
                ),
                // Keys that are no names are numbers.
                (None, Some(patterns)) => {
                    Self::Numbered(Box::new(patterns.values().next().map_or(Self::Unknown, Self::of_schema)))
                }
                (None, None) => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// What may be one or the other: words together are words.
    fn any(mut choices: Vec<Self>) -> Self {
        let words: Option<Vec<Vec<String>>> = choices
            .iter()
            .map(|it| match it {
                Self::Word(words) if !words.is_empty() => Some(words.clone()),
                _ => None,
            })
            .collect();
        match words {
            Some(words) if !words.is_empty() => Self::Word(words.concat()),
            _ if choices.len() == 1 => choices.remove(0),
            _ => Self::Unknown,
        }
    }

    /// Puts another shape at a path of field names, of which none holds a dot.
    pub fn put(&mut self, path: &str, shape: Self) {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let Self::Object(fields) = self else { return };
        match fields.iter_mut().find(|(it, _)| it == name) {
            Some((_, place)) if rest.is_empty() => *place = shape,
            Some((_, inner)) => inner.put(rest, shape),
            None => {}
        }
    }

    /// The paths of all single values. Entries of lists, and keys that are numbers, are `index`.
    pub fn paths(&self, index: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(index, &mut String::new(), &mut found);
        found
    }

    fn walk(&self, index: &str, path: &mut String, found: &mut Vec<String>) {
        let inner: Vec<(&str, &Self)> = match self {
            Self::Object(fields) => fields.iter().map(|(name, inner)| (name.as_str(), inner)).collect(),
            Self::List(inner, _) | Self::Numbered(inner) => vec![(index, inner)],
            Self::Number | Self::Truth | Self::Word(_) => return found.push(path.clone()),
            Self::Unknown => return,
        };
        let length = path.len();
        for (name, inner) in inner {
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            inner.walk(index, path, found);
            path.truncate(length);
        }
    }
}

impl Tree for Shape {
    fn fields(&self) -> Option<impl Iterator<Item = (&str, &Self)>> {
        match self {
            Self::Object(fields) => Some(fields.iter().map(|(name, inner)| (name.as_str(), inner))),
            _ => None,
        }
    }

    fn entry(&self, step: &str) -> Option<Result<&Self, String>> {
        match self {
            Self::List(inner, Some(length)) => {
                let there = place(step, *length).is_some_and(|place| place < *length);
                Some(if there { Ok(&**inner) } else { Err(told(*length)) })
            }
            Self::List(inner, None) => Some(match step.parse::<i64>() {
                Ok(_) => Ok(&**inner),
                Err(_) => Err("entries 0, 1, …, and -1 for the last".into()),
            }),
            Self::Numbered(inner) => Some(match step.parse::<u64>() {
                Ok(_) => Ok(&**inner),
                Err(_) => Err("whole numbers".into()),
            }),
            _ => None,
        }
    }
}
