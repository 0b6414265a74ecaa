//! Thresholds: what must hold of a result, such as `final.accuracy.mean >= 0.85`.
//!
//! Their text is checked with the scenario; whether their path exists shows only when there is a result.

mod lookup;

pub use lookup::find;

use super::units::{Rate, Size, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// `PATH OP VALUE`
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
    /// A word, `true` and `false` included.
    Word(String),
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

// Those of two characters first: `<` begins `<=`.
const OPS: [(&str, Op); 6] = [
    (">=", Op::AtLeast),
    ("<=", Op::AtMost),
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    (">", Op::Above),
    ("<", Op::Below),
];
const FORM: &str =
    "write PATH OP VALUE, such as \"final.accuracy.mean >= 0.85\"; OP is one of >=, <=, >, <, ==, !=";

impl FromStr for Threshold {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let fault = |at, message: String, help: &str| Malformed { at, message, help: help.into() };
        let Some(at) = text.find(['<', '>', '=', '!']) else {
            return Err(fault(0, "a threshold without a comparison".into(), FORM));
        };
        let Some((symbol, op)) = OPS.into_iter().find(|(symbol, _)| text[at..].starts_with(symbol)) else {
            let (wrong, right) = if text[at..].starts_with('=') { ("=", "==") } else { ("!", "!=") };
            return Err(fault(
                at,
                format!("`{wrong}` is not a comparison"),
                &format!("did you mean `{right}`?"),
            ));
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
            fault(start, message, "the right side is a number, a word, or a number with a unit: 0.85, completed, 60s, 10MB, 100Mbps")
        })?;
        if matches!(value, Bound::Word(_)) && !matches!(op, Op::Equal | Op::NotEqual) {
            return Err(fault(
                start,
                format!("`{value}` is a word, and `{symbol}` compares numbers"),
                "words go with == and !=",
            ));
        }
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
        let word = text.trim_matches('"');
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        match word {
            "" => Err("nothing stands after the comparison".into()),
            _ if !word.starts_with(char::is_alphabetic) || !word.chars().all(plain) => {
                Err(format!("`{word}` is neither a number nor a word"))
            }
            _ => Ok(Self::Word(word.to_owned())),
        }
    }
}

impl Threshold {
    /// Whether the threshold holds of a result.
    ///
    /// # Errors
    /// If the result has nothing at the path, or nothing that can be compared with the bound.
    pub fn evaluate(&self, result: &Value) -> Result<Evaluated, String> {
        let value = lookup::find(result, &self.path)?;
        let passed = match (self.bound_number(), &self.value) {
            (Some(bound), _) => {
                let number = value.as_f64().ok_or_else(|| {
                    format!(
                        "`{}` is {}, which cannot be compared with {}",
                        self.path,
                        described(value),
                        self.value
                    )
                })?;
                self.op.holds(number, bound)
            }
            (None, bound) => {
                let word = match value {
                    Value::String(word) => word.clone(),
                    Value::Bool(truth) => truth.to_string(),
                    _ => {
                        let what = described(value);
                        return Err(format!(
                            "`{}` is {what}, which cannot be compared with the word {bound}",
                            self.path
                        ));
                    }
                };
                (word == bound.to_string()) == (self.op == Op::Equal)
            }
        };
        Ok(Evaluated { threshold: self.to_string(), value: value.clone(), passed })
    }

    /// The bound in the units of results: seconds, bytes, bits a second.
    fn bound_number(&self) -> Option<f64> {
        match &self.value {
            Bound::Number(number) => Some(*number),
            Bound::Duration(span) => Some(span.0.as_secs_f64()),
            Bound::Size(size) => Some(size.0 as f64),
            Bound::Rate(rate) => Some(rate.0 as f64),
            Bound::Word(_) => None,
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
            Self::Word(word) => f.write_str(word),
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
            "a >= stalled",
            "a b >= 3",
            "a..b >= 3",
            "a >= 3 parsecs",
            "a ! b",
            "a => 3",
            "a >= -",
        ] {
            assert!(text.parse::<Threshold>().is_err(), "{text}");
        }
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
