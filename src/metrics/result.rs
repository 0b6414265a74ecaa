//! What a run leaves: the types of `result.json`, with exactly the names that are in it.
//!
//! `docs/results.md` describes every field for its readers. How a result is shown is `report`'s.

use super::{Cause, Cost, Counts, Phase, Recorder, Round, Spread, Summary, Throughput};
use crate::node::Stage;
use crate::wire::Command;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the format. It grows when a name changes its meaning or goes; names may be added without.
pub const SCHEMA: &str = "p2pfl-sim/result/1";
const NANOS: f64 = 1e9;

/// The result of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    pub latency: BTreeMap<String, Summary>,
    /// Hops from the origin of gossip to a node that first takes it.
    pub hops: Summary,
    /// How many were so many hops away.
    pub hop_counts: BTreeMap<u64, u64>,
    /// Messages and bytes handled in each interval.
    pub throughput: Throughput,
    /// What became of the messages.
    pub messages: Messages,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    /// `real` or `virtual`.
    pub clock: String,
    /// What carried messages.
    pub transport: String,
    /// Threads that ran nodes.
    pub threads: u32,
    /// Seconds of scenario time in a second of wall time. On the virtual clock it is what came of it.
    #[serde(with = "super::finite")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// How many nodes there were, and what became of them. A node can count in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Connecting and first heartbeats, until the initiator started learning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Scenario time.
    pub seconds: f64,
    /// Messages sent.
    pub messages: u64,
    /// Their bytes on the link.
    pub wire_bytes: u64,
}

/// How good the models were in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Final {
    /// Accuracy on the test split.
    pub accuracy: Option<Spread>,
    /// Loss on it.
    pub loss: Option<Spread>,
    /// Root mean square distance of the nodes' parameters from their mean.
    pub consensus_distance: Option<f64>,
}

/// What became of the messages sent after set-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// Of all commands.
    pub total: Account,
    /// By command, those that were sent at all.
    pub by_command: BTreeMap<Command, Account>,
}

/// What became of messages: `sent + network_copies = delivered + duplicate + dropped + in_flight`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Handed over by nodes.
    pub sent: u64,
    /// Made by the network on top of what was sent.
    pub network_copies: u64,
    /// Taken by a node and new to it.
    pub delivered: u64,
    /// Taken by a node that knew it already.
    pub duplicate: u64,
    /// Lost, by cause; every cause is there.
    pub dropped: BTreeMap<Cause, u64>,
    /// Neither taken nor lost when the run ended. Never negative: see [`unbalanced`].
    pub in_flight: i64,
    /// Bytes of the protobuf encoding of what was sent.
    pub payload_bytes: u64,
    /// Bytes that the transport put on the link for it.
    pub wire_bytes: u64,
}

/// A threshold of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// As the scenario has it.
    pub threshold: String,
    /// What the run reached.
    pub value: Value,
    /// Whether that is good enough.
    pub passed: bool,
}

/// Nodes of a stalled run that wait for the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Outcome {
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Setup {
    /// From what was recorded in the phase of that name.
    pub fn of(recorder: &Recorder, seconds: f64) -> Self {
        let all = total(recorder, Phase::Setup);
        Self { seconds, messages: all.sent, wire_bytes: all.wire_bytes }
    }
}

impl Final {
    /// The figures of the last round that has any.
    pub fn of(rounds: &[Round]) -> Self {
        let last = rounds.iter().rev().find(|round| round.accuracy.is_some() || round.loss.is_some());
        last.map_or_else(Self::default, |round| Self {
            accuracy: round.accuracy,
            loss: round.loss,
            consensus_distance: round.consensus_distance,
        })
    }
}

impl Messages {
    /// The accounts of what was sent after set-up.
    pub fn of(recorder: &Recorder) -> Self {
        let counts = Command::ALL.map(|command| (command, recorder.counts(Phase::Learning, command)));
        let used = counts.into_iter().filter(|(_, counts)| !counts.is_empty());
        Self {
            total: Account::from(&total(recorder, Phase::Learning)),
            by_command: used.map(|(command, counts)| (command, Account::from(counts))).collect(),
        }
    }
}

impl Account {
    /// Lost for any cause.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().copied().fold(0, u64::saturating_add)
    }

    /// Taken by a node, known to it or not.
    pub fn handled(&self) -> u64 {
        self.delivered.saturating_add(self.duplicate)
    }
}

impl From<&Counts> for Account {
    fn from(counts: &Counts) -> Self {
        let in_flight = counts.in_flight();
        Self {
            sent: counts.sent,
            network_copies: counts.network_copies,
            delivered: counts.delivered,
            duplicate: counts.duplicate,
            dropped: Cause::ALL.into_iter().zip(counts.dropped).collect(),
            in_flight: i64::try_from(in_flight).unwrap_or(if in_flight < 0 { i64::MIN } else { i64::MAX }),
            payload_bytes: counts.payload_bytes,
            wire_bytes: counts.wire_bytes,
        }
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::from(&Counts::default())
    }
}

/// Latencies by name, in seconds. `message`, `rpc`, `round` and `dissemination` are always there; a command, a stage
/// and `timer_lateness` only if they occurred.
pub fn latency(recorder: &Recorder) -> BTreeMap<String, Summary> {
    let mut latency = BTreeMap::new();
    for (name, of) in
        [("message", Recorder::message_histogram as fn(_, _) -> _), ("rpc", Recorder::rpc_histogram)]
    {
        let mut all = super::Histogram::default();
        for command in Command::ALL {
            let histogram: &super::Histogram = of(recorder, command);
            if histogram.count() > 0 {
                latency.insert(format!("{name}.{command}"), histogram.summary(NANOS));
                all.merge(histogram);
            }
        }
        latency.insert(name.to_owned(), all.summary(NANOS));
    }
    for stage in Stage::ALL {
        let histogram = recorder.stage_histogram(stage);
        if histogram.count() > 0 {
            latency.insert(format!("stage.{}", stage.name()), histogram.summary(NANOS));
        }
    }
    latency.insert("round".to_owned(), recorder.round_histogram().summary(NANOS));
    latency.insert("dissemination".to_owned(), recorder.dissemination_histogram().summary(NANOS));
    let lateness = recorder.timer_lateness_histogram();
    if lateness.count() > 0 {
        latency.insert("timer_lateness".to_owned(), lateness.summary(NANOS));
    }
    latency
}

/// Commands of which more was accounted for than was sent: a fault of this program, told as text for
/// [`RunResult::warnings`].
pub fn unbalanced(recorder: &Recorder) -> Vec<String> {
    let mut faults = Vec::new();
    for (phase, when) in [(Phase::Setup, "during set-up"), (Phase::Learning, "after set-up")] {
        for command in Command::ALL {
            let excess = -recorder.counts(phase, command).in_flight();
            if excess > 0 {
                faults.push(format!(
                    "the account of `{command}` {when} does not add up: {excess} more were taken or lost than sent"
                ));
            }
        }
    }
    faults
}

/// How many were so many hops away.
pub fn hop_counts(recorder: &Recorder) -> BTreeMap<u64, u64> {
    recorder.hops_histogram().values().collect()
}

fn total(recorder: &Recorder, phase: Phase) -> Counts {
    let mut total = Counts::default();
    Command::ALL.iter().for_each(|command| total.merge(recorder.counts(phase, *command)));
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Recording;

    fn recorded() -> Recorder {
        let mut recorder = Recorder::new(Recording::On);
        recorder.sent(Phase::Setup, Command::Handshake, 4, 40, 100);
        recorder.delivered(Phase::Setup, Command::Handshake, 4, 40);
        recorder.sent(Phase::Learning, Command::Beat, 10, 300, 400);
        recorder.copied(Phase::Learning, Command::Beat, 2);
        recorder.delivered(Phase::Learning, Command::Beat, 5, 150);
        recorder.duplicate(Phase::Learning, Command::Beat, 3, 90);
        recorder.dropped(Phase::Learning, Command::Beat, Cause::Partition, 1);
        recorder.message_latency(Phase::Learning, Command::Beat, 2_000_000, 8);
        recorder.sent(Phase::Learning, Command::PartialModel, 1, 9_000, 9_100);
        recorder.message_latency(Phase::Learning, Command::PartialModel, 4_000_000, 1);
        recorder.stage(Stage::Vote, 1_500_000_000);
        recorder.dissemination(Phase::Learning, 1_000, 3);
        recorder
    }

    #[test]
    fn set_up_stays_out_of_the_messages() {
        let recorder = recorded();
        assert_eq!(Setup::of(&recorder, 2.5), Setup { seconds: 2.5, messages: 4, wire_bytes: 100 });
        let messages = Messages::of(&recorder);
        assert_eq!(
            messages.by_command.keys().copied().collect::<Vec<_>>(),
            [Command::Beat, Command::PartialModel]
        );
        assert_eq!(messages.by_command[&Command::Beat].in_flight, 3);
        assert_eq!(
            (messages.total.sent, messages.total.in_flight, messages.total.wire_bytes),
            (11, 4, 9_500)
        );
        assert_eq!(messages.total.dropped[&Cause::Partition], 1);
        assert_eq!(messages.total.dropped.len(), Cause::COUNT);
        assert!(unbalanced(&recorder).is_empty());
    }

    #[test]
    fn an_account_that_does_not_add_up_is_named() {
        let mut recorder = recorded();
        recorder.duplicate(Phase::Learning, Command::Beat, 7, 0);
        assert_eq!(Messages::of(&recorder).by_command[&Command::Beat].in_flight, -4);
        let faults = unbalanced(&recorder);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("`beat`") && faults[0].contains(" 4 more"), "{faults:?}");
    }

    #[test]
    fn the_latency_of_messages_is_that_of_all_commands() {
        let latency = latency(&recorded());
        assert_eq!(
            latency.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "dissemination",
                "message",
                "message.beat",
                "message.partial_model",
                "round",
                "rpc",
                "stage.vote"
            ]
        );
        assert_eq!(latency["message"].count, 9);
        assert!((latency["message"].max / 0.004 - 1.0).abs() < 1e-3);
        assert!((latency["message.beat"].p50 / 0.002 - 1.0).abs() < 1e-3);
        assert_eq!((latency["round"].count, latency["round"].p50.is_nan()), (0, true));
        assert_eq!(hop_counts(&recorded()), BTreeMap::from([(3, 1)]));
    }
}
