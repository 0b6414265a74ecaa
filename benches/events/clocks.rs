//! CPU time, wall time, and what is made of several of them.

use anyhow::{Context as _, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::time::Instant;

/// Clocks that run.
pub struct Clocks {
    cpu: f64,
    wall: Instant,
}

/// What something took, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub cpu: f64,
    pub wall: f64,
}

impl Clocks {
    #[expect(clippy::disallowed_methods, reason = "how long it takes is what is measured")]
    pub fn start() -> Result<Self> {
        Ok(Self { cpu: cpu()?, wall: Instant::now() })
    }

    pub fn stop(self) -> Result<Spent> {
        Ok(Spent { cpu: cpu()? - self.cpu, wall: self.wall.elapsed().as_secs_f64() })
    }
}

/// CPU time of the process, in seconds.
fn cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("getrusage")?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 * 1e-6)
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The least and the greatest, for people.
pub fn spread(values: impl Iterator<Item = f64>) -> String {
    let (least, greatest) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), it| (it.min(a), it.max(b)));
    format!("{least:.2} to {greatest:.2}")
}
