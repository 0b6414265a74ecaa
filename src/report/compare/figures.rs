//! The values of the figures that transports are compared by: taken from a result, put in a row, or set against each other. How they
//! are shown is not decided here.

use crate::metrics::result::RunResult;
use crate::report::figures::{COMPARED, compared, number};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A value for each figure, in the order of [`compared`]. What a transport or workflow has no value of is `null`. Written as an
/// object, in which `a.b` is the field `b` of `a`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures<T>([T; COMPARED]);

impl<T> Figures<T> {
    /// All values.
    pub const fn all(&self) -> &[T; COMPARED] {
        &self.0
    }

    /// A value for each figure by its number.
    pub fn from_fn(of: impl FnMut(usize) -> T) -> Self {
        Self(std::array::from_fn(of))
    }
}

impl<T: Copy> Figures<T> {
    /// The value of the figure at a path, which is one of [`compared`].
    pub fn at(&self, path: &str) -> T {
        self.0[place(path)]
    }

    /// Puts another in its place.
    pub fn set(&mut self, path: &str, value: T) {
        self.0[place(path)] = value;
    }
}

fn place(path: &str) -> usize {
    compared().iter().position(|it| it.path == path).expect("transports are compared by it")
}

impl Figures<Option<f64>> {
    /// Of a run that is no probe.
    pub fn of(result: &RunResult, document: &Value) -> Self {
        Self::from_fn(|i| compared()[i].compared.and_then(|it| (it.whole)(result, document)))
    }

    /// Of the run around the cells of a probe.
    pub fn of_all(result: &RunResult, document: &Value) -> Self {
        let whole = |i: usize| compared()[i].compared.filter(|it| it.cell.is_none());
        Self::from_fn(|i| whole(i).and_then(|it| (it.whole)(result, document)))
    }

    /// Of a cell of a probe, as it is in the result.
    pub fn of_cell(cell: &Value) -> Self {
        Self::from_fn(|i| number(cell, compared()[i].compared?.cell?))
    }
}

impl<T: Serialize> Serialize for Figures<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = Map::new();
        for (figure, value) in compared().iter().zip(&self.0) {
            let mut fields = figure.path.split('.');
            let last = fields.next_back().unwrap_or_default();
            let inner = fields.fold(&mut all, |map, name| {
                let inner = map.entry(name).or_insert_with(|| Value::Object(Map::new()));
                inner.as_object_mut().expect("no figure lies within another")
            });
            inner.insert(last.to_owned(), serde_json::to_value(value).map_err(serde::ser::Error::custom)?);
        }
        all.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Figures<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Value::Object(Map::deserialize(deserializer)?);
        let value = |path: &str| {
            let found = all.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null);
            T::deserialize(found).map_err(|error| D::Error::custom(format_args!("{path}: {error}")))
        };
        let values = compared().iter().map(|it| value(it.path)).collect::<Result<Vec<T>, _>>()?;
        values.try_into().map(Self).map_err(|_| D::Error::custom("a value for each figure"))
    }
}

#[cfg(test)]
impl Figures<Option<f64>> {
    /// The same with this value of the figure at a path.
    #[must_use]
    pub fn with(mut self, path: &str, value: f64) -> Self {
        self.set(path, Some(value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn every_figure_is_where_its_path_says_and_is_read_again() {
        let numbered = Figures::from_fn(|i| i);
        let document = serde_json::to_value(numbered).unwrap();
        for (i, figure) in compared().iter().enumerate() {
            assert_eq!(number(&document, figure.path), Some(i as f64), "{}", figure.path);
        }
        assert_eq!(serde_json::from_value::<Figures<usize>>(document).unwrap(), numbered);
        let empty: Figures<Option<f64>> = serde_json::from_value(json!({})).unwrap();
        assert_eq!(empty, Figures::default());
        let wrong =
            serde_json::from_value::<Figures<Option<f64>>>(json!({ "latency": { "rpc": { "p50": "x" } } }));
        assert!(wrong.unwrap_err().to_string().contains("latency.rpc.p50"));
    }

    #[test]
    fn figures_are_those_of_the_result() {
        let result = sample::full();
        let figures = Figures::of(&result, &serde_json::to_value(&result).unwrap());
        let total = &result.messages.total;
        assert_eq!(figures.at("ended_s"), Some(38.25));
        assert_eq!(figures.at("wall_s"), Some(result.cost.wall_s));
        // At ten times real time, 38.25 s of the scenario are 3.825 s.
        assert_eq!(figures.at("messages_per_s"), Some(total.handled() as f64 / 3.825));
        assert_eq!(figures.at("latency.message.p99"), Some(result.latency["message"].p99));
        assert_eq!(figures.at("latency.rpc.p50"), Some(result.latency["rpc"].p50));
        assert_eq!(figures.at("cpu_s_per_message"), Some(12.4 / total.handled() as f64));
        assert_eq!(figures.at("wire_bytes_per_message"), Some(total.wire_bytes as f64 / total.sent as f64));
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        let result = sample::empty();
        let figures = Figures::of(&result, &serde_json::to_value(&result).unwrap());
        assert_eq!(figures, Figures::default().with("wall_s", 0.0));
    }

    #[test]
    fn the_figures_of_a_cell_are_those_of_the_probe() {
        let cell = json!({
            "payload_bytes": 64, "concurrency": null, "messages_per_s": 5e4, "payload_bytes_per_s": 3.2e6,
            "message_bytes": 92.0, "wire_bytes": 101.0, "message": { "p50": 1e-5, "p99": 3e-5 },
            "rpc": null, "since_due": { "p50": 2e-5, "p99": null }, "cpu_s_per_message": 4e-6
        });
        let expected = Figures::default()
            .with("messages_per_s", 5e4)
            .with("payload_bytes_per_s", 3.2e6)
            .with("latency.message.p50", 1e-5)
            .with("latency.message.p99", 3e-5)
            .with("latency.since_due.p50", 2e-5)
            .with("cpu_s_per_message", 4e-6)
            .with("payload_bytes_per_message", 92.0)
            .with("wire_bytes_per_message", 101.0);
        assert_eq!(Figures::of_cell(&cell), expected);
    }
}
