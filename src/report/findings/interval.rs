//! Latencies over time: `intervals.hlog`, in the format of HdrHistogram's own tools.

use crate::metrics::{Histogram, Intervals, MAX_NANOS, Summary};
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, IntervalLogWriterError, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

/// One latency in one stretch of time.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which latency, by its name in `result.latency`.
    pub name: String,
    /// When it begins, in seconds as in `series`.
    pub start_s: f64,
    /// How long it is.
    pub length_s: f64,
    /// What was recorded in it, in seconds.
    pub latency: Summary,
    histogram: hdrhistogram::Histogram<u64>,
}

impl Interval {
    /// All that were recorded, in the order of time.
    pub fn all(intervals: &Intervals) -> Vec<Self> {
        let stretch = |start: u64, length: u64, name: &str, histogram: &Histogram| {
            // What was recorded has been clipped to a day.
            Self::new(name, start as f64 / 1e9, length as f64 / 1e9, histogram.as_hdr()?)
        };
        let all = intervals.all().flat_map(|(start, length, of)| {
            of.filter_map(move |(over, histogram)| stretch(start, length, over.name(), histogram))
        });
        all.collect()
    }

    /// Nothing if a value is longer than a day.
    fn new(name: &str, start_s: f64, length_s: f64, recorded: &hdrhistogram::Histogram<u64>) -> Option<Self> {
        // How far it had to grow depends on who recorded what first, and is told in the file.
        let mut histogram = hdrhistogram::Histogram::new_with_bounds(1, MAX_NANOS, recorded.sigfig()).ok()?;
        histogram.add(recorded).ok()?;
        let latency = Histogram::summary_of(&histogram, 1e9);
        Some(Self { name: name.to_owned(), start_s, length_s, latency, histogram })
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(all: &[Self], mut out: &mut dyn Write) -> io::Result<()> {
        let mut serializer = V2DeflateSerializer::new();
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment(
                "Latencies of p2pfl-sim in nanoseconds; the largest value of an interval in seconds.",
            )
            // Simulated time begins at 0.
            .with_start_time(SystemTime::UNIX_EPOCH)
            .with_base_time(SystemTime::UNIX_EPOCH)
            .with_max_value_divisor(1e9)
            .begin_log_with(&mut out, &mut serializer)?;
        for it in all {
            let (start, length) = (Duration::from_secs_f64(it.start_s), Duration::from_secs_f64(it.length_s));
            let written = log.write_histogram(&it.histogram, start, length, Tag::new(&it.name));
            written.map_err(|error| match error {
                IntervalLogWriterError::IoError(error) => error,
                IntervalLogWriterError::SerializeError(error) => io::Error::other(format!("{error:?}")),
            })?;
        }
        Ok(())
    }

    /// Reads what [`Interval::write`] has written.
    ///
    /// # Errors
    /// What is wrong, and in which interval.
    pub fn parse(text: &[u8]) -> Result<Vec<Self>, String> {
        let mut deserializer = Deserializer::new();
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(text) {
            let fault = |why: String| format!("interval {} {why}", found.len() + 1);
            let LogEntry::Interval(it) = entry.map_err(|_| fault("cannot be read".into()))? else { continue };
            let name = it.tag().ok_or_else(|| fault("has no tag".into()))?;
            let bytes = {
                use base64::Engine;
                base64::engine::general_purpose::STANDARD.decode(it.encoded_histogram())
            };
            let bytes = bytes.map_err(|error| fault(format!("is not base64: {error}")))?;
            let histogram = deserializer.deserialize(&mut bytes.as_slice());
            let histogram = histogram.map_err(|error| fault(format!("has no histogram: {error}")))?;
            let (start, length) = (it.start_timestamp().as_secs_f64(), it.duration().as_secs_f64());
            let interval = Self::new(name.as_str(), start, length, &histogram);
            found.push(interval.ok_or_else(|| fault("has a value of more than a day".into()))?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Over;
    use proptest::prelude::*;

    fn intervals() -> Vec<Interval> {
        let mut intervals = Intervals::default();
        for second in [0, 1, 4] {
            intervals.at(second * 1_000_000_000);
            (1..=100).for_each(|i| intervals.record(Over::Message, i * 20_000 * (second + 1), 3));
        }
        intervals.record(Over::Round, 3_000_000_000, 1);
        Interval::all(&intervals)
    }

    #[test]
    fn a_log_reads_back_as_it_was_written() {
        let all = intervals();
        assert_eq!(all.len(), 4);
        let mut text = Vec::new();
        Interval::write(&all, &mut text).unwrap();
        let back = Interval::parse(&text).unwrap();
        assert_eq!(back.len(), all.len());
        for (one, other) in back.iter().zip(&all) {
            assert_eq!((&one.name, one.start_s, one.length_s), (&other.name, other.start_s, other.length_s));
            assert_eq!(one.latency, other.latency);
        }
        let mut again = Vec::new();
        Interval::write(&back, &mut again).unwrap();
        assert_eq!(again, text);
    }

    #[test]
    fn a_value_of_more_than_a_day_is_refused() {
        let mut histogram = hdrhistogram::Histogram::<u64>::new(2).unwrap();
        histogram.record(MAX_NANOS * 3).unwrap();
        let mut text = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let mut out = &mut text;
        let mut log = IntervalLogWriterBuilder::new().begin_log_with(&mut out, &mut serializer).unwrap();
        log.write_histogram(&histogram, Duration::ZERO, Duration::from_secs(1), Tag::new("round")).unwrap();
        assert!(Interval::parse(&text).unwrap_err().contains("more than a day"));
    }

    proptest! {
        /// Bytes of a log that were changed are read or refused, and never more than that.
        #[test]
        fn a_log_that_was_changed_is_read_or_refused(
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6)
        ) {
            let mut text = Vec::new();
            Interval::write(&intervals(), &mut text).unwrap();
            for (at, byte) in changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let _ = Interval::parse(&text);
        }
    }

    #[test]
    fn what_is_no_log_is_an_error_and_not_a_panic() {
        assert!(Interval::parse(b"nodes,1,2\n").is_err());
        assert!(Interval::parse(b"Tag=message,0.0,1.0,1.0,bm9uZQ==\n").unwrap_err().contains("interval 1"));
        assert!(Interval::parse(b"").unwrap().is_empty());
    }
}
