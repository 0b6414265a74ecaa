//! The log of rounds: when each began and ended, who finished it, on which train sets, and how good the models were.
//!
//! It is told what happened; it evaluates nothing.

use crate::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Mean and extremes of one figure over nodes. What is not finite (a diverged model) is `null` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Spread {
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub mean: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub min: f64,
    #[serde(with = "super::finite")]
    #[schemars(with = "Option<f64>")]
    pub max: f64,
}

/// A train set, and how many nodes finished the round with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrainSet {
    /// Node numbers, ascending.
    pub members: Vec<u32>,
    /// How many nodes had it.
    pub nodes: u32,
}

/// One round as results tell it. Times are seconds of scenario time since the initiator started learning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Its number, from 0.
    pub round: u32,
    /// When the first node entered it.
    pub started_s: Option<f64>,
    /// When the last node finished it; nothing if none did.
    pub ended_s: Option<f64>,
    /// How many nodes finished it.
    pub nodes_finished: u32,
    /// Accuracy on the test split of the models that nodes had as they finished; nothing if not evaluated.
    pub accuracy: Option<Spread>,
    /// Their loss.
    pub loss: Option<Spread>,
    /// Root mean square distance of their parameters from the mean.
    pub consensus_distance: Option<f64>,
    /// Who trained, as the nodes that finished saw it: more than one entry means that they disagreed. Most common
    /// first.
    pub train_sets: Vec<TrainSet>,
}

/// What is known of the rounds of a run.
#[derive(Clone, Debug, Default)]
pub struct RoundLog {
    rounds: BTreeMap<u32, Entry>,
    /// One past the last round that each node finished: a restarted node that finishes one again counts once.
    finished: Vec<u32>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    started: Option<Time>,
    ended: Option<Time>,
    nodes_finished: u32,
    train_sets: BTreeMap<Vec<u32>, u32>,
    accuracy: Option<Spread>,
    loss: Option<Spread>,
    consensus_distance: Option<f64>,
}

impl RoundLog {
    /// A node entered `round`. The earliest such time is kept.
    pub fn started(&mut self, round: u32, at: Time) {
        let entry = self.rounds.entry(round).or_default();
        entry.started = earliest(entry.started, Some(at));
    }

    /// When the first node entered `round`.
    pub fn started_at(&self, round: u32) -> Option<Time> {
        self.rounds.get(&round).and_then(|entry| entry.started)
    }

    /// When the first node entered `round` or a later one.
    pub fn first_from(&self, round: u32) -> Option<Time> {
        self.rounds.range(round..).filter_map(|(_, entry)| entry.started).min()
    }

    /// A node finished `round`, with `train_set` (in any order) if the workflow has one. A node that was restarted
    /// and finishes a round that it had finished before is not counted again.
    pub fn finished(&mut self, round: u32, node: u32, at: Time, train_set: Option<&[u32]>) {
        let node = node as usize;
        if self.finished.len() <= node {
            self.finished.resize(node + 1, 0);
        }
        let entry = self.rounds.entry(round).or_default();
        entry.ended = entry.ended.max(Some(at));
        if round < self.finished[node] {
            return;
        }
        self.finished[node] = round.saturating_add(1);
        entry.nodes_finished += 1;
        if let Some(members) = train_set {
            let mut members = members.to_vec();
            members.sort_unstable();
            *entry.train_sets.entry(members).or_default() += 1;
        }
    }

    /// How good the models of `round` were, as far as there is anything to say of such models.
    pub fn evaluated(
        &mut self,
        round: u32,
        accuracy: Option<Spread>,
        loss: Option<Spread>,
        consensus: Option<f64>,
    ) {
        let entry = self.rounds.entry(round).or_default();
        entry.accuracy = accuracy;
        entry.loss = loss;
        entry.consensus_distance = consensus.filter(|distance| distance.is_finite());
    }

    /// Adds the log of another shard, which has other nodes. The order of merging makes no difference.
    pub fn merge(&mut self, other: &Self) {
        for (round, theirs) in &other.rounds {
            let ours = self.rounds.entry(*round).or_default();
            ours.started = earliest(ours.started, theirs.started);
            ours.ended = ours.ended.max(theirs.ended);
            ours.nodes_finished += theirs.nodes_finished;
            for (members, nodes) in &theirs.train_sets {
                *ours.train_sets.entry(members.clone()).or_default() += nodes;
            }
            ours.accuracy = ours.accuracy.or(theirs.accuracy);
            ours.loss = ours.loss.or(theirs.loss);
            ours.consensus_distance = ours.consensus_distance.or(theirs.consensus_distance);
        }
        if self.finished.len() < other.finished.len() {
            self.finished.resize(other.finished.len(), 0);
        }
        self.finished.iter_mut().zip(&other.finished).for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
    }

    /// The rounds in order; `origin` is when the initiator started learning.
    pub fn rounds(&self, origin: Time) -> Vec<Round> {
        self.rounds.iter().map(|(round, entry)| entry.told(*round, origin)).collect()
    }
}

impl Entry {
    fn told(&self, round: u32, origin: Time) -> Round {
        let sets = self.train_sets.iter();
        let mut train_sets: Vec<_> =
            sets.map(|(members, nodes)| TrainSet { members: members.clone(), nodes: *nodes }).collect();
        train_sets.sort_by_key(|set| std::cmp::Reverse(set.nodes));
        Round {
            round,
            started_s: self.started.map(|at| seconds_after(origin, at)),
            ended_s: self.ended.map(|at| seconds_after(origin, at)),
            nodes_finished: self.nodes_finished,
            accuracy: self.accuracy,
            loss: self.loss,
            consensus_distance: self.consensus_distance,
            train_sets,
        }
    }
}

impl Spread {
    /// Of the values of nodes in the order of their numbers; nothing if there are none. One value that is not a
    /// number makes all three so.
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        if values.iter().any(|value| value.is_nan()) {
            return Some(Self { mean: f64::NAN, min: f64::NAN, max: f64::NAN });
        }
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The sum is rounded so often that the mean of equal values would not be the same value.
        let mean = (values.iter().sum::<f64>() / values.len() as f64).clamp(min, max);
        Some(Self { mean, min, max })
    }
}

/// Seconds from `origin` to `at`; negative if it was before.
pub fn seconds_after(origin: Time, at: Time) -> f64 {
    let nanos = i128::from(at.as_nanos()) - i128::from(origin.as_nanos());
    nanos as f64 / 1e9
}

fn earliest(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    [a, b].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn a_round_lasts_from_the_first_who_enters_to_the_last_who_finishes() {
        let mut log = RoundLog::default();
        log.started(0, at(12));
        log.started(0, at(11));
        log.finished(0, 1, at(20), None);
        log.finished(0, 0, at(17), None);
        log.started(1, at(17));
        let rounds = log.rounds(at(10));
        assert_eq!((rounds[0].started_s, rounds[0].ended_s), (Some(1.0), Some(10.0)));
        assert_eq!((rounds[0].nodes_finished, rounds[1].nodes_finished), (2, 0));
        assert_eq!(rounds[1].ended_s, None);
    }

    #[test]
    fn identical_train_sets_are_one_entry_in_whatever_order_they_come() {
        let mut log = RoundLog::default();
        log.finished(2, 0, at(1), Some(&[3, 1]));
        log.finished(2, 1, at(1), Some(&[5]));
        log.finished(2, 2, at(1), Some(&[5]));
        log.finished(2, 3, at(1), Some(&[1, 3]));
        log.finished(2, 4, at(1), Some(&[1, 3]));
        let sets = log.rounds(Time::ZERO).remove(0).train_sets;
        assert_eq!(
            sets,
            [TrainSet { members: vec![1, 3], nodes: 3 }, TrainSet { members: vec![5], nodes: 2 }]
        );
    }

    #[test]
    fn a_restarted_node_counts_once_in_a_round() {
        let mut log = RoundLog::default();
        log.finished(0, 7, at(1), Some(&[7]));
        log.finished(1, 7, at(2), Some(&[7]));
        log.finished(1, 7, at(9), Some(&[7]));
        log.finished(2, 7, at(10), Some(&[7]));
        let rounds = log.rounds(Time::ZERO);
        assert_eq!(rounds.iter().map(|round| round.nodes_finished).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(rounds[1].ended_s, Some(9.0));
        assert_eq!(rounds[1].train_sets[0].nodes, 1);
    }

    #[test]
    fn shards_together_tell_what_one_log_would() {
        let mut whole = RoundLog::default();
        let mut shards = [RoundLog::default(), RoundLog::default()];
        for node in 0..20u32 {
            let shard = &mut shards[(node % 2) as usize];
            for round in 0..3 {
                let time = at(u64::from(round * 10 + node));
                let set = [node / 10, 40];
                for log in [&mut whole, &mut *shard] {
                    log.started(round, time);
                    log.finished(round, node, time + std::time::Duration::from_secs(5), Some(&set));
                }
            }
        }
        let [mut left, mut right] = shards.clone();
        left.merge(&shards[1]);
        right.merge(&shards[0]);
        assert_eq!(left.rounds(at(0)), whole.rounds(at(0)));
        assert_eq!(right.rounds(at(0)), whole.rounds(at(0)));
    }

    #[test]
    fn the_mean_of_equal_values_is_that_value() {
        let value = 323.0 / 359.0;
        let values = vec![value; 100];
        assert_ne!(values.iter().sum::<f64>() / 100.0, value, "else this shows nothing");
        assert_eq!(Spread::of(&values), Some(Spread { mean: value, min: value, max: value }));
    }

    #[test]
    fn a_diverged_model_is_null_and_not_an_error() {
        let mut log = RoundLog::default();
        let diverged = Spread::of(&[0.5, f64::NAN, 0.1]);
        log.evaluated(0, Spread::of(&[0.5, 0.25]), diverged, Some(f64::INFINITY));
        let json = serde_json::to_string(&log.rounds(Time::ZERO)[0]).unwrap();
        assert!(json.contains(r#""accuracy":{"mean":0.375,"min":0.25,"max":0.5}"#), "{json}");
        assert!(
            json.contains(r#""loss":{"mean":null,"min":null,"max":null},"consensus_distance":null"#),
            "{json}"
        );
        let back: Round = serde_json::from_str(&json).unwrap();
        assert!(back.loss.unwrap().mean.is_nan());
        log.evaluated(1, None, None, Some(0.25));
        let round = &log.rounds(Time::ZERO)[1];
        assert_eq!((round.accuracy, round.loss, round.consensus_distance), (None, None, Some(0.25)));
    }
}
