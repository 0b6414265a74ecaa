//! Latencies and hops by the names that they have in results.

use crate::metrics::{Histogram, Recorder, Recording, Summary};
use crate::node::Stage;
use crate::wire::Command;
use std::borrow::Cow;
use std::collections::BTreeMap;

const NANOS: f64 = 1e9;

/// Latencies by name, in seconds. `message`, `rpc`, `round` and `dissemination` are always there; a command, a stage
/// and `timer_lateness` only if they occurred.
pub fn latency(recorder: &Recorder) -> BTreeMap<String, Summary> {
    histograms(recorder).into_iter().map(|(name, histogram)| (name, histogram.summary(NANOS))).collect()
}

/// The whole of each latency by the same names, in nanoseconds.
pub fn histograms(recorder: &Recorder) -> BTreeMap<String, Cow<'_, Histogram>> {
    let there = all(recorder).into_iter().filter(|(_, always, histogram)| *always || histogram.count() > 0);
    there.map(|(name, _, histogram)| (name, histogram)).collect()
}

/// Every name that a latency can have.
pub fn names() -> Vec<String> {
    all(&Recorder::new(Recording::Off)).into_iter().map(|(name, ..)| name).collect()
}

/// Each latency: its name, whether it is told even if nothing was recorded, and its values.
fn all(recorder: &Recorder) -> Vec<(String, bool, Cow<'_, Histogram>)> {
    let mut all = Vec::new();
    by_command(&mut all, "message", |command| recorder.message_histogram(command));
    by_command(&mut all, "rpc", |command| recorder.rpc_histogram(command));
    for stage in Stage::ALL {
        let histogram = Cow::Borrowed(recorder.stage_histogram(stage));
        all.push((format!("stage.{}", stage.name()), false, histogram));
    }
    all.push(("round".to_owned(), true, Cow::Borrowed(recorder.round_histogram())));
    all.push(("dissemination".to_owned(), true, Cow::Borrowed(recorder.dissemination_histogram())));
    all.push(("timer_lateness".to_owned(), false, Cow::Borrowed(recorder.timer_lateness_histogram())));
    all
}

/// How many were so many hops away.
pub fn hop_counts(recorder: &Recorder) -> BTreeMap<u64, u64> {
    recorder.hops_histogram().values().collect()
}

fn by_command<'a>(
    all: &mut Vec<(String, bool, Cow<'a, Histogram>)>,
    name: &str,
    of: impl Fn(Command) -> Cow<'a, Histogram>,
) {
    let mut together = Histogram::default();
    for command in Command::all() {
        let histogram = of(command);
        if histogram.count() > 0 {
            together.merge(&histogram);
        }
        all.push((format!("{name}.{command}"), false, histogram));
    }
    all.push((name.to_owned(), true, Cow::Owned(together)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Phase;

    fn recorded() -> Recorder {
        let mut recorder = Recorder::new(Recording::On);
        recorder.message_latency(Phase::Learning, Command::Beat, 2_000_000, 8);
        recorder.message_latency(Phase::Learning, Command::PartialModel, 4_000_000, 1);
        recorder.message_latency(Phase::Setup, Command::Handshake, 9_000_000, 1);
        recorder.stage(Stage::Vote, 1_500_000_000);
        recorder.dissemination(Phase::Learning, 1_000, 3);
        recorder
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
