//! What something took of the CPU and of the clock on the wall.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::time::{Duration, Instant};

/// A reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    wall: Instant,
    cpu_s: f64,
}

/// What was spent since a reading, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spent {
    pub wall_s: f64,
    /// Of the whole process.
    pub cpu_s: f64,
}

impl Clocks {
    #[expect(clippy::disallowed_methods, reason = "what a message costs is a matter of the real clock")]
    pub fn read() -> Self {
        Self { wall: Instant::now(), cpu_s: cpu_s(UsageWho::RUSAGE_SELF) }
    }

    pub fn spent(self) -> Spent {
        Spent { wall_s: self.wall.elapsed().as_secs_f64(), cpu_s: cpu_s(UsageWho::RUSAGE_SELF) - self.cpu_s }
    }

    pub fn elapsed(self) -> Duration {
        self.wall.elapsed()
    }
}

/// Nanoseconds on the wall since an unknown time.
#[derive(Clone, Copy, Debug)]
pub struct Stamp(Instant);

impl Stamp {
    #[expect(clippy::disallowed_methods, reason = "how long an answer takes is a matter of the real clock")]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    pub fn nanos(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// CPU seconds of this thread, where the system tells.
pub fn of_this_thread() -> Option<f64> {
    #[cfg(target_os = "linux")]
    return Some(cpu_s(UsageWho::RUSAGE_THREAD)).filter(|it| it.is_finite());
    #[cfg(not(target_os = "linux"))]
    None
}

fn cpu_s(who: UsageWho) -> f64 {
    getrusage(who).map_or(f64::NAN, |usage| {
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        micros as f64 / 1e6
    })
}
