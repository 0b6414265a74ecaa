//! The script: what happens to the network while it learns, and when.

use super::distribution::Distribution;
use super::tagged::tagged;
use super::units::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// When a script entry fires.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum At {
    /// So long after the initiator started learning.
    Time(Span),
    /// As soon as the first node has entered this round, counted from 0.
    Round(AtRound),
}

/// `{ "round": 2 }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AtRound {
    /// The round, counted from 0.
    pub round: u32,
}

tagged! {
    /// One happening: `{ "at": "30s", "do": "crash", "nodes": [3, "40-49"] }`. Times count from the moment the
    /// initiator starts learning.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Entry by "do" {
        /// Nodes stop at once and lose their state; callers find them unreachable.
        Crash(Nodes) = "crash",
        /// Crashed nodes, or nodes that left, come back with a fresh model and connect to their neighbours again.
        Restart(Nodes) = "restart",
        /// Nodes crash and come back time and again, each in its own time.
        Churn(Churn) = "churn",
        /// Nodes that were absent until now come up and connect to their neighbours.
        Join(Nodes) = "join",
        /// Nodes say goodbye to their neighbours and go.
        Leave(Nodes) = "leave",
        /// Messages between the groups are lost until `heal`, or those of one direction alone. A node in no group can talk to everyone.
        Partition(Partition) = "partition",
        /// Ends all partitions.
        Heal(Heal) = "heal",
        /// A share of the packets that some nodes send to others is lost from now on.
        Loss(Loss) = "loss",
        /// Compute jobs of these nodes, messages from and to them, or both take so many times longer from now on.
        Slow(Slow) = "slow",
        /// The initiator, or another node, ends learning for everyone.
        StopLearning(Stop) = "stop_learning",
    }
}

/// The nodes that something happens to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nodes {
    /// When.
    pub at: At,
    /// Indices, ranges such as `"40-49"`, or `{ "random": 10 }`.
    pub nodes: NodeSet,
}

/// Nodes that come and go: `session` and `absence` are drawn, or `trace` says how they were on real devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// When.
    pub at: At,
    /// Indices, ranges such as `"40-49"`, or `{ "random": 10 }`.
    pub nodes: NodeSet,
    /// How long a node stays until it crashes, drawn anew for each session. The first begins at `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Distribution>,
    /// How long it stays away until it restarts, drawn anew each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Distribution>,
    /// In place of both, a CSV file relative to the scenario's folder with a row for each session of a device: `node` is any name of the device, `up_s` and `down_s` are the seconds after `at` when it came and went; an empty `down_s` means that it stayed. The first node follows the first device in the file, and so on, over again if there are fewer devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<PathBuf>,
    /// No session ends after this, counted from the start of learning; nodes that are away then still come back. Default: it never ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
}

/// A partition into groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// When.
    pub at: At,
    /// Two or more groups, each a list of nodes.
    pub groups: Vec<NodeSet>,
    /// Only what a node of an earlier group sends to one of a later group is lost; the other direction works, and so do answers to what came that way. Default false.
    #[serde(default)]
    pub one_way: bool,
}

/// The end of all partitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heal {
    /// When.
    pub at: At,
}

/// One-way loss of packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// When.
    pub at: At,
    /// Who sends.
    pub from: NodeSet,
    /// Who should receive. The way back is not touched.
    pub to: NodeSet,
    /// The share of packets that is lost beside those of `network.packet_loss`, 0 to 1. It stands in place of what an earlier entry said of the same links; 0 ends it. As there, a lost packet is sent again unless `network.lossy` is set. It needs a `network` block, else no message takes its way in packets.
    pub packet_loss: f64,
}

/// A slowdown; a factor of 1 ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// When.
    pub at: At,
    /// Indices, ranges such as `"40-49"`, or `{ "random": 10 }`.
    pub nodes: NodeSet,
    /// How many times longer compute jobs take. Default 1.
    #[serde(default = "one")]
    pub compute: f64,
    /// How many times slower the nodes' links are: their own uplinks and downlinks have that much less bandwidth, and latency and jitter of messages from and to them are that much longer, as the slower end says. Default 1. It needs a `network` block, else there is nothing to stretch.
    #[serde(default = "one")]
    pub link: f64,
}

/// Who ends learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// When.
    pub at: At,
    /// The node that says so. Default: the initiator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<u32>,
}

/// A choice of nodes: an index, a range, a random number of them, or a list of these.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct NodeSet(pub Vec<Pick>);

/// One part of a choice of nodes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Pick {
    /// One node.
    Index(u32),
    /// Nodes `"first-last"`.
    Range(Range),
    /// So many nodes, drawn from the seed.
    Random(Random),
}

/// The nodes from `first` to `last`, both included: `"40-49"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// `{ "random": 10 }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {
    /// How many.
    pub random: u32,
}

impl Entry {
    /// When it happens.
    pub fn at(&self) -> &At {
        match self {
            Self::Crash(it) | Self::Restart(it) | Self::Join(it) | Self::Leave(it) => &it.at,
            Self::Churn(it) => &it.at,
            Self::Partition(it) => &it.at,
            Self::Heal(it) => &it.at,
            Self::Loss(it) => &it.at,
            Self::Slow(it) => &it.at,
            Self::StopLearning(it) => &it.at,
        }
    }
}

fn one() -> f64 {
    1.0
}
