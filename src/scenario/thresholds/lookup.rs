//! Finding a value of a result by its dotted path, and saying what is near when there is none.

use crate::scenario::explain::nearest;
use serde_json::{Map, Value};

/// The value at a dotted path, trying the longest key first, so that `latency.message.beat.p99` finds the key
/// `message.beat` beside the key `message`.
///
/// # Errors
/// Says what is not there, and what is near.
pub fn find<'a>(result: &'a Value, path: &str) -> Result<&'a Value, String> {
    descend(result, path).map_err(|missed| {
        let here =
            if missed.walked.is_empty() { "the result".into() } else { format!("`{}`", missed.walked) };
        let near = nearest(&missed.rest, missed.names.iter().map(String::as_str)).or_else(|| {
            nearest(
                missed.rest.split('.').next().unwrap_or_default(),
                missed.names.iter().map(String::as_str),
            )
        });
        let hint = match (near, missed.names.len()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, 0) => "nothing is inside it".into(),
            (None, _) => format!("it has {}", missed.names.join(", ")),
        };
        format!("`{path}`: {here} has no `{}`; {hint}", missed.rest)
    })
}

/// How far a path led.
struct Missed {
    walked: String,
    rest: String,
    names: Vec<String>,
}

fn descend<'a>(here: &'a Value, rest: &str) -> Result<&'a Value, Missed> {
    if rest.is_empty() {
        return Ok(here);
    }
    let missed = |names| Missed { walked: String::new(), rest: rest.to_owned(), names };
    match here {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().filter(|key| leads(rest, key)).collect();
            keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
            let mut furthest: Option<Missed> = None;
            for key in keys {
                match descend(&fields[key], rest[key.len()..].trim_start_matches('.')) {
                    Ok(value) => return Ok(value),
                    Err(inner) => {
                        let walked = format!("{key}.{}", inner.walked).trim_end_matches('.').to_owned();
                        furthest.get_or_insert(Missed { walked, ..inner });
                    }
                }
            }
            Err(furthest.unwrap_or_else(|| missed(names(fields))))
        }
        Value::Array(entries) => {
            let (step, after) = rest.split_once('.').unwrap_or((rest, ""));
            let index = step.parse::<i64>().ok().and_then(|index| match index {
                0.. => usize::try_from(index).ok(),
                _ => entries.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
            });
            match index.and_then(|index| entries.get(index)) {
                Some(entry) => descend(entry, after).map_err(|inner| Missed {
                    walked: format!("{step}.{}", inner.walked).trim_end_matches('.').to_owned(),
                    ..inner
                }),
                None => Err(missed(match entries.len() {
                    0 => Vec::new(),
                    length => vec![format!("entries 0 to {}", length - 1)],
                })),
            }
        }
        _ => Err(missed(Vec::new())),
    }
}

fn leads(rest: &str, key: &str) -> bool {
    rest.strip_prefix(key).is_some_and(|after| after.is_empty() || after.starts_with('.'))
}

fn names(fields: &Map<String, Value>) -> Vec<String> {
    fields.keys().cloned().collect()
}
