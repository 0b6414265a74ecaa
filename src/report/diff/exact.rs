//! Every figure in which two documents differ: for the virtual clock, on which a difference is never chance. Whether it is
//! for the better is not asked here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A value that is another one on the other side. What one of them does not have is `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Where, as in thresholds.
    pub path: String,
    /// What the baseline has.
    pub baseline: Value,
    /// What the current side has.
    pub current: Value,
    /// How much more that is, as a part of the baseline; nothing if one is no number, or the baseline is zero.
    pub change: Option<f64>,
    /// Of which runs, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What may be another at any time on the same machine, or is compared in a way of its own.
const LEFT_OUT: [&str; 9] = [
    "schema",
    "scenario",
    "scenario_hash",
    // They say what was asked for, and what they say follows from the figures.
    "thresholds",
    "cost",
    "engine.threads",
    "engine.speedup",
    "engine.version",
    "engine.commit",
];

/// What differs between two results on the virtual clock, the most telling first.
pub fn of_results(baseline: &Value, current: &Value) -> Vec<Difference> {
    let mut found = of_documents(baseline, current);
    found.retain(|it| {
        !LEFT_OUT.iter().any(|path| is_within(&it.path, path)) && !it.path.ends_with(".cpu_s_per_message")
    });
    found.sort_by(|a, b| rank(a).cmp(&rank(b)).then(size(b).total_cmp(&size(a))));
    found
}

/// What differs between two documents, in the order of the baseline. What is `null` and what is not there is the same.
pub fn of_documents(baseline: &Value, current: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(baseline, current, &mut String::new(), &mut found);
    found
}

fn walk(baseline: &Value, current: &Value, path: &mut String, found: &mut Vec<Difference>) {
    let (no_fields, no_entries) = (Map::new(), Vec::new());
    match (baseline, current) {
        (Value::Object(a), b @ (Value::Object(_) | Value::Null)) => {
            fields(a, b.as_object().unwrap_or(&no_fields), path, found);
        }
        (Value::Null, Value::Object(b)) => fields(&no_fields, b, path, found),
        (Value::Array(a), Value::Array(b)) if is_plain(a) && is_plain(b) => {
            if a != b {
                leaf(baseline, current, path, found);
            }
        }
        (Value::Array(a), Value::Null) if !is_plain(a) => entries(a, &no_entries, path, found),
        (Value::Null, Value::Array(b)) if !is_plain(b) => entries(&no_entries, b, path, found),
        (Value::Array(a), Value::Array(b)) => entries(a, b, path, found),
        (Value::Number(a), Value::Number(b)) if is_same_number(a.as_f64(), b.as_f64()) => {}
        (a, b) if a == b => {}
        _ => leaf(baseline, current, path, found),
    }
}

fn fields(a: &Map<String, Value>, b: &Map<String, Value>, path: &mut String, found: &mut Vec<Difference>) {
    let new = b.keys().filter(|key| !a.contains_key(*key));
    for key in a.keys().chain(new) {
        let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
        step(key, a, b, path, found);
    }
}

fn entries(a: &[Value], b: &[Value], path: &mut String, found: &mut Vec<Difference>) {
    for i in 0..a.len().max(b.len()) {
        let (a, b) = (a.get(i).unwrap_or(&Value::Null), b.get(i).unwrap_or(&Value::Null));
        step(&i.to_string(), a, b, path, found);
    }
}

fn step(key: &str, a: &Value, b: &Value, path: &mut String, found: &mut Vec<Difference>) {
    let length = path.len();
    if length > 0 {
        path.push('.');
    }
    path.push_str(key);
    walk(a, b, path, found);
    path.truncate(length);
}

fn leaf(baseline: &Value, current: &Value, path: &str, found: &mut Vec<Difference>) {
    let change = baseline.as_f64().zip(current.as_f64()).map(|(a, b)| (b - a) / a.abs());
    found.push(Difference {
        path: path.to_owned(),
        baseline: baseline.clone(),
        current: current.clone(),
        change: change.filter(|it| it.is_finite()),
        seed: None,
    });
}

/// Whether two numbers are the same but for their last bit, in which a decimal number may differ from itself once it has
/// been read and written again. Whole numbers have no such bit.
fn is_same_number(a: Option<f64>, b: Option<f64>) -> bool {
    a.zip(b)
        .is_some_and(|(a, b)| (a - b).abs() <= f64::EPSILON * 2.0 * a.abs() && (a == b || a.fract() != 0.0))
}

/// A list of numbers or words is one value.
fn is_plain(entries: &[Value]) -> bool {
    !entries.iter().any(|it| it.is_object() || it.is_array())
}

fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What says most comes first: how it ended, the figures of the whole run, commands and stages, and rounds last.
fn rank(difference: &Difference) -> u8 {
    let path = difference.path.as_str();
    match path.split('.').next().unwrap_or_default() {
        "outcome" | "reason" | "nodes" | "stalled" => 0,
        "final" | "ended_s" | "rumor" => 1,
        "messages" if path.starts_with("messages.total") => 1,
        "latency" if path.matches('.').count() == 2 && !path.contains(".stage.") => 1,
        "messages" | "latency" | "probe" | "throughput" | "setup" => 2,
        "rounds" | "hop_counts" => 4,
        _ => 3,
    }
}

/// How much it differs; what has no change because it was not there before, or is no number, most of all.
fn size(difference: &Difference) -> f64 {
    difference.change.map_or(f64::INFINITY, f64::abs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    fn changed(change: impl FnOnce(&mut Value)) -> Vec<Difference> {
        let full = serde_json::to_value(sample::full()).unwrap();
        let mut other = full.clone();
        change(&mut other);
        of_results(&full, &other)
    }

    #[test]
    fn a_result_does_not_differ_from_itself_nor_by_what_it_cost() {
        assert_eq!(changed(|_| ()), []);
        assert_eq!(
            changed(|it| {
                it["cost"]["wall_s"] = json!(99.0);
                it["engine"]["threads"] = json!(7);
                it["engine"]["commit"] = json!("another");
            }),
            []
        );
    }

    #[test]
    fn every_figure_that_differs_is_found_the_most_telling_first() {
        let found = changed(|it| {
            it["rounds"][0]["ended_s"] = json!(1e9);
            it["messages"]["by_command"]["beat"]["sent"] = json!(1);
            it["messages"]["total"]["sent"] = json!(1_245_668);
            it["outcome"] = json!("stalled");
            it["fingerprint"] = json!("0");
            it["latency"]["rpc"]["p99"] = Value::Null;
        });
        let paths: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "outcome",
                "latency.rpc.p99",
                "messages.total.sent",
                "messages.by_command.beat.sent",
                "fingerprint",
                "rounds.0.ended_s"
            ]
        );
        assert_eq!(found[1].current, Value::Null);
        assert!(found[2].change.unwrap().abs() < 1e-3);
    }

    #[test]
    fn what_one_side_does_not_have_is_told_value_by_value() {
        let found = of_documents(
            &json!({ "a": { "x": 1 }, "l": [{ "y": 1 }], "n": [1, 2], "same": null }),
            &json!({ "b": { "z": 2 }, "l": [{ "y": 1 }, { "y": 2 }], "n": [1, 3] }),
        );
        let told: Vec<String> =
            found.iter().map(|it| format!("{} {} {}", it.path, it.baseline, it.current)).collect();
        assert_eq!(told, ["a.x 1 null", "l.1.y null 2", "n [1,2] [1,3]", "b.z null 2"]);
    }

    #[test]
    fn a_threshold_is_no_figure() {
        let of = |passed: bool| json!({ "thresholds": [{ "threshold": "ended_s < 60", "passed": passed }] });
        assert_eq!(of_results(&of(true), &of(false)), []);
        assert_eq!(of_results(&of(true), &json!({ "thresholds": [] })), []);
    }

    #[test]
    fn whole_numbers_and_fractions_are_compared_as_numbers() {
        assert_eq!(of_documents(&json!({ "a": 1 }), &json!({ "a": 1.0 })), []);
        let x = 0.123_456_789_f64;
        assert_eq!(of_documents(&json!(x), &json!(f64::from_bits(x.to_bits() + 1))), []);
        assert_eq!(of_documents(&json!(x), &json!(x * (1.0 + 1e-14))).len(), 1);
        assert_eq!(of_documents(&json!(1_u64 << 52), &json!((1_u64 << 52) + 1)).len(), 1);
    }
}
