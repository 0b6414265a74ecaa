//! What is measured while a run goes on: message accounting, latencies, throughput, rounds.
//!
//! Recorders belong to workers or shards and are merged at the end. What becomes of the numbers, and how they are
//! shown, is `report`'s.

mod cost;
mod counts;
mod finite;
mod histogram;
mod intervals;
mod machine;
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
pub use machine::Machine;
pub use probe::{MAX_CELLS, ProbeCell};
pub use ranges::ranges;
pub use recorder::{Recorder, Recording};
pub use rounds::{Round, RoundLog, Spread, TrainSet, seconds_after};
pub use statistics::{Interval, Sample};
pub use throughput::{Point, Series, Throughput};
pub use trace::Trace;
pub use tracer::{Followed, Happened, Tracer};

use serde::{Deserialize, Serialize};

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

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Cause {
    /// A lossy link.
    Loss,
    /// A partition between sender and receiver.
    Partition,
    /// The receiver was not there: crashed, gone, or not yet come.
    Crash,
    /// The deadline of the call passed.
    Timeout,
    /// The receiver's inbox was full.
    Overflow,
}

impl Cause {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Loss, Self::Partition, Self::Crash, Self::Timeout, Self::Overflow];
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Partition => "partition",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Overflow => "overflow",
        }
    }
}
