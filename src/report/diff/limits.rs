//! How much worse a figure may be: what the command line says, what a file beside a baseline says, and what holds if
//! neither says anything. Whether a figure is worse is decided elsewhere.

use crate::bounded;
use crate::report::figures::nature;
use crate::scenario::thresholds::Bound;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The version of the format of a file of limits.
pub const SCHEMA: &str = "p2pfl-sim/limits/1";

/// The largest file of limits that is read.
const MAX_BYTES: u64 = 16 << 20;

/// The name of such a file beside a baseline.
pub const FILE: &str = "limits.json";

/// By how much a figure may be worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// As a part of the baseline: 0.05 is `5%`.
    Relative(f64),
    /// In the unit of the figure: seconds, bytes, messages.
    Absolute(f64),
    /// It is not judged.
    None,
}

/// All limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// That of every figure that has none of its own; nothing if the usual one holds.
    pub all: Option<Limit>,
    /// Those of single figures, by path. They are judged whether or not they are by default.
    pub by_path: BTreeMap<String, Limit>,
}

/// `METRIC=LIMIT` on the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Assigned {
    /// A path into `result.json`.
    pub path: String,
    /// Its limit.
    pub limit: Limit,
}

/// A file of limits that is none.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct LimitsError {
    file: String,
    why: String,
}

impl Limits {
    /// Reads a file of limits.
    ///
    /// # Errors
    /// If it cannot be read or has not the form that is documented, with the place.
    pub fn read(path: &Path) -> Result<Self, LimitsError> {
        let text = bounded::read(path, MAX_BYTES).map_err(|error| format!("cannot be read: {error}"));
        let fault = |why: String| LimitsError { file: path.display().to_string(), why };
        text.and_then(|text| Self::parse(&text)).map_err(fault)
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            schema: String,
            #[serde(default)]
            max_regression: Option<Limit>,
            #[serde(default)]
            limits: BTreeMap<String, Limit>,
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let read: Document = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| match error.path().iter().count() {
                0 => error.inner().to_string(),
                _ => format!("`{}`: {}", error.path(), error.inner()),
            })
            .and_then(|read| json.end().map(|()| read).map_err(|error| error.to_string()))?;
        if read.schema != SCHEMA {
            return Err(format!("has the schema \"{}\"; this version reads \"{SCHEMA}\"", read.schema));
        }
        match read.max_regression {
            None | Some(Limit::Relative(_)) => Ok(Self { all: read.max_regression, by_path: read.limits }),
            _ => Err("`max_regression`: is of all figures, so it is a percentage, such as \"10%\"".into()),
        }
    }

    /// These, and where they say nothing those.
    pub fn or(mut self, others: Self) -> Self {
        self.all = self.all.or(others.all);
        for (path, limit) in others.by_path {
            self.by_path.entry(path).or_insert(limit);
        }
        self
    }

    /// The limit of a figure, where `usual` is that of all if nothing else is said.
    pub fn of(&self, path: &str, usual: f64) -> Limit {
        self.by_path.get(path).copied().or(self.all).unwrap_or(Limit::Relative(usual))
    }

    /// Finds limits of figures that neither side has, or that cannot be judged.
    ///
    /// # Errors
    /// Says which, and what is near.
    pub fn check<'a>(&self, documents: impl Iterator<Item = &'a Value> + Clone) -> Result<(), String> {
        for path in self.by_path.keys() {
            let mut fault = None;
            let known = documents.clone().any(|document| match nature::value(document, path) {
                Ok(_) => true,
                Err(why) => {
                    fault.get_or_insert(why);
                    false
                }
            });
            if !known {
                let why = fault.unwrap_or_else(|| format!("`{path}` is not in the results"));
                return Err(format!("there is no metric {why}"));
            }
            if nature::better(path).is_none() {
                return Err(format!(
                    "`{path}` can have no limit: it only describes a run, and neither more nor less of it is better"
                ));
            }
        }
        Ok(())
    }
}

impl Limit {
    /// Whether a figure that is worse by so much is so beyond the limit. `relative` is the part of the baseline, or
    /// nothing if that is zero: then any percentage of it is nothing.
    pub fn is_passed(self, worse_by: f64, relative: Option<f64>) -> bool {
        // A part in a thousand million is how a decimal number was rounded, and no limit.
        let beyond = |value: f64, limit: f64| value > limit + limit.abs() * 1e-9;
        worse_by > 0.0
            && match self {
                Self::Relative(limit) => relative.is_none_or(|it| beyond(it, limit)),
                Self::Absolute(limit) => beyond(worse_by, limit),
                Self::None => false,
            }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write a percentage such as 5%, an amount such as 0.01, 5ms or 10kB, or none";
        let not_negative = |value: f64| match value >= 0.0 && value.is_finite() {
            true => Ok(value),
            false => Err(format!("`{text}` is no limit: {form}")),
        };
        if text == "none" {
            return Ok(Self::None);
        }
        if let Some(percent) = text.strip_suffix('%') {
            let percent =
                percent.trim().parse::<f64>().map_err(|_| format!("`{text}` is no percentage: {form}"))?;
            return not_negative(percent / 100.0).map(Self::Relative);
        }
        let amount = match text.parse::<Bound>() {
            Ok(Bound::Number(number)) => number,
            Ok(Bound::Duration(span)) => span.0.as_secs_f64(),
            Ok(Bound::Size(size)) => size.0 as f64,
            _ => return Err(format!("`{text}` is no limit: {form}")),
        };
        not_negative(amount).map(Self::Absolute)
    }
}

impl FromStr for Assigned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, limit)) if !path.trim().is_empty() => {
                Ok(Self { path: path.trim().to_owned(), limit: limit.trim().parse()? })
            }
            _ => Err("write METRIC=LIMIT, such as messages.total.sent=1% or latency.round.p99=500ms".into()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Relative(limit) => {
                // 0.07 × 100 is 7.000000000000001, and nobody wrote that.
                let rounded = (limit * 1e12).round() / 1e10;
                write!(f, "{}%", if rounded / 100.0 == *limit { rounded } else { limit * 100.0 })
            }
            Self::Absolute(limit) => write!(f, "{limit}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn limits_are_percentages_amounts_or_none() {
        for (text, limit) in [
            ("5%", Limit::Relative(0.05)),
            ("7%", Limit::Relative(0.07)),
            ("0.5 %", Limit::Relative(0.005)),
            ("0%", Limit::Relative(0.0)),
            ("0.01", Limit::Absolute(0.01)),
            ("5ms", Limit::Absolute(0.005)),
            ("10kB", Limit::Absolute(10_000.0)),
            ("none", Limit::None),
        ] {
            assert_eq!(text.parse(), Ok(limit));
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        assert_eq!(Limit::Relative(0.07).to_string(), "7%");
        for text in ["", "%", "-1%", "-1", "five", "NaN%", "inf", "5%%", "1Mbps"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_limit_is_passed_by_what_is_beyond_it_and_not_by_what_reaches_it() {
        let five = Limit::Relative(0.05);
        assert!(five.is_passed(5.01, Some(0.0501)) && !five.is_passed(5.0, Some(0.05)));
        assert!(!five.is_passed(-50.0, Some(-0.5)));
        assert!(five.is_passed(1.0, None), "one of nothing is more than 5 % of nothing");
        assert!(!Limit::Relative(0.0).is_passed(0.0, Some(0.0)));
        assert!(Limit::Absolute(0.01).is_passed(0.02, None) && !Limit::None.is_passed(1.0, None));
    }

    fn read(text: &str) -> Result<Limits, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, text).unwrap();
        Limits::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_of_limits_says_what_is_wrong_with_it_and_where() {
        let limits = read(
            r#"{ "schema": "p2pfl-sim/limits/1", "max_regression": "10%", "limits": { "messages.total.sent": "1%" } }"#,
        );
        let limits = limits.unwrap();
        assert_eq!(limits.of("messages.total.sent", 0.0), Limit::Relative(0.01));
        assert_eq!(limits.of("ended_s", 0.0), Limit::Relative(0.1));
        for (text, part) in [
            ("{", "line 1"),
            (r#"{ "schema": "p2pfl-sim/limits/2" }"#, "this version reads"),
            ("{ \"schema\": \"p2pfl-sim/limits/1\",\n \"limit\": {} }", "line 2"),
            (
                "{ \"schema\": \"p2pfl-sim/limits/1\",\n\"limits\": { \"ended_s\": \"much\" } }",
                "`limits.ended_s`",
            ),
            (r#"{ "schema": "p2pfl-sim/limits/1", "limits": { "ended_s": 5 } }"#, "ended_s"),
            (r#"{ "schema": "p2pfl-sim/limits/1", "max_regression": "5ms" }"#, "percentage"),
            (r#"{ "schema": "p2pfl-sim/limits/1" } x"#, "trailing"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part) && error.contains(FILE), "{text}: {error}");
        }
        assert!(Limits::read(Path::new("no/such/file")).is_err());
    }

    #[test]
    fn what_the_command_line_says_goes_before_the_file() {
        let said = |all, limit| Limits { all, by_path: [("ended_s".to_owned(), limit)].into() };
        let both = said(None, Limit::None).or(said(Some(Limit::Relative(0.1)), Limit::Relative(0.2)));
        assert_eq!((both.all, both.of("ended_s", 0.0)), (Some(Limit::Relative(0.1)), Limit::None));
    }

    #[test]
    fn a_limit_of_something_that_is_no_metric_is_refused_with_what_is_near() {
        let document = serde_json::to_value(sample::full()).unwrap();
        let check = |path: &str| {
            let limits = Limits { all: None, by_path: [(path.to_owned(), Limit::Absolute(1.0))].into() };
            limits.check([&document].into_iter())
        };
        assert_eq!(check("latency.message.beat.p99"), Ok(()));
        assert!(check("latency.mesage.p99").unwrap_err().contains("did you mean"));
        assert!(check("nodes.total").unwrap_err().contains("only describes"));
        assert!(check("rounds").unwrap_err().contains("a list"));
    }
}
