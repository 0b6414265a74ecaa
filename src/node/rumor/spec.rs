//! What a scenario says about the workflow `rumor`.

use crate::format::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a rumor spreads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rumor {
    /// Who calls whom. Default: `push_pull`.
    pub mode: Mode,
    /// Rounds after which nodes that have not learnt it give up. Default 100.
    pub rounds: u32,
    /// Time between two rounds, the same for all nodes; longer than a message takes, and where nodes ask, than a message and its answer. Default 1 s.
    pub period: Span,
    /// The node that knows the rumor at the beginning. Default 0.
    pub source: u32,
}

/// Who calls whom. In each round a node calls at most one neighbour, drawn evenly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Who knows the rumor tells it.
    Push,
    /// Who does not know it asks, and is told by one that knew it before the round.
    Pull,
    /// Both: every node calls.
    #[default]
    PushPull,
}

impl Mode {
    /// How many messages one after another a call takes at most: with an answer, two.
    pub const fn trips(self) -> u32 {
        match self {
            Self::Push => 1,
            Self::Pull | Self::PushPull => 2,
        }
    }
}

impl Default for Rumor {
    fn default() -> Self {
        Self { mode: Mode::PushPull, rounds: 100, period: Span::secs(1), source: 0 }
    }
}
