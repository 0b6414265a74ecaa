//! The task engine: the real clock, and a tokio task for every node.
//!
//! A node's task (`driver`) feeds its node from inbox, timers and finished jobs. The supervisor watches all of them:
//! it starts learning, plays the script, and sees when a run is over. Workers keep the recorders.

mod clock;
mod driver;
mod ending;
mod envelope;
mod playing;
mod sending;
mod shared;
mod sockets;
mod supervisor;
mod timers;
mod worker;

use super::{Failure, Plan, Run, Watch};
use crate::transport::Memory;
use driver::Driver;
use shared::Shared;
use sockets::Sockets;
use std::sync::Arc;
use std::time::Duration;
use supervisor::Supervisor;
use worker::Workers;

/// Runs a plan to its end.
///
/// # Errors
/// If the operating system gives no threads, or no sockets.
pub fn run(plan: Plan, watch: &mut dyn Watch) -> Result<Run, Failure> {
    let (sockets, berths) = match Sockets::open(&plan)? {
        Some((sockets, berths)) => (Some(sockets), berths),
        None => (None, Vec::new()),
    };
    if let Some(sockets) = &sockets {
        watch.listening(&sockets.addresses());
    }
    let plan = Arc::new(plan);
    let workers = Arc::new(Workers::new(plan.recording, Arc::clone(&plan.followed), watch.wants_details()));
    // A worker's thread-local state is made when it first runs a node, whatever the flavour of the runtime.
    let runtime = if plan.threads <= 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?
    } else {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(plan.threads)
            .thread_name("node")
            .enable_all()
            .build()?
    };
    let nodes = plan.nodes();
    let (memory, inboxes) = Memory::new(nodes, plan.inbox_limit);
    let (shared, events) =
        Shared::new(Arc::clone(&plan), memory, sockets, Arc::clone(&workers), watch.wants_details());
    if let Some(sockets) = &shared.sockets {
        sockets.begin(shared.clock.wall());
    }
    let shared = Arc::new(shared);
    let run = runtime.block_on(async {
        let mut berths = berths.into_iter();
        for (id, inbox) in (0..nodes).zip(inboxes) {
            tokio::spawn(Driver::new(id, Arc::clone(&shared), berths.next()).run(inbox));
        }
        Supervisor::new(Arc::clone(&shared), events).run(watch).await
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
    Ok(run)
}
