//! Throughput: how many messages and bytes were handled in each interval, as histogram and as series.
//!
//! The engine samples the running totals of the recorders; nothing here reads a clock.

use super::{Histogram, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The series is never longer than this; what is longer is made coarser.
const MAX_POINTS: usize = 4_096;
/// Rates are recorded in thousandths, so that a message every few seconds is not rounded to none.
const PER_UNIT: f64 = 1_000.0;

/// What was handled in one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Point {
    /// When the stretch ended, in seconds.
    pub at_s: f64,
    /// How long it was.
    pub interval_s: f64,
    /// Messages handled in it.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
}

/// Rates over the intervals of a run.
///
/// The histograms have every interval. The series has at most 4,096 points: when it would get longer, every two
/// neighbours become one point, and from then on points cover twice the time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    last: Option<(f64, u64, u64)>,
    points: Vec<Point>,
    open: Option<(u32, Point)>,
    intervals_per_point: u32,
    messages: Histogram,
    bytes: Histogram,
}

/// Throughput as results tell it, in units a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// Messages handled a second.
    pub messages: Summary,
    /// Payload bytes handled a second.
    pub bytes: Summary,
    /// How long a sampled interval was, in seconds.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub interval_s: f64,
    /// How much time a row of `series.csv` covers: more than an interval if the run was long.
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub series_interval_s: f64,
}

impl Series {
    /// The running totals at a time. The first sample is where counting begins; a sample that is not later than the
    /// one before it is left out.
    pub fn sample(&mut self, at_s: f64, messages_total: u64, bytes_total: u64) {
        let Some((last_s, last_messages, last_bytes)) = self.last else {
            self.last = Some((at_s, messages_total, bytes_total));
            return;
        };
        let interval_s = at_s - last_s;
        if interval_s.is_nan() || interval_s <= 0.0 {
            return;
        }
        self.last = Some((at_s, messages_total, bytes_total));
        let messages = messages_total.saturating_sub(last_messages);
        let bytes = bytes_total.saturating_sub(last_bytes);
        self.messages.record((messages as f64 / interval_s * PER_UNIT).round() as u64, 1);
        self.bytes.record((bytes as f64 / interval_s * PER_UNIT).round() as u64, 1);
        self.extend(Point { at_s, interval_s, messages, bytes });
    }

    /// The series, in the order of time.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().chain(self.open.as_ref().map(|(_, point)| point))
    }

    /// How many sampled intervals a point of the series covers.
    pub fn intervals_per_point(&self) -> u32 {
        self.intervals_per_point.max(1)
    }

    /// What is told of it. `interval_s` is how often the engine samples.
    pub fn throughput(&self, interval_s: f64) -> Throughput {
        Throughput {
            messages: self.messages.summary(PER_UNIT),
            bytes: self.bytes.summary(PER_UNIT),
            interval_s,
            series_interval_s: interval_s * f64::from(self.intervals_per_point()),
        }
    }

    fn extend(&mut self, point: Point) {
        let (intervals, open) = match self.open.take() {
            None => (1, point),
            Some((intervals, open)) => (intervals + 1, open.and(point)),
        };
        if intervals < self.intervals_per_point() {
            self.open = Some((intervals, open));
            return;
        }
        self.points.push(open);
        if self.points.len() == MAX_POINTS {
            self.points = self.points.chunks(2).map(|pair| pair[0].and(pair[1])).collect();
            self.intervals_per_point = self.intervals_per_point() * 2;
        }
    }
}

impl Point {
    /// This stretch and the one after it as one.
    fn and(self, next: Self) -> Self {
        Self {
            at_s: next.at_s,
            interval_s: self.interval_s + next.interval_s,
            messages: self.messages + next.messages,
            bytes: self.bytes + next.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_counted_from_the_first_sample() {
        let mut series = Series::default();
        series.sample(0.0, 1_000, 5_000);
        series.sample(0.5, 1_100, 6_000);
        series.sample(0.5, 9_999, 9_999);
        series.sample(1.5, 1_400, 6_000);
        let points: Vec<_> = series.points().copied().collect();
        assert_eq!(
            points,
            [
                Point { at_s: 0.5, interval_s: 0.5, messages: 100, bytes: 1_000 },
                Point { at_s: 1.5, interval_s: 1.0, messages: 300, bytes: 0 },
            ]
        );
        let throughput = series.throughput(0.5);
        assert_eq!(throughput.messages.count, 2);
        assert!((throughput.messages.min / 200.0 - 1.0).abs() < 1e-3);
        assert!((throughput.messages.max / 300.0 - 1.0).abs() < 1e-3);
        assert_eq!(throughput.bytes.min, 0.0);
    }

    #[test]
    fn a_message_every_four_seconds_is_a_rate() {
        let mut series = Series::default();
        series.sample(0.0, 0, 0);
        series.sample(4.0, 1, 10);
        assert_eq!(series.throughput(4.0).messages.max, 0.25);
    }

    #[test]
    fn a_long_series_gets_coarser_and_loses_nothing() {
        let mut series = Series::default();
        let intervals = 3 * MAX_POINTS as u64 + 5;
        (0..=intervals).for_each(|i| series.sample(i as f64, i * i, i));
        assert!(series.points().count() <= MAX_POINTS);
        assert_eq!(series.intervals_per_point(), 4);
        assert_eq!(series.throughput(1.0).messages.count, intervals);
        assert_eq!(series.throughput(1.0).series_interval_s, 4.0);
        assert_eq!(series.points().map(|point| point.messages).sum::<u64>(), intervals * intervals);
        assert_eq!(series.points().map(|point| point.interval_s).sum::<f64>(), intervals as f64);
        let ends: Vec<_> = series.points().map(|point| point.at_s).collect();
        assert!(ends.is_sorted() && ends.last() == Some(&(intervals as f64)));
    }
}
