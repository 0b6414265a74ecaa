//! What something took of the CPU and of the clock on the wall.

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::time::Instant;

/// Nanoseconds.
pub struct Spent {
    pub cpu: f64,
    pub wall: f64,
}

/// What `work` takes of both.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub async fn measure(work: impl Future<Output = Result<()>>) -> Result<Spent> {
    let (cpu, began) = (cpu_ns()?, Instant::now());
    work.await?;
    Ok(Spent { wall: began.elapsed().as_nanos() as f64, cpu: cpu_ns()? - cpu })
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn cpu_ns() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 * 1e3)
}
