//! What a scenario says about the workflow: what nodes do in a round.

use crate::scenario::tagged::tagged;
use crate::scenario::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

tagged! {
    /// What nodes do in a round.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Workflow by "kind" {
        /// P2PFL's: start, vote for a train set, train, aggregate or wait, diffuse.
        P2pfl(P2pfl) = "p2pfl",
        /// Decentralised parallel stochastic gradient descent (Lian et al. 2017): train, swap models with the neighbours, mix.
        Dpsgd(Dpsgd) = "dpsgd",
    }
}

/// See [`Workflow::P2pfl`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct P2pfl {
    /// How closely P2PFL's own behaviour is followed. Default: `repaired`.
    pub variant: Variant,
    /// Rounds of learning. Default 3.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// Nodes that train in a round. Default 4.
    pub trainset_size: u32,
    /// The node that starts learning. Default 0.
    pub initiator: u32,
    /// The initiator starts at the latest so long after the nodes came up, even if some have not yet heard of each other. Default: from the diameter and the periods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_after: Option<Span>,
}

/// How closely P2PFL's own behaviour is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// P2PFL 0.4.4 as it behaves over gRPC, traps included.
    Faithful,
    /// P2PFL 0.4.4 as it behaves over its in-memory transport: all receivers of a message share one time to live.
    FaithfulMemory,
    /// P2PFL's protocol with its traps mended.
    #[default]
    Repaired,
}

/// See [`Workflow::Dpsgd`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dpsgd {
    /// Rounds of learning. Default 10.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// The weights of neighbours. Default: `metropolis_hastings`.
    pub mixing: Mixing,
    /// Whether nodes send heartbeats, and drop neighbours that fall silent. Default false.
    pub heartbeats: bool,
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

impl Default for P2pfl {
    fn default() -> Self {
        Self {
            variant: Variant::Repaired,
            rounds: 3,
            epochs: 1,
            trainset_size: 4,
            initiator: 0,
            start_after: None,
        }
    }
}

impl Default for Dpsgd {
    fn default() -> Self {
        Self { rounds: 10, epochs: 1, mixing: Mixing::MetropolisHastings, heartbeats: false }
    }
}

impl Workflow {
    /// Rounds of learning.
    pub fn rounds(&self) -> u32 {
        match self {
            Self::P2pfl(it) => it.rounds,
            Self::Dpsgd(it) => it.rounds,
        }
    }

    /// Passes over its rows that a node makes in a round.
    pub fn epochs(&self) -> u32 {
        match self {
            Self::P2pfl(it) => it.epochs,
            Self::Dpsgd(it) => it.epochs,
        }
    }
}

impl Default for Workflow {
    fn default() -> Self {
        Self::P2pfl(P2pfl::default())
    }
}
