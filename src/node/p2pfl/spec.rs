//! What a scenario says about the workflow `p2pfl`.

use crate::format::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rounds of P2PFL's peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct P2pfl {
    /// How closely P2PFL's own behaviour is followed. Default: `repaired`.
    pub variant: Variant,
    /// Rounds of learning. Default 3.
    pub rounds: u32,
    /// Passes over its rows that a node makes in a round. Default 1.
    pub epochs: u32,
    /// Nodes that train in a round; all of them where there are fewer. Default 4.
    pub trainset_size: u32,
    /// Who takes the initiative when a model is to go from one node to another. P2PFL pushes; the other two need the variant `repaired`. Default: `push`.
    #[serde(skip_serializing_if = "Dissemination::is_default")]
    pub dissemination: Dissemination,
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

impl Variant {
    /// What is simulated, for a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Faithful => "P2PFL 0.4.4 as it is over gRPC",
            Self::FaithfulMemory => "P2PFL 0.4.4 as it is over memory",
            Self::Repaired => "P2PFL repaired",
        }
    }
}

/// Who takes the initiative when a model is to go from one node to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dissemination {
    /// Who has a model offers it to those who lack it, a few every `settings.gossip.models_period`, as P2PFL does.
    #[default]
    Push,
    /// Who lacks a model asks for it as soon as one who has it says so.
    Pull,
    /// Both.
    PushPull,
}

impl Dissemination {
    /// Whether a scenario need not say so: what it says nothing of is not part of its hash.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether who has a model offers it.
    pub const fn pushes(self) -> bool {
        matches!(self, Self::Push | Self::PushPull)
    }

    /// Whether who lacks a model asks for it.
    pub const fn pulls(self) -> bool {
        matches!(self, Self::Pull | Self::PushPull)
    }
}

impl Default for P2pfl {
    fn default() -> Self {
        Self {
            variant: Variant::Repaired,
            rounds: 3,
            epochs: 1,
            trainset_size: 4,
            dissemination: Dissemination::Push,
            initiator: 0,
            start_after: None,
        }
    }
}
