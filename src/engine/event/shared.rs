//! What all shards see and none changes, and what each counts for the conductor.

use super::core::Sharding;
use super::pulse::Halting;
use crate::engine::Plan;
use crate::engine::course::roster::Counts;
use crate::metrics::Phase;
use crate::network::{Links, Timeline};
use crate::node::io::Control;
use crate::time::Time;
use std::sync::Arc;

/// What does not change during a run.
pub struct Shared {
    pub plan: Plan,
    pub links: Links,
    pub sharding: Sharding,
    /// What ends the run in the middle of a window, too.
    pub halting: Halting,
}

/// What the conductor decides, and every shard knows while it runs a window.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// When learning starts, or started.
    pub zero: Option<Time>,
    /// What those are told then who start it.
    pub begin: Option<Control>,
    /// Partitions, losses and slow nodes over time.
    pub faults: Arc<Timeline>,
}

impl View {
    /// The phase that a message sent at a time belongs to.
    pub fn phase(&self, now: Time) -> Phase {
        if self.zero.is_some_and(|zero| now >= zero) { Phase::Learning } else { Phase::Setup }
    }
}

/// How a shard stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Word {
    /// Its nodes.
    pub counts: Counts,
    /// Things under way that could move a node on: those that began here less those that ended here.
    pub pending: i64,
    /// Inputs that nodes handled.
    pub inputs: u64,
    /// Messages that nodes handled.
    pub messages: u64,
    /// The real clock wants the conductor to look around.
    pub tick: bool,
}

impl Word {
    /// All shards together.
    pub fn all(words: &[Self]) -> Self {
        words.iter().fold(Self::default(), |sum, it| Self {
            counts: sum.counts.and(&it.counts),
            pending: sum.pending + it.pending,
            inputs: sum.inputs + it.inputs,
            messages: sum.messages + it.messages,
            tick: sum.tick || it.tick,
        })
    }
}
