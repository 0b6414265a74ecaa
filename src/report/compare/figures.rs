//! The figures that transports are compared by: taken from a result, put in a row, or set against each other. How they
//! are shown is not decided here.

use crate::metrics::result::RunResult;
use crate::report::many::Unit;
use crate::scenario::thresholds;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value for each figure. What a transport or workflow has no value of is `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures<T> {
    /// Scenario time from the start of learning to the end.
    pub ended_s: T,
    /// Wall time of the whole run, in which nodes connect as well.
    pub wall_s: T,
    /// Messages handled (delivered or duplicate) in a second of wall time, from the start of learning on.
    pub messages_per_s: T,
    /// Their payload sent in a second of wall time.
    pub payload_bytes_per_s: T,
    /// From the sender on, in seconds of wall time.
    pub latency: Latencies<T>,
    /// How long making a connection took, in seconds of wall time. Sockets only.
    pub connecting: Quantiles<T>,
    /// CPU time of the whole program, set-up included, for each message that was handled.
    pub cpu_s_per_message: T,
    /// Bytes of the protobuf encoding of a message that was sent, on average.
    pub payload_bytes_per_message: T,
    /// Bytes that it put on the link, on average.
    pub wire_bytes_per_message: T,
}

/// Latencies that transports are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies<T> {
    /// A message is handed over → the receiving node takes it.
    pub message: Quantiles<T>,
    /// A message is handed over → its response is back.
    pub rpc: Quantiles<T>,
    /// Of a probe at a rate, the one or the other from when the message was due.
    pub since_due: Quantiles<T>,
}

/// Of a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles<T> {
    /// The median.
    pub p50: T,
    /// The 99th percentile.
    pub p99: T,
}

/// What is to be known of a figure to show it.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its path in a row of `compare.json`.
    pub path: &'static str,
    /// What it is called in a table.
    pub title: &'static str,
    /// How it is shown.
    pub unit: Unit,
}

/// How many figures there are.
pub const COUNT: usize = 15;

/// All figures, in the order in which they are shown and in which [`Figures::all`] has them.
pub const FIGURES: [Figure; COUNT] = [
    Figure { path: "ended_s", title: "time to finish", unit: Unit::Time },
    Figure { path: "wall_s", title: "wall time", unit: Unit::Time },
    Figure { path: "messages_per_s", title: "messages", unit: Unit::Rate },
    Figure { path: "payload_bytes_per_s", title: "payload", unit: Unit::ByteRate },
    Figure { path: "latency.message.p50", title: "message p50", unit: Unit::Time },
    Figure { path: "latency.message.p99", title: "message p99", unit: Unit::Time },
    Figure { path: "latency.rpc.p50", title: "rpc p50", unit: Unit::Time },
    Figure { path: "latency.rpc.p99", title: "rpc p99", unit: Unit::Time },
    Figure { path: "latency.since_due.p50", title: "since due p50", unit: Unit::Time },
    Figure { path: "latency.since_due.p99", title: "since due p99", unit: Unit::Time },
    Figure { path: "connecting.p50", title: "connecting p50", unit: Unit::Time },
    Figure { path: "connecting.p99", title: "connecting p99", unit: Unit::Time },
    Figure { path: "cpu_s_per_message", title: "CPU/message", unit: Unit::Time },
    Figure { path: "payload_bytes_per_message", title: "payload/message", unit: Unit::Bytes },
    Figure { path: "wire_bytes_per_message", title: "wire/message", unit: Unit::Bytes },
];

impl<T> Figures<T> {
    /// All values, in the order of [`FIGURES`].
    pub fn all(&self) -> [&T; COUNT] {
        let Latencies { message, rpc, since_due } = &self.latency;
        [
            &self.ended_s,
            &self.wall_s,
            &self.messages_per_s,
            &self.payload_bytes_per_s,
            &message.p50,
            &message.p99,
            &rpc.p50,
            &rpc.p99,
            &since_due.p50,
            &since_due.p99,
            &self.connecting.p50,
            &self.connecting.p99,
            &self.cpu_s_per_message,
            &self.payload_bytes_per_message,
            &self.wire_bytes_per_message,
        ]
    }

    /// A value for each figure by its number in [`FIGURES`].
    pub fn from_fn(mut of: impl FnMut(usize) -> T) -> Self {
        let mut count = 0..;
        let mut next = || of(count.next().unwrap_or_default());
        Self {
            ended_s: next(),
            wall_s: next(),
            messages_per_s: next(),
            payload_bytes_per_s: next(),
            latency: Latencies {
                message: Quantiles { p50: next(), p99: next() },
                rpc: Quantiles { p50: next(), p99: next() },
                since_due: Quantiles { p50: next(), p99: next() },
            },
            connecting: Quantiles { p50: next(), p99: next() },
            cpu_s_per_message: next(),
            payload_bytes_per_message: next(),
            wire_bytes_per_message: next(),
        }
    }
}

impl Figures<Option<f64>> {
    /// Of a run that is no probe.
    pub fn of(result: &RunResult, document: &Value) -> Self {
        let total = &result.messages.total;
        // Of learning; what came before is in no other figure of a result either.
        let learning_s = result.ended_s.map(|ended_s| ended_s / result.engine.speedup);
        let ratio =
            |of: Option<f64>, to: Option<f64>| of.zip(to).map(|(of, to)| of / to).filter(|it| it.is_finite());
        let count = |count: u64| Some(count as f64);
        Self {
            messages_per_s: ratio(count(total.handled()), learning_s),
            payload_bytes_per_s: ratio(count(total.payload_bytes), learning_s),
            latency: Latencies {
                message: quantiles(document, "latency.message"),
                rpc: quantiles(document, "latency.rpc"),
                since_due: Quantiles::default(),
            },
            cpu_s_per_message: ratio(Some(result.cost.cpu_s), count(total.handled())),
            payload_bytes_per_message: ratio(count(total.payload_bytes), count(total.sent)),
            wire_bytes_per_message: ratio(count(total.wire_bytes), count(total.sent)),
            ..Self::of_all(result, document)
        }
    }

    /// Of the run around the cells of a probe.
    pub fn of_all(result: &RunResult, document: &Value) -> Self {
        Self {
            ended_s: result.ended_s,
            wall_s: Some(result.cost.wall_s),
            connecting: quantiles(document, "sockets.set_up"),
            ..Self::default()
        }
    }

    /// Of a cell of a probe, as it is in the result.
    pub fn of_cell(cell: &Value) -> Self {
        let value = |path: &str| number(cell, path);
        Self {
            messages_per_s: value("messages_per_s"),
            payload_bytes_per_s: value("payload_bytes_per_s"),
            latency: Latencies {
                message: quantiles(cell, "message"),
                rpc: quantiles(cell, "rpc"),
                since_due: quantiles(cell, "since_due"),
            },
            cpu_s_per_message: value("cpu_s_per_message"),
            payload_bytes_per_message: value("message_bytes"),
            wire_bytes_per_message: value("wire_bytes"),
            ..Self::default()
        }
    }
}

fn quantiles(document: &Value, path: &str) -> Quantiles<Option<f64>> {
    let quantile = |name: &str| number(document, &format!("{path}.{name}"));
    Quantiles { p50: quantile("p50"), p99: quantile("p99") }
}

fn number(document: &Value, path: &str) -> Option<f64> {
    thresholds::find(document, path).ok().and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn every_figure_is_where_its_path_says() {
        let numbered = Figures::from_fn(|i| i);
        assert_eq!(numbered.all(), std::array::from_fn::<_, COUNT, _>(|i| i).each_ref());
        let document = serde_json::to_value(numbered).unwrap();
        for (i, figure) in FIGURES.iter().enumerate() {
            assert_eq!(thresholds::find(&document, figure.path), Ok(&json!(i)), "{}", figure.path);
        }
    }

    #[test]
    fn figures_are_those_of_the_result() {
        let result = sample::full();
        let figures = Figures::of(&result, &serde_json::to_value(&result).unwrap());
        let total = &result.messages.total;
        assert_eq!(figures.ended_s, Some(38.25));
        assert_eq!(figures.wall_s, Some(result.cost.wall_s));
        // At ten times real time, 38.25 s of the scenario are 3.825 s.
        assert_eq!(figures.messages_per_s, Some(total.handled() as f64 / 3.825));
        assert_eq!(figures.latency.message.p99, Some(result.latency["message"].p99));
        assert_eq!(figures.latency.rpc.p50, Some(result.latency["rpc"].p50));
        assert_eq!(figures.cpu_s_per_message, Some(12.4 / total.handled() as f64));
        assert_eq!(figures.wire_bytes_per_message, Some(total.wire_bytes as f64 / total.sent as f64));
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        let result = sample::empty();
        let figures = Figures::of(&result, &serde_json::to_value(&result).unwrap());
        assert_eq!(figures, Figures { wall_s: Some(0.0), ..Figures::default() });
    }

    #[test]
    fn the_figures_of_a_cell_are_those_of_the_probe() {
        let cell = json!({
            "payload_bytes": 64, "concurrency": null, "messages_per_s": 5e4, "payload_bytes_per_s": 3.2e6,
            "message_bytes": 92.0, "wire_bytes": 101.0, "message": { "p50": 1e-5, "p99": 3e-5 },
            "rpc": null, "since_due": { "p50": 2e-5, "p99": null }, "cpu_s_per_message": 4e-6
        });
        let quantiles = |p50, p99| Quantiles { p50, p99 };
        let expected = Figures {
            messages_per_s: Some(5e4),
            payload_bytes_per_s: Some(3.2e6),
            latency: Latencies {
                message: quantiles(Some(1e-5), Some(3e-5)),
                rpc: quantiles(None, None),
                since_due: quantiles(Some(2e-5), None),
            },
            cpu_s_per_message: Some(4e-6),
            payload_bytes_per_message: Some(92.0),
            wire_bytes_per_message: Some(101.0),
            ..Figures::default()
        };
        assert_eq!(Figures::of_cell(&cell), expected);
    }
}
