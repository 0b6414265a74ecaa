//! Holds `docs/scenario.md` true: its tables are those that the schema gives, and no part of the schema is left out.
//!
//! A table stands between `<!-- table: Name -->` and `<!-- end -->`, where the name is that of a type in the schema. After
//! a change of the format: `UPDATE_DOCS=1 cargo test --test scenario_page`.

use p2pfl_sim::scenario::schema::schema;
use serde_json::{Map, Value};
use std::fmt::Write;
use std::path::Path;

const BEGIN: &str = "<!-- table: ";
const END: &str = "<!-- end -->";

/// What is a value to a reader of the page, and explained in its text. All other types have a table.
const VALUES: [(&str, &str); 15] = [
    ("Duration", "duration"),
    ("Size", "size"),
    ("Rate", "rate"),
    ("Speedup", "number or `\"auto\"`"),
    ("Auto", "`\"auto\"`"),
    ("BatchSize", "whole number or `\"full\"`"),
    ("Full", "`\"full\"`"),
    ("At", "duration or `{ \"round\": 2 }`"),
    ("AtRound", "`{ \"round\": 2 }`"),
    ("NodeSet", "[nodes](#nodes)"),
    ("Pick", "[nodes](#nodes)"),
    ("Range", "`\"40-49\"`"),
    ("Random", "`{ \"random\": 10 }`"),
    ("Distribution", "[distribution](#distributions)"),
    ("Byzantine", "[attackers](#attackers), or a list of them"),
];

#[test]
fn the_page_has_the_tables_that_the_schema_gives() {
    let schema = schema();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let fresh = with_tables(&kept, schema.as_value());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    } else {
        assert!(kept == fresh, "refresh it: UPDATE_DOCS=1 cargo test --test scenario_page\n{fresh}");
    }
}

#[test]
fn the_page_leaves_no_type_of_the_schema_out() {
    let schema = schema();
    let page = include_str!("../docs/scenario.md");
    let types = schema.as_value()["$defs"].as_object().unwrap();
    for name in types.keys().map(String::as_str).chain(["Scenario"]) {
        let tabled = page.contains(&format!("{BEGIN}{name} -->"));
        let value = VALUES.iter().any(|(it, _)| *it == name) && name != "Distribution";
        assert!(tabled != value, "{name} needs a table, or to be one of the values, and not both");
    }
    for (name, shown) in VALUES {
        assert!(types.contains_key(name), "there is no {name}");
        assert!(page.contains(shown) || name == "Pick", "{shown} is not on the page");
    }
}

fn with_tables(page: &str, schema: &Value) -> String {
    let mut fresh = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after.split_once(" -->").expect("a table's name ends");
        let (_, after) = after.split_once(END).expect("a table ends");
        let part = if name == "Scenario" { schema } else { &schema["$defs"][name] };
        assert!(part.is_object(), "there is no {name} in the schema");
        write!(fresh, "{before}{BEGIN}{name} -->\n{}{END}", table(part)).unwrap();
        rest = after;
    }
    fresh + rest
}

fn table(part: &Value) -> String {
    if let Some(fields) = part["properties"].as_object() {
        let rows = fields.iter().map(|(name, field)| row("", name, field, part)).collect::<String>();
        return format!("| field | value | meaning |\n| --- | --- | --- |\n{rows}");
    }
    let choices = part["oneOf"].as_array().expect("it is an object or a choice");
    if choices.iter().all(|it| it["const"].is_string()) {
        let row = |it: &Value| format!("| `{}` | {} |\n", it["const"].as_str().unwrap(), meaning(it));
        let rows = choices.iter().map(row).collect::<String>();
        return format!("| value | meaning |\n| --- | --- |\n{rows}");
    }
    let kinds: Vec<&Value> = choices.iter().filter(|it| it["properties"].is_object()).collect();
    let tag = ["kind", "do"].into_iter().find(|tag| kinds[0]["properties"][tag].is_object()).unwrap();
    let mut text = format!("| `{tag}` | field | value | meaning |\n| --- | --- | --- | --- |\n");
    for kind in &kinds {
        let names = names(&kind["properties"][tag]);
        writeln!(text, "| {names} | | | {} |", meaning(kind)).unwrap();
        for (name, field) in own(kind, tag, &kinds) {
            text += &row("| ", name, field, kind);
        }
    }
    for (name, field) in properties(kinds[0]).filter(|(name, _)| *name != tag && shared(name, &kinds)) {
        text += &row("| all ", name, field, kinds[0]);
    }
    text
}

/// The fields of a kind that not all kinds have.
fn own<'a>(kind: &'a Value, tag: &str, kinds: &[&Value]) -> Vec<(&'a String, &'a Value)> {
    properties(kind).filter(|(name, _)| *name != tag && !shared(name, kinds)).collect()
}

fn shared(name: &str, kinds: &[&Value]) -> bool {
    kinds.len() > 1
        && kinds.iter().all(|kind| kind["properties"][name] == kinds[0]["properties"][name])
        && kinds[0]["properties"][name].is_object()
}

fn properties(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn names(tag: &Value) -> String {
    let several = tag["enum"].as_array().into_iter().flatten().chain(Some(&tag["const"]));
    several.filter_map(Value::as_str).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn row(start: &str, name: &str, field: &Value, object: &Value) -> String {
    let required = object["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name));
    let needed = if required { ", required" } else { "" };
    format!("{start}| `{name}` | {}{needed} | {} |\n", value(field), meaning(field))
}

fn meaning(it: &Value) -> String {
    it["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

/// What kind of value a field has.
fn value(field: &Value) -> String {
    if let Some(name) = field["$ref"].as_str().and_then(|it| it.strip_prefix("#/$defs/")) {
        if name == "Entry" {
            return "[entries](#script)".into();
        }
        let known = VALUES.iter().find(|(it, _)| *it == name).map(|(_, shown)| (*shown).to_owned());
        return known.unwrap_or_else(|| format!("[{}](#{})", words(name), words(name).replace(' ', "-")));
    }
    if let Some(choices) = field["anyOf"].as_array() {
        if let [one, list] = &choices[..]
            && list["items"] == *one
        {
            return format!("{}, or a list of them", value(one));
        }
        return choices.iter().find(|it| it["type"] != "null").map_or_else(String::new, value);
    }
    let types = match &field["type"] {
        Value::Array(types) => types.iter().find(|it| *it != "null").unwrap_or(&Value::Null),
        one => one,
    };
    match types.as_str() {
        Some("integer") => "whole number".into(),
        Some("boolean") => "`true` or `false`".into(),
        Some("string") => "text".into(),
        Some("array") => {
            let items = &field["items"];
            match value(items).as_str() {
                "" => "pairs".into(),
                inner => format!("list of {inner}"),
            }
        }
        Some("number") => "number".into(),
        Some("object") => "object of numbers".into(),
        _ => String::new(),
    }
}

/// `ModelKind` as `model kind`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for char in name.chars() {
        if char.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(char.to_lowercase());
    }
    words
}
