//! What all shards see and none changes, and what each counts for the conductor.

use super::core::Sharding;
use super::pulse::Halt;
use crate::engine::Plan;
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
    pub halt: Halt,
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
    /// Nodes that are up and have not yet heard of everyone they can hear of.
    pub unready: u64,
    /// When the last of the others did.
    pub ready_at: Time,
    /// Nodes that take part and have not finished.
    pub awaited: u64,
    /// Nodes that came up later and have not started learning.
    pub newcomers: u64,
    /// Nodes that are up and have started learning, but have not finished.
    pub learning: u64,
    /// Nodes that have finished, or were stopped.
    pub done: u64,
    /// Of these, those that were stopped.
    pub stopped: u64,
    /// One past the furthest round that any node has entered.
    pub furthest: u32,
    /// Things under way that could move a node on: those that began here less those that ended here.
    pub pending: i64,
    /// When the last node finished or went.
    pub ended_at: Time,
    /// Until when what happened may still come to light by missing heartbeats.
    pub unsettled: Time,
    /// Inputs that nodes handled.
    pub inputs: u64,
    /// Messages that nodes handled.
    pub messages: u64,
    /// The real clock wants the conductor to look around. The first shard alone says so.
    pub tick: bool,
}

impl Word {
    /// All shards together.
    pub fn all(words: &[Self]) -> Self {
        words.iter().fold(Self::default(), |sum, it| Self {
            unready: sum.unready + it.unready,
            ready_at: sum.ready_at.max(it.ready_at),
            awaited: sum.awaited + it.awaited,
            newcomers: sum.newcomers + it.newcomers,
            learning: sum.learning + it.learning,
            done: sum.done + it.done,
            stopped: sum.stopped + it.stopped,
            furthest: sum.furthest.max(it.furthest),
            pending: sum.pending + it.pending,
            ended_at: sum.ended_at.max(it.ended_at),
            unsettled: sum.unsettled.max(it.unsettled),
            inputs: sum.inputs + it.inputs,
            messages: sum.messages + it.messages,
            tick: sum.tick || it.tick,
        })
    }
}
