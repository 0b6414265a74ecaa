//! Nodes that come and go: who goes down or comes back next, and when.
//!
//! [`Churn`] only says so, one change after another; an engine makes it happen. Changes are worked out as they are
//! asked for, so that a day of churn takes no more memory than a minute.

mod trace;

pub use trace::{Trace, TraceError};

use crate::format::distribution::Distribution;
use crate::random::{Purpose, Stream};
use crate::time::Time;
use crate::wire::PeerId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

/// No session and no absence is shorter than this, whatever is drawn: time has to go on.
const SHORTEST: Duration = Duration::from_millis(1);

/// Who comes and goes, and how, as a script entry says.
#[derive(Clone, Debug, PartialEq)]
pub struct ChurnModel {
    /// The number of the script entry: two entries for the same node draw different lives.
    pub entry: u32,
    /// The nodes, ascending.
    pub nodes: Arc<[PeerId]>,
    /// How long they stay and how long they are away.
    pub lives: Lives,
    /// No session ends after this, counted from the start of learning. Who is away then still comes back.
    pub until: Option<Time>,
}

/// How long nodes stay and how long they are away.
#[derive(Clone, Debug, PartialEq)]
pub enum Lives {
    /// Drawn anew each time. The first session begins with the churn.
    Drawn { session: Distribution, absence: Distribution },
    /// As devices did: the first node as the first device, and so on, over again where there are fewer devices.
    Traced(Trace),
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It crashes.
    Down,
    /// It comes back.
    Up,
}

/// One churn under way: an iterator over what happens, in the order of time and, at one time, of nodes.
///
/// Times count from the start of learning. What happens to a node depends on the seed, the entry and the node alone.
#[derive(Clone, Debug)]
pub struct Churn {
    seed: u64,
    model: ChurnModel,
    start: Time,
    /// The next change of each node that still changes.
    next: BinaryHeap<Reverse<Next>>,
}

/// The next change of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    at: Time,
    /// The place of the node among those that churn.
    place: u32,
    /// How many changes it has seen; it goes down at even counts.
    count: u32,
}

impl Churn {
    /// A churn that begins at `start`, counted from the start of learning.
    pub fn new(seed: u64, model: ChurnModel, start: Time) -> Self {
        let mut churn = Self { seed, model, start, next: BinaryHeap::new() };
        let places = 0..churn.model.nodes.len() as u32;
        churn.next = places.filter_map(|place| churn.change(start, place, 0)).map(Reverse).collect();
        churn
    }

    /// When the next change is; nothing if there is none any more.
    pub fn peek(&self) -> Option<Time> {
        self.next.peek().map(|Reverse(next)| next.at)
    }

    /// The nodes that have a change to come.
    pub fn nodes(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.next.iter().map(|Reverse(next)| self.model.nodes[next.place as usize])
    }

    /// The change of a node that follows on `count` others, of which the last was at `before`.
    fn change(&self, before: Time, place: u32, count: u32) -> Option<Next> {
        let at = match &self.model.lives {
            Lives::Drawn { session, absence } => {
                let node = self.model.nodes[place as usize];
                let counter = u64::from(self.model.entry) << 32 | u64::from(count);
                let mut random = Stream::new(self.seed, u64::from(node), Purpose::Churn, counter);
                let span = if count.is_multiple_of(2) { session } else { absence };
                before + span.draw(&mut random).max(SHORTEST)
            }
            Lives::Traced(trace) => self.start + trace.change(place, count)?,
        };
        let over = count.is_multiple_of(2) && self.model.until.is_some_and(|until| at > until);
        (!over && at != Time::NEVER).then_some(Next { at, place, count })
    }
}

impl Iterator for Churn {
    type Item = (Time, PeerId, Change);

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Next { at, place, count }) = self.next.pop()?;
        if let Some(next) = count.checked_add(1).and_then(|count| self.change(at, place, count)) {
            self.next.push(Reverse(next));
        }
        let change = if count.is_multiple_of(2) { Change::Down } else { Change::Up };
        Some((at, self.model.nodes[place as usize], change))
    }
}

/// All churns under way: what happens next, whoever's it is.
#[derive(Clone, Debug, Default)]
pub struct Churns(Vec<Churn>);

impl Churns {
    /// One more begins.
    pub fn begin(&mut self, churn: Churn) {
        self.0.push(churn);
    }

    /// When the next change is; nothing if there is none any more.
    pub fn peek(&self) -> Option<Time> {
        self.0.iter().filter_map(Churn::peek).min()
    }

    /// The nodes that have a change to come, in no order.
    pub fn nodes(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.0.iter().flat_map(Churn::nodes)
    }

    /// The next change, if its time has come by `now`; at one time, that of the churn that began first.
    pub fn due(&mut self, now: Time) -> Option<(Time, PeerId, Change)> {
        let first = self
            .0
            .iter_mut()
            .filter(|it| it.peek().is_some_and(|at| at <= now))
            .min_by_key(|it| it.peek())?;
        first.next()
    }
}

#[cfg(test)]
mod tests;
