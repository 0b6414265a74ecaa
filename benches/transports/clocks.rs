//! What something took of the CPU and of the clock on the wall.

use crate::cpu::cpu_ns;
use anyhow::Result;
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
