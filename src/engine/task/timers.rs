//! What a node's task wakes up for: the node's timers, and items that are not to be taken yet.

use super::envelope::Item;
use crate::node::io::{Timer, Weight};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const TIMERS: usize = 7;
const ALL: [Timer; TIMERS] =
    [Timer::Beat, Timer::Forward, Timer::Dial, Timer::Poll, Timer::Models, Timer::Stage, Timer::Pull];

/// What a task wakes up for. Times are nanoseconds of wall time since the run began.
#[derive(Debug, Default)]
pub struct Timers {
    armed: [Option<(u64, Weight)>; TIMERS],
    later: BinaryHeap<Later>,
    /// Keeps items that are due at once in the order in which they came.
    count: u64,
}

#[derive(Debug)]
struct Later {
    key: Reverse<(u64, u64)>,
    item: Item,
}

/// What is due.
#[derive(Debug)]
pub enum Due {
    /// A timer, and when it was due.
    Timer(Timer, Weight, u64),
    /// An item, and when it was due.
    Item(Item, u64),
}

impl Timers {
    /// Sets a timer; returns what it replaces.
    pub fn set(&mut self, timer: Timer, at: u64, weight: Weight) -> Option<Weight> {
        self.armed[timer as usize].replace((at, weight)).map(|(_, weight)| weight)
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: Timer) -> Option<Weight> {
        self.armed[timer as usize].take().map(|(_, weight)| weight)
    }

    /// Forgets all timers; returns how many of them could have moved the node on.
    pub fn cancel_all(&mut self) -> i64 {
        let progress = self.armed.iter().flatten().filter(|(_, weight)| *weight == Weight::Progress).count();
        self.armed = Default::default();
        progress as i64
    }

    /// Keeps an item for later.
    pub fn keep(&mut self, item: Item, at: u64) {
        self.count += 1;
        self.later.push(Later { key: Reverse((at, self.count)), item });
    }

    /// Takes out all items that were kept, in the order in which they are due.
    pub fn drain_later(&mut self) -> impl Iterator<Item = Item> + use<> {
        // The greatest of a heap's elements is what is due first.
        let sorted = std::mem::take(&mut self.later).into_sorted_vec();
        sorted.into_iter().rev().map(|it| it.item)
    }

    /// When there is next something to do.
    pub fn next(&self) -> Option<u64> {
        let timer = self.armed.iter().flatten().map(|(at, _)| *at).min();
        let later = self.later.peek().map(|it| it.key.0.0);
        match (timer, later) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Takes the first of what is due by `now`.
    pub fn due(&mut self, now: u64) -> Option<Due> {
        let timer = (0..TIMERS)
            .filter_map(|i| self.armed[i].map(|(at, weight)| (at, i, weight)))
            .min_by_key(|(at, ..)| *at)
            .filter(|(at, ..)| *at <= now);
        let later = self.later.peek().map(|it| it.key.0.0).filter(|at| *at <= now);
        match (timer, later) {
            (Some((at, i, weight)), later) if later.is_none_or(|other| at <= other) => {
                self.armed[i] = None;
                Some(Due::Timer(ALL[i], weight, at))
            }
            (_, Some(at)) => self.later.pop().map(|it| Due::Item(it.item, at)),
            _ => None,
        }
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
