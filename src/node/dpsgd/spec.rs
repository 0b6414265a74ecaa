//! What a scenario says about the workflow `dpsgd`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rounds of decentralised stochastic gradient descent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dpsgd {
    /// Rounds of learning. Default 10.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// Whether a node waits for its neighbours in every round. Default: `synchronous`.
    #[serde(skip_serializing_if = "Pace::is_default")]
    pub mode: Pace,
    /// The weights of neighbours, where all of them are mixed. Default: `metropolis_hastings`.
    pub mixing: Mixing,
    /// Whether nodes send heartbeats, and drop neighbours that fall silent. Default false.
    pub heartbeats: bool,
}

/// Whether a node waits for its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// In every round a node waits for the models of all its neighbours and mixes them (D-PSGD).
    #[default]
    Synchronous,
    /// A node that has trained averages with one neighbour drawn evenly, whatever the others do (AD-PSGD, Lian et al. 2018). A round is the node's own.
    Asynchronous,
}

impl Pace {
    /// Whether a scenario need not say so.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How much a neighbour's model weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mixing {
    /// 1 / (1 + max(degree, degree of the neighbour)): doubly stochastic on every graph.
    #[default]
    MetropolisHastings,
    /// 1 / (degree + 1): doubly stochastic on regular graphs only.
    Uniform,
}

impl Default for Dpsgd {
    fn default() -> Self {
        Self {
            rounds: 10,
            epochs: 1,
            mode: Pace::Synchronous,
            mixing: Mixing::MetropolisHastings,
            heartbeats: false,
        }
    }
}
