//! Faults over time.

use super::Faults;
use crate::time::Time;

/// How faults stand at each moment: a pure function of time, which whoever looks at it shares with all others.
///
/// It grows at its end as the script is played, and nobody who looks at an earlier time sees a difference.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// From when on they stand so, ascending; nothing where there are none.
    changes: Vec<(Time, Option<Faults>)>,
}

impl Timeline {
    /// From `at` on faults stand so. A second change at the same moment takes the first one's place.
    ///
    /// # Panics
    /// If an earlier call named a later moment.
    pub fn push(&mut self, at: Time, faults: Faults) {
        let faults = Some(faults).filter(|it| !it.is_none());
        match self.changes.last_mut() {
            Some((last, now)) if *last == at => *now = faults,
            Some((last, _)) if *last > at => panic!("faults of {at} come after those of {last}"),
            None if faults.is_none() => {}
            _ => self.changes.push((at, faults)),
        }
    }

    /// How they stand at a moment; nothing while there are none.
    pub fn at(&self, time: Time) -> Option<&Faults> {
        let (last, faults) = self.changes.last()?;
        if *last <= time {
            return faults.as_ref();
        }
        let later = self.changes.partition_point(|(at, _)| *at <= time);
        self.changes[..later].last().and_then(|(_, faults)| faults.as_ref())
    }

    /// How they stand after the last change.
    pub fn latest(&self) -> Option<&Faults> {
        self.changes.last().and_then(|(_, faults)| faults.as_ref())
    }

    /// Nobody will ask for a moment before this one any more: what only such a moment needs is let go of.
    pub fn forget(&mut self, before: Time) {
        let done = self.changes.partition_point(|(at, _)| *at <= before).saturating_sub(1);
        self.changes.drain(..done);
        if self.changes.len() == 1 && self.changes[0].0 <= before && self.changes[0].1.is_none() {
            self.changes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Slowdown;

    fn slow(factor: f64) -> Faults {
        let mut faults = Faults::default();
        faults.slow(4, &[1], Slowdown { compute: factor, link: 1.0 });
        faults
    }

    fn at(timeline: &Timeline, nanos: u64) -> Option<f64> {
        timeline.at(Time::from_nanos(nanos)).map(|faults| faults.compute(1))
    }

    #[test]
    fn each_moment_has_the_faults_of_the_last_change_before_it() {
        let mut timeline = Timeline::default();
        assert_eq!(at(&timeline, 5), None);
        timeline.push(Time::from_nanos(10), slow(2.0));
        timeline.push(Time::from_nanos(20), slow(3.0));
        timeline.push(Time::from_nanos(20), slow(4.0));
        timeline.push(Time::from_nanos(30), Faults::default());
        let seen = [0, 9, 10, 19, 20, 29, 30, 99].map(|nanos| at(&timeline, nanos));
        assert_eq!(seen, [None, None, Some(2.0), Some(2.0), Some(4.0), Some(4.0), None, None]);
        assert!(timeline.latest().is_none());
    }

    #[test]
    fn forgetting_the_past_changes_nothing_after_it() {
        let mut timeline = Timeline::default();
        for (nanos, factor) in [(10, 2.0), (20, 3.0), (30, 1.0)] {
            timeline.push(Time::from_nanos(nanos), slow(factor));
        }
        let before = [25, 29, 30, 31].map(|nanos| at(&timeline, nanos));
        timeline.forget(Time::from_nanos(25));
        assert_eq!(timeline.changes.len(), 2);
        assert_eq!([25, 29, 30, 31].map(|nanos| at(&timeline, nanos)), before);
        timeline.forget(Time::from_nanos(30));
        assert!(timeline.changes.is_empty(), "without faults there is nothing to look up");
    }

    #[test]
    #[should_panic(expected = "come after")]
    fn the_past_does_not_change() {
        let mut timeline = Timeline::default();
        timeline.push(Time::from_nanos(10), slow(2.0));
        timeline.push(Time::from_nanos(9), slow(3.0));
    }
}
