//! Latencies over time: a small histogram for each stretch of a run.
//!
//! There are at most [`MAX`] stretches. When a run gets longer than they cover, every two neighbours become one, and
//! from then on each covers twice the time.

use super::Histogram;

/// How long a stretch is at first, in nanoseconds.
const SHORTEST: u64 = 1_000_000_000;
/// Stretches that are kept at most.
const MAX: usize = 64;
/// Significant digits of a value: one histogram more for every stretch must not cost what the whole ones do.
const DIGITS: u8 = 2;

/// The latencies that are followed over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Over {
    /// Of messages.
    Message,
    /// Of calls.
    Rpc,
    /// Of rounds.
    Round,
    /// Of gossip, from its origin.
    Dissemination,
}

impl Over {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Message, Self::Rpc, Self::Round, Self::Dissemination];

    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Rpc => "rpc",
            Self::Round => "round",
            Self::Dissemination => "dissemination",
        }
    }
}

type Stretch = [Histogram; Over::ALL.len()];

/// Histograms of stretches of time.
#[derive(Clone, Debug)]
pub struct Intervals {
    length: u64,
    /// When the stretch that is recorded into began.
    since: u64,
    current: usize,
    stretches: Vec<Stretch>,
}

impl Default for Intervals {
    fn default() -> Self {
        Self { length: SHORTEST, since: 0, current: 0, stretches: vec![stretch()] }
    }
}

impl Intervals {
    /// What is recorded from now on belongs to this time, in nanoseconds since the run began. It may be before the last.
    #[inline]
    pub fn at(&mut self, now: u64) {
        if now.wrapping_sub(self.since) >= self.length {
            self.seek(now);
        }
    }

    /// Records `count` times `value`.
    #[inline]
    pub fn record(&mut self, over: Over, value: u64, count: u64) {
        self.stretches[self.current][over as usize].record(value, count);
    }

    /// Adds all that `other` has. The order in which they are merged makes no difference.
    pub fn merge(&mut self, other: &Self) {
        while self.length < other.length {
            self.coarsen();
        }
        let ratio = (self.length / other.length) as usize;
        for (i, theirs) in other.stretches.iter().enumerate() {
            let i = i / ratio;
            if self.stretches.len() <= i {
                self.stretches.resize_with(i + 1, stretch);
            }
            self.stretches[i].iter_mut().zip(theirs).for_each(|(ours, theirs)| ours.merge(theirs));
        }
    }

    /// The stretches, in order: when each begins and how long it is, in nanoseconds, and its histograms.
    pub fn all(&self) -> impl Iterator<Item = (u64, u64, impl Iterator<Item = (Over, &Histogram)>)> {
        self.stretches
            .iter()
            .enumerate()
            .map(|(i, stretch)| (i as u64 * self.length, self.length, Over::ALL.into_iter().zip(stretch)))
    }

    #[cold]
    fn seek(&mut self, now: u64) {
        while now / self.length >= MAX as u64 {
            self.coarsen();
        }
        self.current = (now / self.length) as usize;
        self.since = self.current as u64 * self.length;
        if self.stretches.len() <= self.current {
            self.stretches.resize_with(self.current + 1, stretch);
        }
    }

    /// Every two neighbours become one.
    fn coarsen(&mut self) {
        let mut rest = std::mem::take(&mut self.stretches).into_iter();
        while let Some(mut first) = rest.next() {
            if let Some(second) = rest.next() {
                first.iter_mut().zip(&second).for_each(|(one, other)| one.merge(other));
            }
            self.stretches.push(first);
        }
        self.length *= 2;
        self.current /= 2;
        self.since = self.current as u64 * self.length;
    }
}

fn stretch() -> Stretch {
    std::array::from_fn(|_| Histogram::with_digits(DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(intervals: &Intervals) -> Vec<(u64, u64, u64)> {
        let all = intervals.all().map(|(start, length, mut of)| {
            (start / SHORTEST, length / SHORTEST, of.next().map_or(0, |(_, it)| it.count()))
        });
        all.filter(|it| it.2 > 0).collect()
    }

    #[test]
    fn a_value_belongs_to_the_stretch_in_which_it_was_recorded() {
        let mut intervals = Intervals::default();
        for (seconds, count) in [(0, 1), (3, 2), (2, 4)] {
            intervals.at(seconds * SHORTEST + 5);
            intervals.record(Over::Message, 1_000, count);
        }
        assert_eq!(told(&intervals), [(0, 1, 1), (2, 1, 4), (3, 1, 2)]);
    }

    #[test]
    fn a_long_run_has_no_more_stretches_but_longer_ones() {
        let mut intervals = Intervals::default();
        for second in 0..200 {
            intervals.at(second * SHORTEST);
            intervals.record(Over::Message, 1_000, 1);
        }
        let told = told(&intervals);
        assert_eq!(told.len(), 50);
        assert!(told.iter().all(|&(_, length, count)| (length, count) == (4, 4)), "{told:?}");
    }

    proptest! {
        #[test]
        fn merged_in_any_order_they_are_what_one_would_be(
            records in proptest::collection::vec((0u64..300, 1u64..1_000_000, 0usize..3), 1..200)
        ) {
            let mut whole = Intervals::default();
            let mut parts = [Intervals::default(), Intervals::default(), Intervals::default()];
            for &(second, value, part) in &records {
                for it in [&mut whole, &mut parts[part]] {
                    it.at(second * SHORTEST);
                    it.record(Over::Round, value, 1);
                }
            }
            let merged = |order: [usize; 3]| {
                let mut all = Intervals::default();
                order.iter().for_each(|&i| all.merge(&parts[i]));
                let rows = all.all().map(|(start, length, of)| {
                    (start, length, of.map(|(_, it)| it.values().collect::<Vec<_>>()).collect::<Vec<_>>())
                });
                rows.collect::<Vec<_>>()
            };
            let expected = whole.all().map(|(start, length, of)| {
                (start, length, of.map(|(_, it)| it.values().collect::<Vec<_>>()).collect::<Vec<_>>())
            }).collect::<Vec<_>>();
            prop_assert_eq!(merged([0, 1, 2]), expected.clone());
            prop_assert_eq!(merged([2, 0, 1]), expected);
        }
    }
}
