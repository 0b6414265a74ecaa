//! What is known of a figure of a result by its path alone: its value, what it counts in, which of two values is better, and how far
//! a learned one may stray. Any number of a result can be asked for; what a change means is decided elsewhere.

use crate::scenario::thresholds;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a figure counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Time,
    /// Bytes.
    Bytes,
    /// How many.
    Count,
    /// So many in a second.
    Rate,
    /// Bytes in a second.
    ByteRate,
    /// No unit.
    Plain,
}

impl Unit {
    /// What stands beside a bare number in a table of numbers; nothing where it only counts.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Time => "s",
            Self::Bytes => "bytes",
            Self::Rate => "1/s",
            Self::ByteRate => "bytes/s",
            Self::Count | Self::Plain => "",
        }
    }
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The smaller: times, bytes, messages, losses.
    Lower,
    /// The larger: accuracy, nodes that finished, rates.
    Higher,
}

/// The value of a figure: a path as in thresholds, in which `*` stands for all entries: of an object their sum, of a list
/// their geometric mean. Nothing if it was not measured.
///
/// # Errors
/// If there is no such path, or it leads to something that is no number.
pub fn value(document: &Value, path: &str) -> Result<Option<f64>, String> {
    let Some((before, after)) = path.split_once('*') else {
        return match thresholds::find(document, path)? {
            Value::Null => Ok(None),
            Value::Number(number) => Ok(number.as_f64()),
            other => Err(format!("`{path}` is {}, not a number{}", kind(other), within(other, path))),
        };
    };
    let after = after.trim_start_matches('.');
    let inner = |entry: &Value| if after.is_empty() { Ok(entry.as_f64()) } else { value(entry, after) };
    match thresholds::find(document, before.trim_end_matches('.'))? {
        Value::Null => Ok(None),
        Value::Object(entries) => {
            let values = entries.values().map(inner).collect::<Result<Option<Vec<f64>>, _>>()?;
            Ok(values.map(|it| it.iter().sum()))
        }
        Value::Array(entries) if entries.is_empty() => Ok(None),
        Value::Array(entries) => {
            let values = entries.iter().map(inner).collect::<Result<Option<Vec<f64>>, _>>()?;
            let mean = |it: Vec<f64>| it.iter().map(|it| libm::log(*it)).sum::<f64>() / it.len() as f64;
            Ok(values.map(mean).map(libm::exp).filter(|it| it.is_finite()))
        }
        _ => Err(format!("`{path}`: there is no list and no object before the *")),
    }
}

/// Which value of a figure is better; nothing of figures that only describe.
pub fn better(path: &str) -> Option<Better> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let last = path.rsplit('.').next().unwrap_or_default();
    let is = |names: &[&str]| names.contains(&last);
    let of_spread = is(&["mean", "min", "max"]);
    let of_summary = of_spread || is(&["stdev", "p50", "p90", "p99", "p999"]);
    let lower = |yes: bool| yes.then_some(Better::Lower);
    let higher = |yes: bool| yes.then_some(Better::Higher);
    match first {
        "ended_s" => Some(Better::Lower),
        "nodes" => higher(rest == "finished").or(lower(rest == "panicked")),
        "setup" => Some(Better::Lower),
        "rounds" | "final" if path.contains(".accuracy.") => higher(of_spread),
        "rounds" | "final" if path.contains(".loss.") => lower(of_spread),
        "rounds" => {
            lower(is(&["started_s", "ended_s", "consensus_distance"])).or(higher(is(&["nodes_finished"])))
        }
        "final" => lower(is(&["consensus_distance"])),
        "latency" => lower(of_summary),
        "throughput" if rest.starts_with("messages.") || rest.starts_with("bytes.") => {
            higher(of_summary && last != "stdev")
        }
        "messages" => {
            let counts = ["sent", "network_copies", "duplicate", "in_flight", "payload_bytes", "wire_bytes"];
            lower(path.contains(".dropped.") || is(&counts))
        }
        "sockets" => lower(
            is(&["failed", "bytes_written", "bytes_read"])
                || rest.starts_with("refused.")
                || (rest.starts_with("set_up.") && of_summary),
        ),
        "rumor" => lower(is(&["rounds"])).or(higher(is(&["reached"]))),
        "probe" => {
            let costs = ["failed", "message_bytes", "wire_bytes", "cpu_s_per_message"];
            higher(is(&["messages_per_s", "payload_bytes_per_s"])).or(lower(of_summary || is(&costs)))
        }
        "cost" => higher(is(&["events_per_cpu_s", "messages_per_cpu_s"])).or(lower(is(&[
            "wall_s",
            "cpu_s",
            "peak_rss_bytes",
            "bytes_per_node",
        ]))),
        _ => None,
    }
}

/// What a figure counts in.
pub fn unit(path: &str) -> Unit {
    let last = path.rsplit('.').next().unwrap_or_default();
    let is_latency = |part: &str| path.contains(&format!(".{part}."));
    match path.split('.').next().unwrap_or_default() {
        _ if last.ends_with("bytes_per_s") => Unit::ByteRate,
        _ if last.ends_with("_per_s") || last.ends_with("_per_cpu_s") => Unit::Rate,
        _ if last.ends_with("_s") || last == "seconds" || last == "cpu_s_per_message" => Unit::Time,
        _ if last.contains("bytes") => Unit::Bytes,
        "latency" if last != "count" => Unit::Time,
        "sockets" if path.contains(".set_up.") && last != "count" => Unit::Time,
        "connecting" => Unit::Time,
        "throughput" if path.contains(".bytes.") && last != "count" => Unit::ByteRate,
        "throughput" if last != "count" => Unit::Rate,
        "probe"
            if last != "count" && ["message", "rpc", "since_due", "lateness"].into_iter().any(is_latency) =>
        {
            Unit::Time
        }
        "nodes" | "messages" | "rumor" | "setup" => Unit::Count,
        _ => Unit::Plain,
    }
}

/// How far a learned value may be worse before that counts at all: the seed of a sum or the order in which models arrive
/// changes it without making anything better or worse. Nothing of figures that are not learned.
pub fn tolerance(path: &str) -> Option<Tolerance> {
    let learned = path.starts_with("final.") || path.starts_with("rounds.");
    match () {
        () if !learned => None,
        () if path.contains(".accuracy.") => Some(Tolerance::Absolute(0.01)),
        () if path.contains(".loss.") => Some(Tolerance::Relative(0.05)),
        () if path.ends_with("consensus_distance") => Some(Tolerance::Relative(0.1)),
        () => None,
    }
}

/// How far a learned value may be worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// In the unit of the figure.
    Absolute(f64),
    /// As a part of the baseline.
    Relative(f64),
}

/// Whether it is about the program rather than the network: on neither clock the same in two runs.
pub fn is_cost(path: &str) -> bool {
    path.starts_with("cost.") || path.ends_with("cpu_s_per_message")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::String(_) => "a word",
        _ => "no figure",
    }
}

fn within(value: &Value, path: &str) -> String {
    let Some(fields) = value.as_object() else { return String::new() };
    let inner: Vec<String> = fields.keys().take(10).map(|key| format!("{path}.{key}")).collect();
    if inner.is_empty() { String::new() } else { format!("; it has {}", inner.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_star_stands_for_all_entries() {
        let document = json!({ "dropped": { "loss": 3, "crash": 4 }, "cells": [{ "x": 2.0 }, { "x": 8.0 }], "none": [] });
        assert_eq!(value(&document, "dropped.*"), Ok(Some(7.0)));
        assert!((value(&document, "cells.*.x").unwrap().unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(value(&document, "none.*.x"), Ok(None));
        assert!(value(&document, "cells.*.y").is_err());
    }

    #[test]
    fn what_only_describes_has_no_direction() {
        for path in
            ["latency.message.count", "nodes.total", "hops.p50", "throughput.interval_s", "cost.events"]
        {
            assert_eq!(better(path), None, "{path}");
        }
        assert_eq!(better("rounds.-1.accuracy.mean"), Some(Better::Higher));
        assert_eq!(better("latency.message.beat.p99"), Some(Better::Lower));
        assert_eq!(unit("latency.message.beat.p99"), Unit::Time);
        assert_eq!(unit("messages.total.sent"), Unit::Count);
        assert_eq!(unit("probe.cells.*.message.p50"), Unit::Time);
    }
}
