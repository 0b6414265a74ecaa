//! The same scenario on both engines, and beside real P2PFL 0.4.4: messages by command, and time to finish.
//!
//! Medians over five seeds are within 15 % in total and in time, and within 25 % for each command that makes up 5 % of the
//! traffic. `cargo test --test parity -- --nocapture` prints all numbers. The tests are in `peer` (the event engine beside
//! P2PFL) and `engines` (the task engine beside both). Here: what is measured, and how it is compared.

mod engines;
mod peer;
mod runs;
mod table;

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How far medians may be apart, as a share of the reference.
#[derive(Clone, Copy)]
struct Bounds {
    time: f64,
    total: f64,
    command: f64,
    /// Commands with a bound of their own.
    wider: &'static [(&'static str, f64)],
}

const BOUNDS: Bounds = Bounds { time: 0.15, total: 0.15, command: 0.25, wider: &[] };

/// Commands that make up this share of the traffic have to be near.
const MATTERS: f64 = 0.05;

/// `tests/fixtures/p2pfl/message-counts.json`.
#[derive(Deserialize)]
struct Measurements {
    settings: Value,
    rows: Vec<Row>,
}

/// One run of P2PFL.
#[derive(Deserialize)]
struct Row {
    transport: String,
    variant: String,
    topology: String,
    nodes: u32,
    finish_s: f64,
    messages: u64,
    by_command: BTreeMap<String, u64>,
}

impl Row {
    fn name(&self) -> String {
        format!("{} {}, {}", self.topology, self.nodes, self.transport)
    }

    fn figures(&self) -> Figures {
        let by_command = self.by_command.iter().map(|(name, &count)| (name.clone(), count as f64)).collect();
        Figures { time: self.finish_s, total: self.messages as f64, by_command }
    }
}

fn measurements() -> Measurements {
    let text = include_str!("../fixtures/p2pfl/message-counts.json");
    serde_json::from_str(text).expect("the measurements have the form that they had")
}

/// Time to finish in seconds, and messages: of one run, or medians of several.
struct Figures {
    time: f64,
    total: f64,
    by_command: BTreeMap<String, f64>,
}

impl Figures {
    /// Medians, each figure for itself.
    fn medians(runs: &[Self]) -> Self {
        let median = |of: &dyn Fn(&Self) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let names: BTreeSet<&String> = runs.iter().flat_map(|it| it.by_command.keys()).collect();
        let by_command = names.into_iter().map(|name| (name.clone(), median(&|it| it.of(name)))).collect();
        Self { time: median(&|it| it.time), total: median(&|it| it.total), by_command }
    }

    /// Messages of a command.
    fn of(&self, command: &str) -> f64 {
        self.by_command.get(command).copied().unwrap_or_default()
    }

    /// Whether a command makes up enough of the traffic to be held to the bounds.
    fn matters(&self, command: &str) -> bool {
        self.of(command) >= MATTERS * self.total
    }

    /// What is further from a reference than it may be, in words.
    fn beyond(&self, reference: &Self, bounds: Bounds) -> Vec<String> {
        let mut beyond = Vec::new();
        let mut hold = |name: &str, ours: f64, theirs: f64, bound: f64| {
            let apart = ours / theirs - 1.0;
            if apart.is_nan() || apart.abs() > bound {
                let (apart, bound) = (100.0 * apart, 100.0 * bound);
                beyond.push(format!("{name}: {ours}, not {theirs}: {apart:+.0} % (at most {bound:.0} %)"));
            }
        };
        hold("time", self.time, reference.time, bounds.time);
        hold("messages", self.total, reference.total, bounds.total);
        for command in self.by_command.keys().chain(reference.by_command.keys()).collect::<BTreeSet<_>>() {
            if self.matters(command) || reference.matters(command) {
                let wider = bounds.wider.iter().find(|(name, _)| name == command);
                let bound = wider.map_or(bounds.command, |(_, bound)| *bound);
                hold(command, self.of(command), reference.of(command), bound);
            }
        }
        beyond
    }
}

#[test]
fn what_is_too_far_is_found() {
    let figures = |time: f64, beats: f64, votes: f64, rare: f64| Figures {
        time,
        total: beats + votes + rare,
        by_command: [("beat", beats), ("vote_train_set", votes), ("metrics", rare)]
            .map(|(name, count)| (name.to_owned(), count))
            .into(),
    };
    let reference = figures(10.0, 100.0, 100.0, 5.0);
    let found = |it: &Figures| it.beyond(&reference, BOUNDS).join("; ");
    assert_eq!(found(&figures(11.4, 100.0, 100.0, 5.0)), "");
    assert!(found(&figures(11.6, 100.0, 100.0, 5.0)).starts_with("time: 11.6, not 10: +16 %"));
    assert!(found(&figures(10.0, 120.0, 120.0, 5.0)).starts_with("messages"));
    // The total is the same, and the commands are not.
    assert!(found(&figures(10.0, 70.0, 130.0, 5.0)).starts_with("beat: 70, not 100: -30 %"));
    assert_eq!(found(&figures(10.0, 100.0, 100.0, 1.0)), "", "what is rare may differ");
    assert!(found(&figures(10.0, 100.0, 100.0, 15.0)).contains("metrics"), "what is not rare here may not");

    let runs = [figures(1.0, 9.0, 2.0, 0.0), figures(3.0, 7.0, 1.0, 0.0), figures(2.0, 8.0, 3.0, 0.0)];
    let medians = Figures::medians(&runs);
    assert_eq!((medians.time, medians.of("beat"), medians.of("vote_train_set")), (2.0, 8.0, 2.0));
    assert_eq!((medians.total, medians.of("none")), (11.0, 0.0));
}
