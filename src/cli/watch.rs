//! What a run is watched for: how far it is, and Ctrl-C.

use crate::engine::{self, Watch};
use crate::report::{Progress, Snapshot};
use crate::transport::grpc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shows the progress of a run, and hands on Ctrl-C.
pub struct Watcher {
    pub progress: Progress,
    pub interrupted: Arc<AtomicBool>,
}

impl Watch for Watcher {
    fn update(&mut self, now: &engine::Snapshot) {
        self.progress.update(&shown(now));
    }

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }
}

/// What is shown of how a run stands.
pub fn shown(now: &engine::Snapshot) -> Snapshot {
    Snapshot {
        scenario_time_s: now.scenario_s.unwrap_or_default(),
        phase: if now.scenario_s.is_some() { "learning" } else { "set-up" }.into(),
        round_min: now.rounds_done,
        round_max: now.furthest_round.map_or(0, |round| round + 1).max(now.rounds_done),
        nodes_finished: now.nodes_finished,
        messages_total: now.messages,
        wall_s: now.wall_s,
    }
}

/// The first Ctrl-C is noted, the second ends the program.
pub fn on_ctrl_c() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    // Without a handler Ctrl-C ends the program at once, which is what a second one would do.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            // Nobody else gets to clear them away.
            grpc::remove_all();
            std::process::exit(130);
        }
        eprintln!("\np2pfl-sim: ending the run; again to end at once");
    });
    interrupted
}
