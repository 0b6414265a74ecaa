//! Why a message did not arrive.

use serde::{Deserialize, Serialize};

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
