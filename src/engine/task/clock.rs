//! Scenario time on the real clock: wall time since the run began, times the speedup.

use crate::time::Time;
use std::time::{Duration, Instant};

/// The clock of a run.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    speedup: f64,
}

impl Clock {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the real clock")]
    pub fn start(speedup: f64) -> Self {
        Self { origin: Instant::now(), speedup }
    }

    /// Nanoseconds of wall time since the run began.
    pub fn wall(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The scenario time at a wall time.
    pub fn scenario(&self, wall: u64) -> Time {
        if self.speedup == 1.0 {
            return Time::from_nanos(wall);
        }
        Time::from_nanos((wall as f64 * self.speedup) as u64)
    }

    /// The wall time at a scenario time.
    pub fn wall_at(&self, at: Time) -> u64 {
        (at.as_nanos() as f64 / self.speedup) as u64
    }

    /// How much wall time a span of scenario time takes, in nanoseconds.
    pub fn wall_span(&self, span: Duration) -> u64 {
        if self.speedup == 1.0 {
            return crate::time::nanos(span);
        }
        (span.as_nanos() as f64 / self.speedup) as u64
    }

    /// The instant of a wall time, for the runtime's timers.
    pub fn instant(&self, wall: u64) -> tokio::time::Instant {
        // Farther than a year is never.
        (self.origin + Duration::from_nanos(wall.min(31_536_000_000_000_000))).into()
    }
}
