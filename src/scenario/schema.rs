//! The JSON Schema of a scenario, generated from its types, and what can be read off it: which fields there are.

use super::Scenario;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::Transform;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The schema, JSON Schema 2020-12.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(FlattenedKinds);
    let mut schema = settings.into_generator().into_root_schema_for::<Scenario>();
    schema.insert("title".into(), "A scenario of p2pfl-sim, version 1".into());
    // What a reader looks for first stands first.
    let object = schema.ensure_object();
    for key in ["description", "title", "$schema"] {
        if let Some(value) = object.shift_remove(key) {
            object.shift_insert(0, key.to_owned(), value);
        }
    }
    schema
}

/// The schema as it is kept in `scenarios/scenario.schema.json` and printed by `p2pfl-sim schema`.
pub fn text() -> String {
    format!("{:#}\n", schema().as_value())
}

/// A field that a scenario may have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// Where it belongs: `learning.partitioning`; empty at the top.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// What it is, in a sentence or two.
    pub description: String,
    /// The kind of its parent that has it, where the parent has kinds.
    pub kind: Option<String>,
}

/// All fields, in the order of the format; those inside lists under `script[]`.
pub(crate) fn fields() -> &'static [Field] {
    static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
        let schema = schema();
        let mut walk = Walk { root: schema.as_value(), fields: Vec::new() };
        walk.visit(schema.as_value(), "", 0);
        walk.fields
    });
    &FIELDS
}

/// The fields of the object at `parent` if it is of this kind, the tag included.
pub(crate) fn fields_of_kind(parent: &str, kind: &str) -> Vec<String> {
    let own = |field: &Field| field.parent == parent && field.kind.as_deref().is_none_or(|it| it == kind);
    fields().iter().filter(|field| own(field)).map(|field| field.name.clone()).collect()
}

struct Walk<'a> {
    root: &'a Value,
    fields: Vec<Field>,
}

impl Walk<'_> {
    fn visit(&mut self, schema: &Value, path: &str, depth: usize) {
        // No scenario type contains itself; the bound keeps a future one from looping here.
        if depth > 24 {
            return;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
            self.visit(&self.root["$defs"][name], path, depth + 1);
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            for inner in schema[choice].as_array().into_iter().flatten() {
                self.visit(inner, path, depth + 1);
            }
        }
        if schema["items"].is_object() {
            self.visit(&schema["items"], &format!("{path}[]"), depth + 1);
        }
        let Some(properties) = schema["properties"].as_object() else { return };
        let tag = properties.values().find_map(names);
        let kinds: Vec<Option<String>> = match tag {
            Some(names) => names.into_iter().map(Some).collect(),
            None => vec![None],
        };
        for (name, inner) in properties {
            let description = self.description(inner);
            for kind in &kinds {
                let field = Field {
                    parent: path.into(),
                    name: name.clone(),
                    description: description.clone(),
                    kind: kind.clone(),
                };
                if !self.fields.contains(&field) {
                    self.fields.push(field);
                }
            }
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.visit(inner, &below, depth + 1);
        }
    }

    fn description(&self, schema: &Value) -> String {
        let referred = schema["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/"));
        let text = |it: &Value| it["description"].as_str().map(String::from);
        text(schema).or_else(|| text(&self.root["$defs"][referred?])).unwrap_or_default()
    }
}

/// The names that a tag's schema allows.
fn names(schema: &Value) -> Option<Vec<String>> {
    match (&schema["const"], &schema["enum"]) {
        (Value::String(only), _) => Some(vec![only.clone()]),
        (_, Value::Array(several)) if schema["type"].is_null() => {
            Some(several.iter().filter_map(Value::as_str).map(String::from).collect())
        }
        _ => None,
    }
}

/// Fields beside a flattened enum go into each of its kinds, because a kind refuses what it does not know.
#[derive(Clone)]
struct FlattenedKinds;

impl Transform for FlattenedKinds {
    fn transform(&mut self, schema: &mut Schema) {
        schemars::transform::transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        if !(object.contains_key("oneOf") && object.contains_key("properties")) {
            return;
        }
        let fellows = object.remove("properties");
        for key in ["type", "additionalProperties", "unevaluatedProperties"] {
            object.remove(key);
        }
        let kinds = object.get_mut("oneOf").and_then(Value::as_array_mut);
        for kind in kinds.into_iter().flatten().filter_map(Value::as_object_mut) {
            kind.remove("unevaluatedProperties");
            kind.insert("additionalProperties".into(), false.into());
            let own = kind.entry("properties").or_insert_with(|| Map::new().into());
            if let (Value::Object(own), Some(Value::Object(fellows))) = (own, &fellows) {
                own.extend(fellows.clone());
            }
        }
    }
}
