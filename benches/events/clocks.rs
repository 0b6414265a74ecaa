//! CPU time and wall time together.

use crate::cpu::cpu_ns;
use anyhow::Result;
use std::time::Instant;

/// Clocks that run.
pub struct Clocks {
    /// Nanoseconds.
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
        Ok(Self { cpu: cpu_ns()?, wall: Instant::now() })
    }

    pub fn stop(self) -> Result<Spent> {
        Ok(Spent { cpu: (cpu_ns()? - self.cpu) * 1e-9, wall: self.wall.elapsed().as_secs_f64() })
    }
}

/// The least and the greatest, for people.
pub fn spread(values: impl Iterator<Item = f64>) -> String {
    let (least, greatest) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), it| (it.min(a), it.max(b)));
    format!("{least:.2} to {greatest:.2}")
}
