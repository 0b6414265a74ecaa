//! Serde's errors in a user's words: what is wrong, what would be right, and whether the field or its value is meant.
//!
//! Serde hands errors over as text only; the phrases taken apart here are those of its own `Error` trait, and the
//! tests hold them.

use super::Transport;
use super::load::Mark;
use super::path::Path;
use super::schema::{self, Field};
use super::source::{MINIMAL, shortened};
use serde_json::{Number, Value};

/// A serde error, understood.
#[derive(Debug, PartialEq)]
pub(crate) struct Explained {
    /// What is wrong.
    pub path: Path,
    /// What to point at.
    pub mark: Mark,
    /// The field that is missing, if that is what is wrong.
    pub missing: Option<String>,
    /// The diagnostic's name.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Explains `error`, met at `path` while reading `document`.
pub(crate) fn explain(error: &str, path: &Path, document: &Value) -> Explained {
    let explained = |code, message: String, help| Explained {
        path: path.clone(),
        mark: Mark::Value,
        missing: None,
        code,
        message,
        help,
    };
    if let Some((field, known)) = error.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'))
    {
        return unknown_field(field, &quoted(known), path, document);
    }
    if let Some((value, known)) =
        error.strip_prefix("unknown variant `").and_then(|rest| rest.split_once('`'))
    {
        return unknown_variant(value, &quoted(known), path);
    }
    if let Some((field, rest)) = error.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
        return missing_field(field, rest.trim_start_matches("; "), path);
    }
    for prefix in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) =
            error.strip_prefix(prefix).and_then(|rest| rest.split_once(", expected "))
        {
            let expected = expectation(expected);
            let message = format!("{} is not {expected}", found_value(found));
            return explained("wrong-type", message, correction(found, &expected, path, document));
        }
    }
    // Written by this program's own types: what is wrong, and after a semicolon what would be right.
    match error.split_once("; ") {
        Some((message, help)) => explained("wrong-value", message.into(), Some(help.into())),
        None => explained("wrong-value", error.into(), None),
    }
}

fn unknown_field(field: &str, known: &[&str], path: &Path, document: &Value) -> Explained {
    // The path may end at the object or at the field in it.
    let object = match path.last_key() {
        Some(last) if last == field => path.parent().unwrap_or_default(),
        _ => path.clone(),
    };
    let (shown, tag) = (object.to_string(), tag_of(&object, document));
    let owner = match (shown.as_str(), &tag) {
        ("", _) => "a scenario".to_owned(),
        (_, Some((tag, kind))) => format!("`{shown}` of {tag} `{kind}`"),
        _ => format!("`{shown}`"),
    };
    let elsewhere = schema::fields();
    // Serde knows the fields of the kind, the schema also those that all kinds share.
    let pattern = object.pattern();
    let shared = elsewhere.iter().filter(|it| {
        it.parent == pattern && it.kind.is_some() && it.kind.as_ref() == tag.as_ref().map(|(_, kind)| kind)
    });
    let mut known = known.to_vec();
    for it in shared.filter(|it| tag.as_ref().is_some_and(|(tag, _)| it.name != *tag)) {
        if !known.contains(&it.name.as_str()) {
            known.push(&it.name);
        }
    }
    let help = nearest(field, known.iter().copied())
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| belongs(field, &pattern, elsewhere))
        .or_else(|| {
            let near =
                nearest(field, elsewhere.iter().filter(|it| it.name.len() > 3).map(|it| it.name.as_str()))?;
            belongs(near, &pattern, elsewhere)
        })
        .unwrap_or_else(|| match (known.as_slice(), &tag) {
            ([], Some((tag, _))) => format!("it has no fields beside `{tag}`"),
            ([], None) => "it has no fields".to_owned(),
            (known, _) => format!("its fields are {}", listed(known)),
        });
    Explained {
        path: object.key(field),
        mark: Mark::Key,
        missing: None,
        code: "unknown-field",
        message: format!("`{}` is not a field of {owner}", shortened(field)),
        help: Some(help),
    }
}

/// Where else in a scenario there is a field of this name.
fn belongs(field: &str, here: &str, fields: &[Field]) -> Option<String> {
    let mut places: Vec<String> = Vec::new();
    for it in fields.iter().filter(|it| it.name == field) {
        let full = if it.parent.is_empty() { it.name.clone() } else { format!("{}.{}", it.parent, it.name) };
        let place = match &it.kind {
            Some(kind) if it.parent == here => format!("kind `{kind}`"),
            _ => format!("`{full}`"),
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if places.is_empty() || places.len() > 6 {
        return None;
    }
    match places.iter().any(|place| place.starts_with("kind")) {
        true => {
            places.retain(|place| place.starts_with("kind"));
            Some(format!("it is a field of {}", places.join(", ")))
        }
        false => Some(format!("did you mean {}?", places.join(" or "))),
    }
}

fn unknown_variant(value: &str, known: &[&str], path: &Path) -> Explained {
    let owner = path.parent().map(|parent| parent.to_string()).unwrap_or_default();
    let value_shown = shortened(value);
    let message = match path.last_key() {
        Some("kind") if !owner.is_empty() => format!("`{value_shown}` is not a kind of `{owner}`"),
        Some("do") => format!("`{value_shown}` is nothing that a script can do"),
        _ => format!("`{value_shown}` is not a value of `{path}`"),
    };
    let choice = format!("possible are {}", known.join(", "));
    let not_built = Transport::not_built(value).filter(|_| path.last_key() == Some("transport"));
    if let Some(help) = not_built {
        return Explained {
            path: path.clone(),
            mark: Mark::Value,
            missing: None,
            code: "not-built",
            message,
            help: Some(help.into()),
        };
    }
    let help = match nearest(value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {choice}"),
        None => choice,
    };
    Explained {
        path: path.clone(),
        mark: Mark::Value,
        missing: None,
        code: "unknown-kind",
        message,
        help: Some(help),
    }
}

fn missing_field(field: &str, hint: &str, path: &Path) -> Explained {
    let shown = path.to_string();
    let message = match shown.as_str() {
        "" => format!("the scenario has no `{field}`"),
        _ => format!("`{shown}` has no `{field}`"),
    };
    let pattern = path.pattern();
    let described = schema::fields()
        .iter()
        .find(|it| it.name == field && it.parent == pattern && !it.description.is_empty());
    let help = match described {
        _ if !hint.is_empty() => hint.to_owned(),
        Some(it) if shown.is_empty() => {
            format!("add \"{field}\", {}; {MINIMAL}", first_sentence(&it.description))
        }
        Some(it) => format!("add \"{field}\", {}", first_sentence(&it.description)),
        None => format!("add \"{field}\""),
    };
    Explained {
        path: path.clone(),
        mark: Mark::Lacking,
        missing: Some(field.to_owned()),
        code: "missing-field",
        message,
        help: Some(help),
    }
}

/// The tag of the object at `path`, if it has one.
fn tag_of(path: &Path, document: &Value) -> Option<(&'static str, String)> {
    let object = super::load::value_at(document, path)?;
    ["kind", "do"].into_iter().find_map(|tag| Some((tag, object.get(tag)?.as_str()?.to_owned())))
}

/// What serde calls the expected type, in words.
fn expectation(expected: &str) -> String {
    match expected {
        "u32" => "a whole number from 0 to 4294967295".into(),
        "u64" => "a whole number from 0 to 18446744073709551615".into(),
        "i32" | "i64" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a string" | "path string" | "string" => "text in quotes".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list [ … ]".into(),
        "struct Scenario" => "a scenario, which is an object { … }".into(),
        other if other.starts_with("struct ") || other == "a map" => "an object { … }".into(),
        other if other.starts_with("a tuple of size 2") => "a pair of nodes such as [0, 5]".into(),
        other => other.to_owned(),
    }
}

/// What serde says it found, in words.
fn found_value(found: &str) -> String {
    let inner = |prefix: &str| found.strip_prefix(prefix);
    if let Some(text) = inner("string ") {
        shortened(text)
    } else if let Some(number) = inner("integer ").or_else(|| inner("floating point ")) {
        number.trim_matches('`').to_owned()
    } else if let Some(truth) = inner("boolean ") {
        truth.trim_matches('`').to_owned()
    } else {
        match found {
            "sequence" => "a list".into(),
            "map" => "an object".into(),
            "unit value" => "null".into(),
            other => shortened(other),
        }
    }
}

/// What to write instead of a value of the wrong type, if that can be guessed.
fn correction(found: &str, expected: &str, path: &Path, document: &Value) -> Option<String> {
    if found == "unit value" {
        return Some("leave the field out for its default".into());
    }
    let value = super::load::value_at(document, path)?;
    let with_units = |units: [&str; 2], number: &Number| {
        let [one, other] = units.map(|unit| format!("\"{number}{unit}\""));
        number.as_f64().is_some_and(|it| it >= 0.0).then(|| format!("has a unit: {one} or {other}"))
    };
    match value {
        Value::String(text) if expected.contains("number") => number_in(text, path),
        Value::String(text) if expected == "true or false" && (text == "true" || text == "false") => {
            Some(format!("leave out the quotes: {text}"))
        }
        Value::Number(number) if expected.starts_with("a duration") => {
            Some(format!("a duration {}", with_units(["ms", "s"], number)?))
        }
        Value::Number(number) if expected.starts_with("a size") => {
            Some(format!("a size {}", with_units(["B", "kB"], number)?))
        }
        Value::Number(number) if expected.starts_with("a rate") => {
            Some(format!("a rate {}", with_units(["Mbps", "kbps"], number)?))
        }
        Value::Number(number) if expected == "text in quotes" => Some(format!("write \"{number}\"")),
        _ => None,
    }
}

/// The number that is meant by a text where a number is expected: one in quotes, a percentage, one with a decimal comma.
fn number_in(text: &str, path: &Path) -> Option<String> {
    let text = text.trim();
    let finite = |text: &str| text.trim().parse::<f64>().ok().filter(|it| it.is_finite());
    if finite(text).is_some() {
        return Some(match serde_json::from_str::<Number>(text) {
            Ok(number) => format!("leave out the quotes: {number}"),
            // Such as +5 or .5, which JSON does not have.
            Err(_) => format!("write {}", finite(text)?),
        });
    }
    if let Some(percent) = text.strip_suffix('%').map(|it| it.replace(',', ".")) {
        let percent = finite(&percent)?;
        return Some(match is_share(path) {
            true => format!("a share or a probability is a number from 0 to 1: {}", share_of(percent)),
            false => format!("write the number alone: {percent}"),
        });
    }
    Some(format!("write a decimal point: {}", finite(&text.replacen(',', ".", 1))?))
}

/// A percentage as a share, without the last digits that a division adds.
pub(crate) fn share_of(percent: f64) -> f64 {
    (percent * 1e10).round() / 1e12
}

/// Whether a field holds a share or a probability: its description says so.
fn is_share(path: &Path) -> bool {
    let parent = path.parent().unwrap_or_default().pattern();
    let is_it = |it: &&Field| it.parent == parent && Some(it.name.as_str()) == path.last_key();
    schema::fields().iter().find(is_it).is_some_and(|it| {
        it.description.contains("0 to 1") || it.description.to_lowercase().contains("probability")
    })
}

/// The names in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The first sentence of a description, to go on a sentence with.
fn first_sentence(text: &str) -> String {
    let mut letters = text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.').chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The name most like `word`, if any is close enough to be a misspelling.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances of hostile texts cost length times length.
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len().max(3) / 3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
