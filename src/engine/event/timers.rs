//! A node's timers.
//!
//! Most timers are set anew or cancelled long before they are due: a timeout that every round sets again would leave an
//! event in the calendar every time. So the table here says when a timer is due, and there is at most one event for each
//! that is not too late for it: when it comes and the timer is due later, another takes its place; when the timer has
//! been cancelled, nothing happens.

use crate::node::io::{Timer, Weight};
use crate::time::Time;

/// The timers of a node. Most nodes use one or two of the kinds there are.
#[derive(Debug, Default)]
pub struct Timers {
    first: Option<Armed>,
    #[expect(
        clippy::box_collection,
        reason = "few nodes have more than one timer, and there may be a million nodes"
    )]
    others: Option<Box<Vec<Armed>>>,
}

#[derive(Debug)]
struct Armed {
    timer: Timer,
    /// What it can change.
    weight: Weight,
    /// When it is due; never if it was cancelled.
    due: Time,
    /// When an event will come that looks after it; never if none will.
    event: Time,
}

impl Armed {
    const fn unset(timer: Timer) -> Self {
        Self { timer, weight: Weight::Background, due: Time::NEVER, event: Time::NEVER }
    }

    /// What it could have changed, if it was set.
    fn unsets(&mut self) -> Option<Weight> {
        let due = std::mem::replace(&mut self.due, Time::NEVER);
        (due != Time::NEVER).then_some(self.weight)
    }
}

/// What an event for a timer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The timer is due.
    Due(Weight),
    /// Another event is needed at this time.
    Later(Time),
    /// Nothing.
    Nothing,
}

impl Timers {
    fn all(&mut self) -> impl Iterator<Item = &mut Armed> {
        self.first.iter_mut().chain(self.others.iter_mut().flat_map(|others| others.iter_mut()))
    }

    /// Sets a timer. Returns what it replaces, and whether an event is needed at the time. A timer that is never due is
    /// not set.
    pub fn set(&mut self, timer: Timer, at: Time, weight: Weight) -> (Option<Weight>, bool) {
        if !self.all().any(|it| it.timer == timer) {
            let armed = Armed::unset(timer);
            if self.first.is_none() {
                self.first = Some(armed);
            } else {
                self.others.get_or_insert_default().push(armed);
            }
        }
        let Some(armed) = self.all().find(|it| it.timer == timer) else { return (None, false) };
        let before = armed.unsets();
        armed.due = at;
        armed.weight = weight;
        let needed = at < armed.event;
        if needed {
            armed.event = at;
        }
        (before, needed)
    }

    /// Forgets a timer; returns what it could have changed.
    pub fn cancel(&mut self, timer: Timer) -> Option<Weight> {
        self.all().find(|it| it.timer == timer)?.unsets()
    }

    /// An event for a timer has come.
    pub fn alarm(&mut self, timer: Timer, now: Time) -> Alarm {
        let Some(armed) = self.all().find(|it| it.timer == timer) else { return Alarm::Nothing };
        // One that an earlier event has made superfluous.
        if armed.event != now {
            return Alarm::Nothing;
        }
        armed.event = Time::NEVER;
        if armed.due <= now {
            armed.due = Time::NEVER;
            Alarm::Due(armed.weight)
        } else if armed.due == Time::NEVER {
            Alarm::Nothing
        } else {
            armed.event = armed.due;
            Alarm::Later(armed.due)
        }
    }

    /// Forgets all; returns how many could have moved the node on. Events that were to come find nothing.
    pub fn clear(&mut self) -> i64 {
        let mut progress = 0;
        for armed in self.all() {
            progress += i64::from(armed.unsets() == Some(Weight::Progress));
        }
        *self = Self::default();
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn a_timer_that_is_put_off_again_and_again_needs_one_event() {
        let mut timers = Timers::default();
        assert_eq!(timers.set(Timer::Stage, at(100), Weight::Progress), (None, true));
        for round in 1..50 {
            assert_eq!(timers.cancel(Timer::Stage), Some(Weight::Progress));
            assert_eq!(timers.set(Timer::Stage, at(100 + round), Weight::Progress), (None, false));
        }
        assert_eq!(timers.alarm(Timer::Stage, at(100)), Alarm::Later(at(149)));
        assert_eq!(timers.alarm(Timer::Stage, at(149)), Alarm::Due(Weight::Progress));
    }

    proptest! {
        /// However timers are set and cancelled, each fires when it is due and at no other time.
        #[test]
        fn timers_fire_when_they_are_due(
            steps in proptest::collection::vec((0_u8..3, 0_usize..2, 1_u64..40), 1..80),
        ) {
            const KINDS: [Timer; 2] = [Timer::Stage, Timer::Poll];
            let mut timers = Timers::default();
            let mut due = [None; 2];
            let mut events = std::collections::BTreeSet::new();
            let mut now = 0;
            for (step, kind, span) in steps {
                match step {
                    0 => {
                        let (_, needed) = timers.set(KINDS[kind], at(now + span), Weight::Background);
                        due[kind] = Some(now + span);
                        if needed {
                            events.insert((now + span, kind));
                        }
                    }
                    1 => {
                        timers.cancel(KINDS[kind]);
                        due[kind] = None;
                    }
                    _ => {
                        let until = now + span;
                        while let Some((time, kind)) = events.first().copied().filter(|(time, _)| *time <= until) {
                            events.pop_first();
                            match timers.alarm(KINDS[kind], at(time)) {
                                Alarm::Due(_) => prop_assert_eq!(due[kind].take(), Some(time)),
                                Alarm::Later(later) => {
                                    prop_assert!(later.as_nanos() > time);
                                    events.insert((later.as_nanos(), kind));
                                }
                                Alarm::Nothing => {}
                            }
                        }
                        now = until;
                        prop_assert!(due.iter().flatten().all(|due| *due > now), "one did not fire: {:?}", due);
                    }
                }
            }
        }
    }
}
