//! Latencies and hops by the names that they have in results.

use crate::metrics::{Histogram, Recorder, Summary};
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
    let mut latency = BTreeMap::new();
    by_command(&mut latency, "message", |command| recorder.message_histogram(command));
    by_command(&mut latency, "rpc", |command| recorder.rpc_histogram(command));
    for stage in Stage::ALL {
        let histogram = recorder.stage_histogram(stage);
        if histogram.count() > 0 {
            latency.insert(format!("stage.{}", stage.name()), Cow::Borrowed(histogram));
        }
    }
    latency.insert("round".to_owned(), Cow::Borrowed(recorder.round_histogram()));
    latency.insert("dissemination".to_owned(), Cow::Borrowed(recorder.dissemination_histogram()));
    let lateness = recorder.timer_lateness_histogram();
    if lateness.count() > 0 {
        latency.insert("timer_lateness".to_owned(), Cow::Borrowed(lateness));
    }
    latency
}

/// How many were so many hops away.
pub fn hop_counts(recorder: &Recorder) -> BTreeMap<u64, u64> {
    recorder.hops_histogram().values().collect()
}

fn by_command<'a>(
    latency: &mut BTreeMap<String, Cow<'a, Histogram>>,
    name: &str,
    of: impl Fn(Command) -> Cow<'a, Histogram>,
) {
    let mut all = Histogram::default();
    for command in Command::ALL {
        let histogram = of(command);
        if histogram.count() > 0 {
            all.merge(&histogram);
            latency.insert(format!("{name}.{command}"), histogram);
        }
    }
    latency.insert(name.to_owned(), Cow::Owned(all));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Phase, Recording};

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
