//! The current values as `github-action-benchmark` reads them with `tool: customSmallerIsBetter`: an array of entries with
//! a name, a unit and a value (<https://github.com/benchmark-action/github-action-benchmark>). As less is better there,
//! what is better the more there is, is turned round.

use super::{Better, Diff, Row};
use crate::metrics::Sample;
use crate::report::figures::nature::Unit;
use serde::{Deserialize, Serialize};

/// One of its entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The scenario and the metric.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The median of the current runs.
    pub value: f64,
    /// How far they reach, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The baseline and the verdict, shown with a point of the chart.
    pub extra: String,
}

impl Diff {
    /// An entry for each metric that the current side has.
    pub fn benchmark(&self) -> Vec<Entry> {
        self.metrics.iter().filter_map(|row| self.entry(row)).collect()
    }

    fn entry(&self, row: &Row) -> Option<Entry> {
        let turned = Turned::of(row)?;
        let current = row.current?;
        let ends = [current.min, current.max].map(|it| turned.value(it));
        let value = turned.value(current.median);
        let spread = Sample::of(ends)?;
        value.is_finite().then(|| Entry {
            name: format!("{}: {}", self.name, turned.name(&row.path)),
            unit: turned.unit(row),
            value,
            range: (current.n > 1).then(|| format!("{} .. {}", spread.min, spread.max)),
            extra: format!(
                "{}: {}\ncommit {}",
                row.verdict.name(),
                row.told(),
                self.current.commit.as_deref().unwrap_or("unknown")
            ),
        })
    }
}

/// How a metric is made one of which less is better.
#[derive(Clone, Copy)]
enum Turned {
    /// It is one.
    Not,
    /// A rate: the time that one takes.
    Reciprocal,
    /// A part of a whole: what is missing.
    Rest,
}

impl Turned {
    /// Counts of which more is better, such as nodes that finished, have no such form that is known from a row.
    fn of(row: &Row) -> Option<Self> {
        match (row.better, row.unit()) {
            (Better::Lower, _) => Some(Self::Not),
            (Better::Higher, Unit::Rate | Unit::ByteRate) => Some(Self::Reciprocal),
            (Better::Higher, _) if row.path.contains(".accuracy.") => Some(Self::Rest),
            (Better::Higher, _) => None,
        }
    }

    fn value(self, value: f64) -> f64 {
        match self {
            Self::Not => value,
            Self::Reciprocal => 1.0 / value,
            Self::Rest => 1.0 - value,
        }
    }

    fn name(self, path: &str) -> String {
        match self {
            Self::Not => path.to_owned(),
            Self::Reciprocal => format!("1 / {path}"),
            Self::Rest => format!("1 - {path}"),
        }
    }

    fn unit(self, row: &Row) -> String {
        match self {
            Self::Not => row.unit.clone(),
            Self::Reciprocal => {
                if row.unit() == Unit::ByteRate {
                    "s/byte".into()
                } else {
                    "s".into()
                }
            }
            Self::Rest => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn less_is_better_in_every_entry() {
        let diff = sample::regressed();
        let entries = diff.benchmark();
        let value = |name: &str| {
            entries.iter().find(|it| it.name.ends_with(name)).unwrap_or_else(|| panic!("no {name}")).value
        };
        let median =
            |path: &str| diff.metrics.iter().find(|it| it.path == path).unwrap().current.unwrap().median;
        assert_eq!(value(": messages.total.sent"), median("messages.total.sent"));
        assert!((value(": 1 - final.accuracy.mean") - (1.0 - median("final.accuracy.mean"))).abs() < 1e-12);
        assert!(!entries.iter().any(|it| it.name.contains("nodes.finished")));
        let repeated = sample::repeated();
        let entry = repeated
            .benchmark()
            .into_iter()
            .find(|it| it.name.contains("1 / cost.messages_per_cpu_s"))
            .unwrap();
        assert_eq!(entry.unit, "s");
        assert!(entry.range.is_some() && entry.value < 1e-3);
    }
}
