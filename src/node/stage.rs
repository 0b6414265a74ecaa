//! The stages of a round, as they are named in results.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where in a round a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Stage {
    /// Waits for the first model and passes it on.
    Start,
    /// Votes, and waits for the votes of others.
    Vote,
    /// Trains on its own rows.
    Train,
    /// In the train set: swaps models until all contributions are in.
    Aggregate,
    /// Waits for models of others: outside the train set for the aggregate, in `dpsgd` for the neighbours.
    Wait,
    /// Passes the aggregate on to neighbours that lack it.
    Diffuse,
}

impl Stage {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Start, Self::Vote, Self::Train, Self::Aggregate, Self::Wait, Self::Diffuse];

    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Vote => "vote",
            Self::Train => "train",
            Self::Aggregate => "aggregate",
            Self::Wait => "wait",
            Self::Diffuse => "diffuse",
        }
    }
}
