//! What a run leaves: the types of `result.json`, with exactly the names that are in it.
//!
//! `docs/results.md` describes every field for its readers. How a result is shown is `report`'s.

mod account;
mod latency;
mod probe;
mod sockets;

pub use account::{Account, Messages, Setup, doubts};
pub use latency::{histograms, hop_counts, latency};
pub use probe::{Cell, Probe};
pub use sockets::Sockets;

use super::{Cost, Round, Spread, Summary, Throughput};
use crate::node::Stage;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The version of the format. It grows when a name changes its meaning or goes; names may be added without.
pub const SCHEMA: &str = "p2pfl-sim/result/1";

/// The result of one run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// The scenario with all its defaults written out.
    pub scenario: Value,
    /// A hash of that.
    pub scenario_hash: String,
    /// What ran it.
    pub engine: Engine,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so, unless it was completed.
    pub reason: Option<String>,
    /// Whether timers came so late that the figures do not measure the scenario but this machine.
    pub overloaded: bool,
    /// What the reader should know before relying on the figures.
    pub warnings: Vec<String>,
    /// Scenario time at the end of the run, in seconds since the initiator started learning.
    pub ended_s: Option<f64>,
    /// What became of the nodes.
    pub nodes: Nodes,
    /// What came before learning started.
    pub setup: Setup,
    /// The rounds, in order.
    pub rounds: Vec<Round>,
    /// The last round that was evaluated.
    pub r#final: Final,
    /// Latencies by name, in seconds.
    #[schemars(schema_with = "latency_schema")]
    pub latency: BTreeMap<String, Summary>,
    /// Hops from the origin of gossip to a node that first takes it.
    pub hops: Summary,
    /// How many were so many hops away.
    pub hop_counts: BTreeMap<u64, u64>,
    /// Messages and bytes handled in each interval.
    pub throughput: Throughput,
    /// What became of the messages.
    pub messages: Messages,
    /// What went on at the sockets. Transports that have any only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<Sockets>,
    /// How far a rumor came. Workflow `rumor` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rumor: Option<Rumor>,
    /// What a probe measured. Workflow `probe` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// The thresholds of the scenario and whether they hold.
    pub thresholds: Vec<Threshold>,
    /// Who waits for what, if the run stalled.
    pub stalled: Vec<StalledGroup>,
    /// What it cost.
    pub cost: Cost,
    /// A hash over what every node did: the same for the same scenario. Virtual clock only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// What ran the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// `real` or `virtual`.
    pub clock: String,
    /// What carried messages.
    pub transport: String,
    /// Threads that ran nodes.
    pub threads: u32,
    /// Seconds of scenario time in a second of wall time. On the virtual clock it is what came of it.
    #[serde(with = "crate::metrics::finite")]
    #[schemars(with = "Option<f64>")]
    pub speedup: f64,
    /// This program's version.
    pub version: String,
    /// The commit it was built from, if known.
    pub commit: Option<String>,
    /// How far shards ran ahead of each other. Virtual clock only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead_s: Option<f64>,
    /// Events in such a window, on average. Virtual clock only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_per_window: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every live participant finished.
    Completed,
    /// Nothing was pending any more that could have moved a node on.
    Stalled,
    /// It reached a limit or could not go on.
    Failed,
    /// The user ended it.
    Interrupted,
    /// A message from outside ended it: every node was told to stop, and the scenario does not say so.
    Stopped,
}

/// How many nodes there were, and what became of them. A node can count in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nodes {
    /// All, those that join later included.
    pub total: u32,
    /// Finished all rounds.
    pub finished: u32,
    /// Crashed at some time.
    pub crashed: u32,
    /// Joined after the beginning.
    pub joined: u32,
    /// Left before the end.
    pub left: u32,
    /// Ended by a fault of this program.
    pub panicked: u32,
}

impl Nodes {
    /// Those of two parts of the nodes together.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            total: self.total + other.total,
            finished: self.finished + other.finished,
            crashed: self.crashed + other.crashed,
            joined: self.joined + other.joined,
            left: self.left + other.left,
            panicked: self.panicked + other.panicked,
        }
    }
}

/// How good the models were in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Final {
    /// Accuracy on the test split.
    pub accuracy: Option<Spread>,
    /// Loss on it.
    pub loss: Option<Spread>,
    /// Root mean square distance of the nodes' parameters from their mean.
    pub consensus_distance: Option<f64>,
}

/// How far a rumor came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rumor {
    /// Rounds until the last node of those that learnt it had done so.
    pub rounds: u32,
    /// Nodes that learnt it, the source included.
    pub reached: u32,
}

/// A threshold of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// As the scenario has it.
    pub threshold: String,
    /// What the run reached.
    pub value: Value,
    /// Whether that is good enough.
    pub passed: bool,
}

/// Nodes of a stalled run that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StalledGroup {
    /// Which: `0-3,7` (see [`super::ranges`]).
    pub nodes: String,
    /// How many.
    pub count: u32,
    /// The stage they are in; none if they never started.
    pub stage: Option<Stage>,
    /// What would move them on.
    pub waiting_for: String,
}

fn latency_schema(generator: &mut SchemaGenerator) -> Schema {
    keyed::<Summary>(latency::names(), generator)
}

/// The schema of a map of which all keys are known.
fn keyed<V: JsonSchema>(keys: impl IntoIterator<Item = String>, generator: &mut SchemaGenerator) -> Schema {
    let value = generator.subschema_for::<V>();
    let properties: Map<String, Value> =
        keys.into_iter().map(|key| (key, value.clone().to_value())).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}

impl Outcome {
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
        }
    }
}

impl Rumor {
    /// From the rounds, in each of which as many nodes finished as learnt it, and all that have finished.
    pub fn of(rounds: &[Round], nodes: &Nodes) -> Self {
        let last = rounds.iter().rev().find(|round| round.nodes_finished > 0);
        Self { rounds: last.map_or(0, |round| round.round + 1), reached: nodes.finished }
    }
}

impl Final {
    /// The figures of the last round that has any.
    pub fn of(rounds: &[Round]) -> Self {
        let evaluated = |round: &&Round| {
            round.accuracy.is_some() || round.loss.is_some() || round.consensus_distance.is_some()
        };
        let last = rounds.iter().rev().find(evaluated);
        last.map_or_else(Self::default, |round| Self {
            accuracy: round.accuracy,
            loss: round.loss,
            consensus_distance: round.consensus_distance,
        })
    }
}
