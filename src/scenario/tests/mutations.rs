//! Whatever is done to a valid scenario, loading it ends in a scenario or in diagnostics with a place and a text.

use super::EVERY_BLOCK;
use crate::scenario::load::parse_bytes;
use crate::scenario::{Override, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A change to the value that is the `place`-th of a document, counted in reading order.
#[derive(Clone, Debug)]
struct Mutation {
    place: prop::sample::Index,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Replace(Value),
    Delete,
    Rename(String),
    Swap(prop::sample::Index),
    Wrap,
}

fn what() -> impl Strategy<Value = What> {
    let odd = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(-0.0),
        json!(4294967295u64),
        json!(4294967296u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(""),
        json!("NaN"),
        json!("inf"),
        json!("0"),
        json!("-1s"),
        json!("584y"),
        json!("213503982334d"),
        json!("5-3"),
        json!("0-4294967295"),
        json!("é—🦀"),
        json!([]),
        json!({}),
        json!([[], [[]]]),
        json!({ "kind": 3 }),
        json!({ "do": "crash", "kind": "ring" }),
        json!({ "random": 4294967295u64 }),
        json!({ "round": -1 }),
    ]);
    prop_oneof![
        4 => odd.prop_map(What::Replace),
        2 => Just(What::Delete),
        2 => "[a-z.\\[\\]$é]{0,12}".prop_map(What::Rename),
        1 => any::<prop::sample::Index>().prop_map(What::Swap),
        1 => Just(What::Wrap),
    ]
}

/// Every path of the document, as JSON pointers.
fn pointers(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                pointers(inner, &format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(entries) => {
            for (i, inner) in entries.iter().enumerate() {
                pointers(inner, &format!("{here}/{i}"), all);
            }
        }
        _ => {}
    }
}

fn mutate(document: &mut Value, mutation: &Mutation) {
    let mut all = Vec::new();
    pointers(document, "", &mut all);
    let pointer = mutation.place.get(&all).clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", ""));
    match &mutation.what {
        What::Replace(value) => *document.pointer_mut(&pointer).unwrap() = value.clone(),
        What::Delete | What::Rename(_) => match document.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                if let (Some(old), What::Rename(name)) = (fields.remove(key), &mutation.what) {
                    fields.insert(name.clone(), old);
                }
            }
            Some(Value::Array(entries)) => {
                if let Ok(index) = key.parse::<usize>() {
                    entries.remove(index);
                }
            }
            _ => {}
        },
        What::Swap(other) => {
            let value = document.pointer(other.get(&all).as_str()).cloned().unwrap();
            *document.pointer_mut(&pointer).unwrap() = value;
        }
        What::Wrap => {
            let value = document.pointer_mut(&pointer).unwrap();
            *value = json!([value.take()]);
        }
    }
}

fn check(bytes: &[u8], set: &[Override]) -> Result<(), TestCaseError> {
    match parse_bytes(bytes.to_vec(), "mutated.json", set) {
        Ok(loaded) => {
            // What was let through can be shown and used.
            let scenario = serde_json::to_string(&loaded.scenario).unwrap();
            let again = parse(&scenario, "again.json", &[]);
            prop_assert_eq!(again.unwrap_or_else(|faults| panic!("{scenario}\n{faults}")).hash, loaded.hash);
        }
        Err(faults) => {
            prop_assert!(!faults.is_empty());
            for fault in &faults.0 {
                prop_assert!(fault.line >= 1 && fault.column >= 1);
                prop_assert!(!fault.message.is_empty() && !fault.file.is_empty());
            }
            let shown = faults.to_string();
            prop_assert!(shown.contains("mutated.json") || shown.contains("command line"), "{}", shown);
            serde_json::to_string(&faults).unwrap();
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn changed_trees_are_read_or_explained(
        mutations in prop::collection::vec(
            (any::<prop::sample::Index>(), what()).prop_map(|(place, what)| Mutation { place, what }), 1..4),
    ) {
        let mut document: Value = serde_json::from_str(EVERY_BLOCK).unwrap();
        for mutation in &mutations {
            mutate(&mut document, mutation);
        }
        check(document.to_string().as_bytes(), &[])?;
        check(format!("{document:#}").as_bytes(), &[])?;
    }

    #[test]
    fn changed_texts_are_read_or_explained(
        cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        insert in prop::sample::select(vec![
            "NaN", "-Infinity", "1e999", "01", ",", ":", "{", "]", "\"", "\\", "//", "/* */", "'x'", "\u{feff}", "\u{0}", "\t",
            "\"\\ud800\"", "\"\\u00e9\"", "0x10", "+1", ".5", "tru", "é", "\"seed\": 1,",
        ]),
        truncate: bool,
    ) {
        let mut text = EVERY_BLOCK.to_owned();
        if truncate {
            text.truncate(cut.index(text.len()));
        }
        let at = at.index(text.len() + 1);
        text.insert_str(at, insert);
        check(text.as_bytes(), &[])?;
    }

    #[test]
    fn any_bytes_are_explained(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes, &[])?;
    }

    #[test]
    fn any_setting_is_made_or_explained(
        path in "(nodes|topology|workflow|script|learning|network|settings|x)?(\\.(kind|k|model|hidden|latency|train|compute|0)|\\[[0-9]{0,2}\\]?|\\.){0,4}",
        value in prop::sample::select(vec!["3", "ring", "lognormal", "{}", "[]", "null", "\"\"", "1e999", "5s", "-1", ""]),
    ) {
        if let Ok(setting) = format!("{path}={value}").parse() {
            check(EVERY_BLOCK.as_bytes(), &[setting])?;
        }
    }
}
