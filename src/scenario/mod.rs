//! The scenario: the JSON file that a user writes, and everything that reads, checks and describes it.
//!
//! The format lives here, what a block means lives with the part of the program that does it (`topology`,
//! `learning`, `network`, `node`). Nothing here runs anything.

mod choices;
pub mod diagnostic;
mod explain;
pub mod load;
pub mod overrides;
mod path;
pub mod schema;
mod source;
#[cfg(test)]
mod tests;
pub mod thresholds;
mod transport;
mod validate;

pub use diagnostic::{Diagnostic, Diagnostics};
pub(crate) use explain::nearest;
pub use load::{Loaded, ScenarioFile, load, parse};
pub use overrides::Override;
pub use transport::{Carrier, Transport};

use crate::format::settings::Settings;
use crate::format::units::{Size, Span};
use crate::learning::spec::Learning;
use crate::network::spec::Network;
use crate::node::spec::Workflow;
use crate::topology::Topology;
use crate::transport::spec::Grpc;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A scenario, version 1: who, connected how, doing what, with what going wrong when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Where the schema is, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// A short name: letters, digits, `-`, `_` and `.`. Results are written under it.
    pub name: String,
    /// What the scenario shows.
    #[serde(default)]
    pub description: String,
    /// All random draws derive from it. Default 0.
    #[serde(default)]
    pub seed: u64,
    /// How many nodes there are, those that join later included.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub nodes: u32,
    /// Who is connected to whom.
    pub topology: Topology,
    /// What carries messages. Default: `memory`.
    #[serde(default)]
    pub transport: Transport,
    /// How sockets are used by the transports that have any.
    #[serde(default, skip_serializing_if = "Grpc::is_default")]
    pub grpc: Grpc,
    /// Which clock the run follows. Default: `real`.
    #[serde(default)]
    pub clock: Clock,
    /// How many times faster than real time scenario time goes, or `"auto"`: as fast as this machine can be expected to keep up with, sockets included. Default: `"auto"`.
    #[serde(default)]
    pub speedup: Speedup,
    /// What nodes do in a round. Default: `p2pfl`, repaired.
    #[serde(default)]
    pub workflow: Workflow,
    /// P2PFL's settings.
    #[serde(default)]
    pub settings: Settings,
    /// What is learnt.
    #[serde(default)]
    pub learning: Learning,
    /// What links do to messages. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// What happens to the network, and when.
    #[serde(default)]
    pub script: Vec<crate::format::script::Entry>,
    /// When to give up.
    #[serde(default)]
    pub limits: Limits,
    /// What must hold of the result, such as `"final.accuracy.mean >= 0.85"` or `"nodes.finished == nodes.total"`. If one does not, the exit code is 3.
    #[serde(default)]
    pub thresholds: Vec<String>,
}

/// Which clock a run follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Wall time, times `speedup`.
    #[default]
    Real,
    /// Virtual time, as fast as this machine computes: the same scenario and seed give the same result to the last byte.
    Virtual,
}

/// How many times faster than real time scenario time goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Speedup {
    /// So many times.
    Factor(f64),
    /// As fast as this machine can be expected to keep up with.
    Auto(Auto),
}

/// The word `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auto {
    /// Chosen from the estimated load, the shortest period and, over sockets, what connecting and a call take.
    Auto,
}

impl Default for Speedup {
    fn default() -> Self {
        Self::Auto(Auto::Auto)
    }
}

/// When to give up. A run that reaches a limit ends, and what it measured until then is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Scenario time from the start of learning, which on the virtual clock has to come within an hour. Default 24 h.
    pub time: Span,
    /// Wall time. Default 1 h.
    pub wall: Span,
    /// Inputs that nodes handle: messages, timers, finished jobs. Counts on the virtual clock. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// Memory of the whole program. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Bytes of messages that may wait in one node's inbox on the real clock; what comes on top is dropped and counted as `overflow`. Default 256 MiB.
    pub inbox: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Span::secs(86_400),
            wall: Span::secs(3_600),
            events: None,
            memory: None,
            inbox: Size(256 << 20),
        }
    }
}
