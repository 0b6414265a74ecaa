//! The real clock, as far as a run on the virtual clock has to do with it: it shows how far it is, ends when the user
//! wants it to, and keeps its limits. Nothing of this touches what happens in the run.

use crate::engine::course::verdict::Halt;
use crate::metrics::result::Outcome;
use std::sync::OnceLock;
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

/// What ends a run in the middle of a window: whoever finds that it is time says so to all shards.
#[derive(Debug)]
pub struct Halting {
    pub began: Stopwatch,
    halt: Halt,
    reached: OnceLock<(Outcome, String)>,
}

impl Halting {
    /// Wall time counts from now.
    pub fn new(halt: Halt) -> Self {
        Self { began: Stopwatch::start(), halt, reached: OnceLock::new() }
    }

    /// Why the run has to end now, if anybody who looked has found that it has.
    pub fn reached(&self) -> Option<&(Outcome, String)> {
        self.reached.get()
    }
}

/// Beats several times a second, and looks then whether the run has to end.
#[derive(Debug, Default)]
pub struct Pulse {
    next: Duration,
}

impl Pulse {
    /// Whether it is time to look around.
    pub fn beats(&mut self, halting: &Halting) -> bool {
        let elapsed = halting.began.elapsed();
        let beats = elapsed >= self.next || halting.halt.is_interrupted();
        if beats {
            self.next = elapsed + INTERVAL;
            if let Some(why) = halting.halt.due(elapsed) {
                // Of several shards that find out, the first is right.
                let _ = halting.reached.set(why);
            }
        }
        beats
    }
}
