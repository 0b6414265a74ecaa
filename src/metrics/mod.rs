//! What is measured while a run goes on: message accounting, latencies, throughput, rounds.
//!
//! Recorders belong to workers or shards and are merged at the end. What becomes of the numbers, and how they are
//! shown, is `report`'s.

mod cost;
mod counts;
mod finite;
mod histogram;
mod intervals;
mod probe;
mod ranges;
mod recorder;
pub mod result;
mod rounds;
mod statistics;
mod throughput;
pub mod trace;
mod tracer;

pub use cost::{Cost, Laps, Meter, resident_bytes};
pub use counts::Counts;
pub use histogram::{Histogram, MAX_NANOS, Summary};
pub use intervals::{Intervals, Over};
pub use probe::ProbeCell;
pub use ranges::ranges;
pub use recorder::{Recorder, Recording};
pub use rounds::{Round, RoundLog, Spread, TrainSet, seconds_after};
pub use statistics::{Interval, Sample};
pub use throughput::{Point, Series, Throughput};
pub use trace::Trace;
pub use tracer::{Followed, Happened, Tracer};

pub use crate::network::Cause;

/// Which part of a run a message belongs to: the one it was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Connecting and first heartbeats, until the initiator starts learning.
    Setup,
    /// From then on.
    Learning,
}

impl Phase {
    /// How many there are.
    pub const COUNT: usize = 2;
}
