//! The event engine: a virtual clock, and a calendar of events.
//!
//! Time jumps from one event to the next, so a run takes as long as it takes to compute, and nothing of it depends on
//! the machine. Nodes are shared out to shards, a thread each, which run window after window (`core`, `crew`); how wide a
//! window may be is the network's to say. What happens to a node is in `peers`, what comes of its outputs in `sending`;
//! the conductor looks after all of them between windows.
//!
//! The same scenario and seed give the same result at any number of threads: what orders events is their time,
//! destination, source and the source's count, and never a shard, a heap or an address.

mod agenda;
mod barrier;
mod body;
pub mod calendar;
mod conductor;
pub mod core;
pub mod crew;
mod crossing;
mod desk;
mod fingerprint;
mod host;
mod jobs;
mod log;
mod peers;
mod pulse;
mod sending;
mod shard;
mod shared;
mod throughput;
mod timers;

use super::course::script::Script;
use super::course::verdict::Halt;
use super::evaluate::Evaluator;
use super::{Plan, Run, Watch};
use conductor::Conductor;
use log::Log;
use pulse::Halting;
use rayon::prelude::*;
use shard::Shard;
use shared::Shared;
use std::sync::Arc;

/// Runs a plan to its end.
///
/// # Errors
/// If the operating system gives no threads, or the event log cannot be created.
pub fn run(mut plan: Plan, watch: &mut dyn Watch) -> std::io::Result<Run> {
    let log = plan.event_log.take().map(|path| Log::create(&path)).transpose()?;
    // Who shares state runs in the order of time; so does who is logged.
    let threads = if plan.rules.shared_ttl() || log.is_some() { 1 } else { plan.threads.max(1) as u32 };
    let nodes = plan.nodes();
    let sharding = core::Sharding { processes: nodes, shards: threads.min(nodes.max(1)) };
    let links = plan.links.take().expect("a plan for the virtual clock has links");
    let evaluator = Evaluator::new(
        Arc::clone(&plan.learner),
        plan.rules.seed,
        nodes,
        plan.rules.workflow.rounds(),
        plan.evaluate_every,
    );
    let halting = Halting::new(Halt::of(&plan, watch.interrupted()));
    let shared = Shared { plan, links, sharding, halting };
    let wanted = evaluator.sample();
    let mut logs = log.into_iter();
    let mut shards: Vec<Shard> =
        (0..sharding.shards).map(|number| Shard::new(&shared, number, wanted.clone(), logs.next())).collect();
    if watch.wants_details() {
        shards.iter_mut().for_each(|shard| shard.peers.recorder.watch());
    }
    let script = Script::new(&shared.plan);
    shards.par_iter_mut().for_each(|shard| shard.bring_up(&script));
    let mut conductor = Conductor::new(&shared, script, watch, evaluator);
    let shards = crew::run(shards, &mut conductor)?;
    Ok(conductor.finish(shards))
}
