//! Thresholds: what must hold of a result, such as `final.accuracy.mean >= 0.85` or `nodes.finished == nodes.total`.
//!
//! They are checked with the scenario, and judged when there is a result.

mod known;
mod lookup;
mod shape;

pub use known::Known;
pub use lookup::find;

use crate::format::units::{Rate, Size, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// `PATH OP VALUE` or `PATH OP PATH`
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// A path into the result: keys joined by dots, where a key may itself hold dots; entries of lists by number,
    /// counted from the end if negative.
    pub path: String,
    /// How the two are compared.
    pub op: Op,
    /// What the result is compared with.
    pub value: Bound,
}

/// How a result is compared with a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    AtLeast,
    AtMost,
    Above,
    Below,
    Equal,
    NotEqual,
}

/// The right side of a threshold.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// A plain number.
    Number(f64),
    /// A duration; results have seconds.
    Duration(Span),
    /// A size; results have bytes.
    Size(Size),
    /// A rate; results have bits a second.
    Rate(Rate),
    /// A word, `true` and `false` included, or the path of another figure. What stands on the left says which it is: a
    /// number is compared with a figure, and a word with a word.
    Name(String),
}

/// What became of a threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluated {
    /// The threshold as it is written.
    pub threshold: String,
    /// What the result has at its path.
    pub value: Value,
    /// Whether it holds.
    pub passed: bool,
}

/// What is wrong with the text of a threshold, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// Where in the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: String,
}

const OPS: [(&str, Op); 6] = [
    (">=", Op::AtLeast),
    ("<=", Op::AtMost),
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    (">", Op::Above),
    ("<", Op::Below),
];
/// What is written for them elsewhere, or by a slip.
const SLIPS: [(&str, &str); 12] = [
    ("=", "=="),
    ("===", "=="),
    ("=>", ">="),
    ("≥", ">="),
    ("=<", "<="),
    ("≤", "<="),
    ("!", "!="),
    ("=!", "!="),
    ("!==", "!="),
    ("<>", "!="),
    ("≠", "!="),
    ("~=", "!="),
];
const SYMBOLS: [char; 8] = ['<', '>', '=', '!', '≥', '≤', '≠', '~'];
const FORM: &str = "write PATH OP VALUE or PATH OP PATH, such as \"final.accuracy.mean >= 0.85\"; OP is one of >=, <=, >, <, ==, !=";

impl FromStr for Threshold {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fault = |at, message: String, help: &str| Malformed { at, message, help: help.into() };
        let Some(at) = text.find(SYMBOLS) else {
            return Err(fault(0, "a threshold without a comparison".into(), FORM));
        };
        let length = text[at..].find(|it| !SYMBOLS.contains(&it)).unwrap_or(text.len() - at);
        let symbol = &text[at..at + length];
        let Some((_, op)) = OPS.into_iter().find(|(it, _)| *it == symbol) else {
            let meant = SLIPS.into_iter().find(|(slip, _)| *slip == symbol);
            let help = meant.map_or_else(|| FORM.to_owned(), |(_, right)| format!("did you mean `{right}`?"));
            return Err(fault(at, format!("`{symbol}` is not a comparison"), &help));
        };
        let path = text[..at].trim();
        if path.is_empty() {
            return Err(fault(0, "nothing stands before the comparison".into(), FORM));
        }
        if path.contains(char::is_whitespace) {
            return Err(fault(0, format!("`{path}` is not a path: it has a space in it"), FORM));
        }
        if path.split('.').any(str::is_empty) {
            return Err(fault(0, format!("`{path}` is not a path: there is nothing between two dots"), FORM));
        }
        let right = &text[at + symbol.len()..];
        let start = text.len() - right.trim_start().len();
        let value = Bound::from_str(right.trim()).map_err(|message| {
            fault(
                start,
                message,
                "the right side is a number, a number with a unit, a word, or a path: 0.85, 60s, 10MB, 100Mbps, completed, \
                 nodes.total",
            )
        })?;
        Ok(Self { path: path.to_owned(), op, value })
    }
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse::<f64>() {
            return match number.is_finite() {
                true => Ok(Self::Number(number)),
                false => Err(format!("`{text}` is not a finite number")),
            };
        }
        if let Ok(span) = text.parse() {
            return Ok(Self::Duration(span));
        }
        if let Ok(size) = text.parse() {
            return Ok(Self::Size(size));
        }
        if let Ok(rate) = text.parse() {
            return Ok(Self::Rate(rate));
        }
        // In quotes anything is a word, such as a fingerprint that looks like a number.
        if let Some(word) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            return match word {
                "" => Err("nothing stands between the quotes".into()),
                _ if word.contains(['"', '\n']) => Err(format!("`{word}` is no word")),
                _ => Ok(Self::Name(word.to_owned())),
            };
        }
        match text {
            "" => Err("nothing stands after the comparison".into()),
            _ if !is_name(text) => Err(format!("`{text}` is neither a number nor a word")),
            _ => Ok(Self::Name(text.to_owned())),
        }
    }
}

/// Whether a text needs no quotes to be a word or a path.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    text.starts_with(char::is_alphabetic) && text.chars().all(plain)
}

impl Threshold {
    /// Whether the threshold holds of a result.
    ///
    /// # Errors
    /// If the result has nothing at the path, or nothing that can be compared with the bound.
    pub fn evaluate(&self, result: &Value) -> Result<Evaluated, String> {
        let value = lookup::find(result, &self.path)?;
        let unlike = |other: &str| {
            format!("`{}` is {}, which cannot be compared with {other}", self.path, described(value))
        };
        let passed = match (value, &self.value) {
            (Value::Null, _) => return Err(unlike(&self.value.to_string())),
            (Value::String(_) | Value::Bool(_), Bound::Name(word)) => {
                let same = match value {
                    Value::String(text) => text == word,
                    other => word.parse().ok() == other.as_bool(),
                };
                match self.op {
                    Op::Equal => same,
                    Op::NotEqual => !same,
                    _ => return Err(unlike(&format!("{} {}", self.op, self.value))),
                }
            }
            (_, bound) => {
                let number = value.as_f64().ok_or_else(|| unlike(&bound.to_string()))?;
                self.op.holds(number, bound.number(result)?)
            }
        };
        Ok(Evaluated { threshold: self.to_string(), value: value.clone(), passed })
    }

    /// Whether it reads something within one of these parts of a result.
    pub fn reads(&self, part: &str) -> bool {
        let is_within =
            |path: &str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        is_within(&self.path) || matches!(&self.value, Bound::Name(path) if is_within(path))
    }
}

impl Bound {
    /// The number that a number is compared with, in the units of results: seconds, bytes, bits a second.
    fn number(&self, result: &Value) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Duration(span) => Ok(span.0.as_secs_f64()),
            Self::Size(size) => Ok(size.0 as f64),
            Self::Rate(rate) => Ok(rate.0 as f64),
            Self::Name(path) => {
                let value = lookup::find(result, path)?;
                value.as_f64().ok_or_else(|| format!("`{path}` is {}, which is no number", described(value)))
            }
        }
    }
}

impl Op {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtLeast => value >= bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::Below => value < bound,
            Self::Equal => value == bound,
            Self::NotEqual => value != bound,
        }
    }
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "not known".into(),
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "a list".into(),
        other => other.to_string(),
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {} {}", self.path, self.op, self.value)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let symbol = OPS.into_iter().find(|(_, op)| op == self).map_or("", |(symbol, _)| symbol);
        f.write_str(symbol)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Duration(span) => write!(f, "{span}"),
            Self::Size(size) => write!(f, "{size}"),
            Self::Rate(rate) => write!(f, "{rate}"),
            // What reads back as something else without them keeps its quotes.
            Self::Name(name) => match name.parse() {
                Ok(Self::Name(_)) => f.write_str(name),
                _ => write!(f, "\"{name}\""),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn passes(threshold: &str) -> Result<bool, String> {
        let result = json!({
            "outcome": "completed",
            "overloaded": false,
            "final": { "accuracy": { "mean": 0.91 }, "consensus_distance": null },
            "latency": { "message": { "p99": 0.002 }, "message.beat": { "p99": 0.5 }, "round": { "p99": 59.0 } },
            "messages": { "total": { "payload_bytes": 10_000_001u64 } },
            "rounds": [ { "nodes_finished": 9 }, { "nodes_finished": 10 } ],
        });
        threshold
            .parse::<Threshold>()
            .map_err(|fault| fault.to_string())?
            .evaluate(&result)
            .map(|it| it.passed)
    }

    #[test]
    fn every_comparison_compares() {
        for (threshold, expected) in [
            ("final.accuracy.mean >= 0.91", true),
            ("final.accuracy.mean > 0.91", false),
            ("final.accuracy.mean<=0.9", false),
            ("final.accuracy.mean < 1", true),
            ("rounds.0.nodes_finished == 9", true),
            ("rounds.-1.nodes_finished != 9", true),
            ("outcome == completed", true),
            ("outcome != completed", false),
            ("outcome == stalled", false),
            ("overloaded == false", true),
        ] {
            assert_eq!(passes(threshold), Ok(expected), "{threshold}");
        }
    }

    #[test]
    fn units_are_those_of_results() {
        assert_eq!(passes("latency.round.p99 < 60s"), Ok(true));
        assert_eq!(passes("latency.round.p99 < 1m"), Ok(true));
        assert_eq!(passes("latency.round.p99 < 59000ms"), Ok(false));
        assert_eq!(passes("messages.total.payload_bytes <= 10MB"), Ok(false));
        assert_eq!(passes("messages.total.payload_bytes <= 10MiB"), Ok(true));
    }

    #[test]
    fn the_longest_key_wins_where_keys_hold_dots() {
        assert_eq!(passes("latency.message.beat.p99 == 0.5"), Ok(true));
        assert_eq!(passes("latency.message.p99 == 0.002"), Ok(true));
    }

    #[test]
    fn an_unknown_path_names_what_is_near() {
        let message = |threshold| passes(threshold).unwrap_err();
        assert!(message("final.acuracy.mean > 0").contains("did you mean `accuracy`?"));
        assert!(message("finale.accuracy.mean > 0").contains("did you mean `final`?"));
        assert!(message("rounds.2.nodes_finished > 0").contains("entries 0 to 1"));
        assert!(message("latency.round.zzz > 0").contains("it has p99"));
        assert!(message("final.consensus_distance > 0").contains("not known"));
        assert!(message("final.accuracy > 0").contains("an object"));
        assert!(message("outcome > 0").contains("cannot be compared"));
    }

    #[test]
    fn malformed_thresholds_are_refused() {
        for text in [
            "",
            "final.accuracy.mean",
            "final.accuracy.mean = 0.9",
            ">= 0.9",
            "a >= ",
            "a.b >= NaN",
            "a >= inf",
            "a b >= 3",
            "a..b >= 3",
            "a >= 3 parsecs",
            "a ! b",
            "a => 3",
            "a >= -",
            "a == \"\"",
            "a == \"b",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_elsewhere_for_a_comparison_is_understood() {
        for (slip, right) in SLIPS {
            let fault = format!("a.b {slip} 3").parse::<Threshold>().unwrap_err();
            assert_eq!(fault.help, format!("did you mean `{right}`?"), "{slip}");
            assert!(OPS.iter().any(|(op, _)| *op == right) && !OPS.iter().any(|(op, _)| *op == slip));
        }
        assert_eq!("a => 3".parse::<Threshold>().unwrap_err().help, "did you mean `>=`?");
        assert_eq!("a >== 3".parse::<Threshold>().unwrap_err().help, FORM);
    }

    #[test]
    fn two_figures_are_compared_with_each_other() {
        assert_eq!(passes("rounds.-1.nodes_finished > rounds.0.nodes_finished"), Ok(true));
        assert_eq!(passes("latency.message.p99 >= latency.message.beat.p99"), Ok(false));
        assert_eq!(
            passes("rounds.0.nodes_finished == outcome"),
            Err("`outcome` is \"completed\", which is no number".into())
        );
        assert!(
            passes("rounds.0.nodes_finished == final.consensus_distance").unwrap_err().contains("not known")
        );
        assert!(passes("rounds.0.nodes_finished == finale").unwrap_err().contains("did you mean `final`?"));
        // What stands on the left says whether the right is a path.
        assert_eq!(passes("outcome == final"), Ok(false));
    }

    #[test]
    fn a_word_in_quotes_may_look_like_anything() {
        let result = json!({ "fingerprint": "12e4", "version": "0.1.0" });
        for (text, shown) in [
            ("fingerprint == \"12e4\"", "fingerprint == \"12e4\""),
            ("version == \"0.1.0\"", "version == \"0.1.0\""),
            ("version != \"plain\"", "version != plain"),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(threshold.to_string(), shown);
            assert!(threshold.evaluate(&result).unwrap().passed, "{text}");
        }
    }

    #[test]
    fn a_threshold_says_which_parts_it_reads() {
        let reads = |text: &str, part: &str| text.parse::<Threshold>().unwrap().reads(part);
        assert!(reads("cost.wall_s < 60s", "cost") && reads("ended_s > cost.wall_s", "cost"));
        assert!(!reads("ended_s < 60s", "cost") && !reads("costly.x < 60s", "cost"));
    }

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(path in "[a-z_]{1,8}(\\.[a-z0-9_]{1,8}){0,3}", op in 0usize..6, value in "-?[0-9]{1,6}(\\.[0-9]{1,4})?(s|ms|MB|KiB|Mbps)?") {
            let text = format!("{path} {} {value}", OPS[op].0);
            if let Ok(threshold) = text.parse::<Threshold>() {
                prop_assert_eq!(threshold.to_string().parse::<Threshold>(), Ok(threshold));
            }
        }

        #[test]
        fn no_text_and_no_path_panics(text in "\\PC{0,40}", path in "[a-z.0-9-]{0,20}") {
            let _ = text.parse::<Threshold>();
            if let Ok(threshold) = format!("{path} > 1").parse::<Threshold>() {
                let _ = threshold.evaluate(&json!({"a": [1, {"b.c": 2}], "": {"": 3}}));
            }
        }
    }
}
