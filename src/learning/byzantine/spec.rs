//! What a scenario says about nodes that lie.

use crate::format::script::NodeSet;
use crate::format::tagged::tagged;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nodes that lie, and how: `{ "nodes": "0-9", "attack": { "kind": "sign_flip" } }`, or a list of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Byzantine(pub Vec<Attackers>);

/// Some nodes that lie in the same way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attackers {
    /// Indices, ranges such as `"40-49"`, or `{ "random": 10 }`.
    pub nodes: NodeSet,
    /// What they do.
    pub attack: Attack,
}

tagged! {
    /// What a node that lies says it has learnt. In all else it behaves as others do, and it counts the rows it holds truthfully.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Attack by "kind" {
        /// Trains, and gives the opposite of what it has learnt: w − `scale` · (w′ − w), where w is the model it began with and w′ what training made of it (sign flipping: Li et al. 2019, RSA).
        SignFlip(SignFlip) = "sign_flip",
        /// Gives numbers drawn from a normal distribution in place of a model, others in every round (Blanchard et al. 2017).
        Random(Noise) = "random",
        /// Gives the model that it had before it learnt anything, over and over.
        Stale(Stale) = "stale",
    }
}

/// See [`Attack::SignFlip`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignFlip {
    /// How many times larger the opposite is. Default 1.
    #[serde(default = "one")]
    pub scale: f64,
}

/// See [`Attack::Random`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The standard deviation of each value; the mean is 0. Default 1.
    #[serde(default = "one")]
    pub scale: f64,
}

/// See [`Attack::Stale`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stale {}

impl Byzantine {
    /// Whether nobody lies.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Attack {
    /// How strong it is, where that can be said.
    pub fn scale(&self) -> Option<f64> {
        match self {
            Self::SignFlip(it) => Some(it.scale),
            Self::Random(it) => Some(it.scale),
            Self::Stale(_) => None,
        }
    }
}

fn one() -> f64 {
    1.0
}
