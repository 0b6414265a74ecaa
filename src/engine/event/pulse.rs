//! The real clock, as far as a run on the virtual clock has to do with it: it shows how far it is, ends when the user
//! wants it to, and keeps its limits. Nothing of this touches what happens in the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// Beats several times a second.
#[derive(Debug)]
pub struct Pulse {
    began: Stopwatch,
    next: Duration,
    interrupted: Arc<AtomicBool>,
}

impl Pulse {
    /// Begins now.
    pub fn new(interrupted: Arc<AtomicBool>) -> Self {
        Self { began: Stopwatch::start(), next: INTERVAL, interrupted }
    }

    /// Whether it is time to look around.
    pub fn beats(&mut self) -> bool {
        let elapsed = self.began.elapsed();
        let beats = elapsed >= self.next || self.interrupted.load(Ordering::Relaxed);
        if beats {
            self.next = elapsed + INTERVAL;
        }
        beats
    }
}
