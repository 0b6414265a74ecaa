//! The accounts of messages: what was sent, and what became of it.

use super::keyed;
use crate::metrics::{Cause, Counts, Phase, Recorder};
use crate::wire::Command;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Connecting and first heartbeats, until the initiator started learning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setup {
    /// Scenario time.
    pub seconds: f64,
    /// Messages sent.
    pub messages: u64,
    /// Their bytes on the link.
    pub wire_bytes: u64,
}

/// What became of the messages sent after set-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Messages {
    /// Of all commands.
    pub total: Account,
    /// By command, those that were sent at all.
    pub by_command: BTreeMap<Command, Account>,
}

/// What became of messages: `sent + network_copies = delivered + duplicate + dropped + in_flight`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    #[schemars(schema_with = "dropped_schema")]
    pub dropped: BTreeMap<Cause, u64>,
    /// Neither taken nor lost when the run ended. Never negative: see [`doubts`].
    pub in_flight: i64,
    /// Bytes of the protobuf encoding of what was sent.
    pub payload_bytes: u64,
    /// Bytes that the transport put on the link for it.
    pub wire_bytes: u64,
}

fn dropped_schema(generator: &mut SchemaGenerator) -> Schema {
    keyed::<u64>(Cause::ALL.map(|cause| cause.name().to_owned()), generator)
}

impl Setup {
    /// From what was recorded in the phase of that name.
    pub fn of(recorder: &Recorder, seconds: f64) -> Self {
        let all = total(recorder, Phase::Setup);
        Self { seconds, messages: all.sent, wire_bytes: all.wire_bytes }
    }
}

impl Messages {
    /// The accounts of what was sent after set-up.
    pub fn of(recorder: &Recorder) -> Self {
        let counts = Command::all().map(|command| (command, recorder.counts(Phase::Learning, command)));
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

/// What is doubtful about what was recorded, for the warnings of a result: commands of which more was accounted for
/// than was sent (a fault of this program), values that were too large for a histogram.
pub fn doubts(recorder: &Recorder) -> Vec<String> {
    let mut doubts = Vec::new();
    for (phase, when) in [(Phase::Setup, "during set-up"), (Phase::Learning, "after set-up")] {
        for command in Command::all() {
            let excess = -recorder.counts(phase, command).in_flight();
            if excess > 0 {
                doubts.push(format!(
                    "the account of `{command}` {when} does not add up: {excess} more were taken or lost than sent"
                ));
            }
        }
    }
    if recorder.clipped() > 0 {
        doubts.push(format!("latencies above 24 h, {} of them, were recorded as 24 h", recorder.clipped()));
    }
    doubts
}

fn total(recorder: &Recorder, phase: Phase) -> Counts {
    let mut total = Counts::default();
    Command::all().for_each(|command| total.merge(recorder.counts(phase, command)));
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
        recorder.sent(Phase::Learning, Command::PartialModel, 1, 9_000, 9_100);
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
        assert!(doubts(&recorder).is_empty());
    }

    #[test]
    fn what_was_clipped_is_told() {
        let mut recorder = recorded();
        recorder.round(u64::MAX);
        assert_eq!(doubts(&recorder), ["latencies above 24 h, 1 of them, were recorded as 24 h"]);
    }

    #[test]
    fn an_account_that_does_not_add_up_is_named() {
        let mut recorder = recorded();
        recorder.duplicate(Phase::Learning, Command::Beat, 7, 0);
        assert_eq!(Messages::of(&recorder).by_command[&Command::Beat].in_flight, -4);
        let doubts = doubts(&recorder);
        assert_eq!(doubts.len(), 1);
        assert!(doubts[0].contains("`beat`") && doubts[0].contains(" 4 more"), "{doubts:?}");
    }
}
