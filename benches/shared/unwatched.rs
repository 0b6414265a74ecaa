//! A run that nobody watches, for the benchmarks that take whole runs.

use p2pfl_sim::engine::{Snapshot, Watch};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Looks away, and never ends the run.
pub struct Unwatched;

impl Watch for Unwatched {
    fn update(&mut self, _: &Snapshot) {}

    fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}
