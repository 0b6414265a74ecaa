//! Latencies of the last seconds, for whoever watches a run.

use super::Details;
use crate::metrics::{Histogram, Summary};
use std::collections::VecDeque;
use std::time::Duration;

/// How much is forgotten at a time.
const SLICE: Duration = Duration::from_millis(500);

/// What was recorded lately.
#[derive(Debug, Default)]
pub struct Recent {
    /// When each slice began, in wall time since the run did.
    slices: VecDeque<(Duration, Histogram)>,
}

impl Recent {
    /// Adds what has been recorded since the last time; what the last seconds have together, in seconds.
    pub fn add(&mut self, now: Duration, recorded: &Histogram) -> Summary {
        match self.slices.back_mut() {
            Some((since, last)) if now < *since + SLICE => last.merge(recorded),
            _ => self.slices.push_back((now, recorded.clone())),
        }
        while self.slices.front().is_some_and(|(since, _)| *since + SLICE + Details::RECENT <= now) {
            self.slices.pop_front();
        }
        let mut all = recorded.like();
        self.slices.iter().for_each(|(_, slice)| all.merge(slice));
        all.summary(1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_a_few_seconds_is_forgotten() {
        let mut recent = Recent::default();
        let mut slow = Histogram::default();
        slow.record(9_000_000_000, 5);
        let mut fast = Histogram::default();
        fast.record(1_000, 1);
        let at = |millis: u64| Duration::from_millis(millis);
        assert_eq!(recent.add(at(100), &slow).count, 5);
        for tick in 2..30 {
            assert!(recent.add(at(100 * tick), &fast).max > 8.0);
        }
        let summary = recent.add(at(4_000), &fast);
        assert!(summary.max < 1e-5 && summary.count >= 2, "{summary:?}");
        assert_eq!(recent.add(at(60_000), &Histogram::default()).count, 0);
    }
}
