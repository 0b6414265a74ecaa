//! The real clock, as far as a run on the virtual clock has to do with it: it shows how far it is, ends when the user
//! wants it to, and keeps its limits. Nothing of this touches what happens in the run.

use crate::engine::Plan;
use crate::engine::course::ending::Verdict;
use crate::metrics::resident_bytes;
use crate::metrics::result::Outcome;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How often the conductor looks around.
const INTERVAL: Duration = Duration::from_millis(100);

/// Wall time since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "nothing that happens in a run depends on it")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// What ends a run however far it is: the user, and the limits of wall time and memory.
#[derive(Debug)]
pub struct Halt {
    pub began: Stopwatch,
    interrupted: Arc<AtomicBool>,
    wall_limit: Duration,
    memory_limit: u64,
    reached: OnceLock<Verdict>,
}

impl Halt {
    /// The limits of a plan; wall time counts from now.
    pub fn of(plan: &Plan, interrupted: Arc<AtomicBool>) -> Self {
        Self {
            began: Stopwatch::start(),
            interrupted,
            wall_limit: plan.wall_limit,
            memory_limit: plan.memory_limit,
            reached: OnceLock::new(),
        }
    }

    /// Why the run has to end now, if anybody who looked has found that it has.
    pub fn reached(&self) -> Option<&Verdict> {
        self.reached.get()
    }

    /// Looks whether the run has to end now.
    fn look(&self) {
        let verdict = if self.interrupted.load(Ordering::Relaxed) {
            Some((Outcome::Interrupted, "interrupted by the user".to_owned()))
        } else if self.began.elapsed() >= self.wall_limit {
            Some((Outcome::Failed, format!("the limit of wall time, {:?}, was reached", self.wall_limit)))
        } else if let Some(used) = resident_bytes().filter(|used| *used > self.memory_limit) {
            let (used, limit) = (used >> 20, self.memory_limit >> 20);
            let reason = format!("the limit of memory, {limit} MiB, was reached: {used} MiB are in use");
            Some((Outcome::Failed, reason))
        } else {
            None
        };
        if let Some((outcome, reason)) = verdict {
            // Of several shards that find out, the first is right.
            let _ = self.reached.set(Verdict { outcome, reason: Some(reason) });
        }
    }
}

/// Beats several times a second, and looks then whether the run has to end.
#[derive(Debug, Default)]
pub struct Pulse {
    next: Duration,
}

impl Pulse {
    /// Whether it is time to look around.
    pub fn beats(&mut self, halt: &Halt) -> bool {
        let elapsed = halt.began.elapsed();
        let beats = elapsed >= self.next || halt.interrupted.load(Ordering::Relaxed);
        if beats {
            self.next = elapsed + INTERVAL;
            halt.look();
        }
        beats
    }
}
