//! CPU time, and what is made of several measurements, for the benchmarks that have a harness of their own.

use anyhow::{Context as _, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// CPU time of the process, in nanoseconds.
pub fn cpu_ns() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("getrusage")?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 * 1e3)
}

/// The one in the middle; of an even number, the greater of the two.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
