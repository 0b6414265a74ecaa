//! What the script of the page draws: the few kinds of chart, as compact as JSON can have them.
//!
//! The script knows what a kind looks like, this file what it needs to know for that.

use serde::Serialize;
use serde_json::Number;

/// What a chart is drawn from.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Data {
    /// Lines over an axis.
    Lines(Lines),
    /// A row for each name, with the percentiles of a distribution.
    Ranges(Ranges),
    /// Bars, one or several to each name.
    Bars(Bars),
    /// What nodes did when.
    Timeline(Timeline),
    /// Nodes and connections.
    Network(Network),
}

/// Lines over an axis.
#[derive(Clone, Debug, Serialize)]
pub struct Lines {
    /// Across.
    pub x: Axis,
    /// Up.
    pub y: Axis,
    /// The lines.
    pub lines: Vec<Line>,
    /// What is marked on the way.
    pub marks: Vec<Mark>,
}

/// An axis.
#[derive(Clone, Debug, Serialize)]
pub struct Axis {
    /// What it is of.
    pub name: String,
    /// What its numbers are.
    pub unit: Unit,
    /// How they are spread.
    pub scale: Scale,
}

/// What numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Time,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    ByteRate,
    /// Something a second.
    Rate,
    /// So many.
    Count,
    /// A plain number.
    Plain,
    /// Of a percentile p, 1 / (1 - p): 10 is the 90th.
    Percentile,
}

/// How numbers are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Evenly from the smallest to the largest.
    Linear,
    /// Evenly from 0.
    Zero,
    /// By their logarithm.
    Log,
}

/// A line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// Its points, x first.
    pub points: Vec<[Real; 2]>,
    /// From where to where values lie around it: x, low, high.
    pub band: Vec<[Real; 3]>,
    /// Whether it stays at a value until the next.
    pub step: bool,
    /// Whether it is drawn lightly, as what goes beside another.
    pub light: bool,
}

/// A place on an axis with a word to it.
#[derive(Clone, Debug, Serialize)]
pub struct Mark {
    /// Where across, if it is a line upwards.
    pub x: Option<Real>,
    /// Where up, if it is a line across.
    pub y: Option<Real>,
    /// What it says.
    pub text: String,
}

/// A row for each name, with the percentiles of a distribution.
#[derive(Clone, Debug, Serialize)]
pub struct Ranges {
    /// What is measured.
    pub axis: Axis,
    /// The rows, from top to bottom.
    pub rows: Vec<Range>,
}

/// A row of percentiles.
#[derive(Clone, Debug, Serialize)]
pub struct Range {
    /// What it is of.
    pub name: String,
    /// The smallest, the median, p90, p99, p99.9 and the largest.
    pub values: [Real; 6],
    /// How many values there are.
    pub count: u64,
}

/// Bars, one or several to each name.
#[derive(Clone, Debug, Serialize)]
pub struct Bars {
    /// What is measured.
    pub axis: Axis,
    /// What the bars of each name are of.
    pub series: Vec<String>,
    /// Whether they are one behind the other and not one below the other.
    pub stacked: bool,
    /// The names, from top to bottom.
    pub rows: Vec<Bar>,
}

/// The bars of a name.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// What they are of.
    pub name: String,
    /// A value for each; nothing where there is none.
    pub values: Vec<Real>,
}

/// What nodes did when. Times are microseconds of scenario time since the initiator started learning.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// The nodes, a row each, from top to bottom.
    pub rows: Vec<u32>,
    pub start: i64,
    pub end: i64,
    /// Names of what nodes are busy with; the first six are stages.
    pub activities: Vec<&'static str>,
    /// Row, start, length, activity, round (-1 before the first): the numbers of all spans, one after the other.
    pub spans: Vec<i64>,
    pub commands: Vec<&'static str>,
    /// Row from, row to, sent, time on the way, command, round, bytes: of all models, one after the other.
    pub transfers: Vec<i64>,
    pub marks: Vec<Moment>,
}

/// Something that happened, at a row or to the network.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    pub at: i64,
    pub row: Option<usize>,
    pub what: &'static str,
    pub whom: String,
}

/// Nodes and connections.
#[derive(Clone, Debug, Serialize)]
pub struct Network {
    /// The numbers of the nodes, and where they stand, from 0 to 10,000 each way.
    pub nodes: Vec<u32>,
    pub x: Vec<u32>,
    pub y: Vec<u32>,
    /// What became of each: its place in `states`.
    pub state: Vec<usize>,
    pub states: Vec<&'static str>,
    /// Whether it stands out: 0 as others, 1 late, 2 it did not finish, 3 it finished though it had crashed.
    pub flag: Vec<u8>,
    /// Neighbours in the whole topology.
    pub degree: Vec<u32>,
    /// The ends of connections by their places in `nodes`, one after the other.
    pub edges: Vec<usize>,
    /// The place in `nodes` of who began.
    pub start: Option<usize>,
    pub measures: Vec<Measure>,
}

/// Something that nodes are coloured by.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    pub name: &'static str,
    pub unit: Unit,
    /// A value for each node, as far as it has one.
    pub values: Vec<Option<Real>>,
}

/// A number with as many digits as one can see in a drawing: six.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Real(pub f64);

impl Serialize for Real {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: f64 = format!("{:.5e}", self.0).parse().unwrap_or(f64::NAN);
        match Number::from_f64(value) {
            // Whole numbers without a point are shorter, and the same to the script.
            Some(_) if value.fract() == 0.0 && value.abs() < 1e15 => serializer.serialize_i64(value as i64),
            Some(number) => number.serialize(serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl Axis {
    /// An axis.
    pub fn new(name: impl Into<String>, unit: Unit, scale: Scale) -> Self {
        Self { name: name.into(), unit, scale }
    }
}

/// Points that a screen can show: where there are more, each stretch leaves its lowest and its highest, so that no
/// peak is lost.
pub fn thinned(points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    const MOST: usize = 1_000;
    if points.len() <= MOST {
        return points;
    }
    let stretch = points.len().div_ceil(MOST / 2);
    let mut thin = Vec::with_capacity(MOST);
    for part in points.chunks(stretch) {
        let by_value = |a: &&[f64; 2], b: &&[f64; 2]| a[1].total_cmp(&b[1]);
        let ends = [part.iter().min_by(by_value), part.iter().max_by(by_value)];
        let [Some(low), Some(high)] = ends else { continue };
        if low[0] == high[0] {
            thin.push(*low);
        } else {
            let (first, second) = if low[0] < high[0] { (low, high) } else { (high, low) };
            thin.extend([*first, *second]);
        }
    }
    thin
}

/// Points as a line has them.
pub fn points(points: impl IntoIterator<Item = [f64; 2]>) -> Vec<[Real; 2]> {
    points.into_iter().map(|point| point.map(Real)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_series_keeps_its_peaks_and_its_order() {
        let mut long: Vec<[f64; 2]> = (0..4_096).map(|i| [f64::from(i), 5.0]).collect();
        long[1_777][1] = 900.0;
        long[3_001][1] = 0.0;
        let thin = thinned(long);
        assert!(thin.len() <= 1_000);
        assert!(thin.contains(&[1_777.0, 900.0]) && thin.contains(&[3_001.0, 0.0]));
        assert!(thin.windows(2).all(|pair| pair[0][0] < pair[1][0]));
    }

    #[test]
    fn numbers_are_as_short_as_one_can_see() {
        let text = serde_json::to_string(&[Real(3.0), Real(0.123_456_789), Real(f64::NAN), Real(1e-7)]);
        assert_eq!(text.unwrap(), "[3,0.123457,null,1e-7]");
    }
}
