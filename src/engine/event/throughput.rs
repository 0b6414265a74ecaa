//! Messages and bytes handled in each second of virtual time.

use crate::metrics::Series;
use crate::time::Time;

/// How long an interval is, in nanoseconds.
const INTERVAL: u64 = 1_000_000_000;
/// Intervals that are kept at most: eleven days. What comes later counts in the last.
const MAX: usize = 1_000_000;

/// Sums by interval.
#[derive(Clone, Debug, Default)]
pub struct Throughput(Vec<(u64, u64)>);

impl Throughput {
    /// So many messages of so many bytes together were handled.
    pub fn add(&mut self, now: Time, messages: u64, bytes: u64) {
        let interval = usize::try_from(now.as_nanos() / INTERVAL).unwrap_or(MAX).min(MAX - 1);
        if self.0.len() <= interval {
            self.0.resize(interval + 1, (0, 0));
        }
        let sums = &mut self.0[interval];
        sums.0 += messages;
        sums.1 += bytes;
    }

    /// Adds those of another shard.
    pub fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), (0, 0));
        }
        for (ours, theirs) in self.0.iter_mut().zip(&other.0) {
            ours.0 += theirs.0;
            ours.1 += theirs.1;
        }
    }

    /// As a series up to the end of the run. The last interval is as long as it lasted.
    pub fn series(&self, end: Time) -> Series {
        let mut series = Series::default();
        series.sample(0.0, 0, 0);
        let (mut messages, mut bytes) = (0, 0);
        let intervals = end.as_nanos().div_ceil(INTERVAL).min(MAX as u64);
        for i in 0..intervals {
            let (more, more_bytes) = self.0.get(i as usize).copied().unwrap_or_default();
            messages += more;
            bytes += more_bytes;
            let until = Time::from_nanos((i + 1) * INTERVAL).min(end);
            series.sample(until.as_secs_f64(), messages, bytes);
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_all_shards_are_summed_and_the_last_may_be_short() {
        let at = |millis: u64| Time::from_nanos(millis * 1_000_000);
        let (mut a, mut b) = (Throughput::default(), Throughput::default());
        a.add(at(100), 2, 20);
        b.add(at(900), 1, 10);
        b.add(at(2_100), 4, 40);
        a.merge(&b);
        let series = a.series(at(2_500));
        let points: Vec<_> = series.points().map(|it| (it.at_s, it.interval_s, it.messages)).collect();
        assert_eq!(points, [(1.0, 1.0, 3), (2.0, 1.0, 0), (2.5, 0.5, 4)]);
    }
}
